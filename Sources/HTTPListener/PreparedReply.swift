import CMicrohttpd

/// A reply in the form in which libmicrohttpd sends it.
///
/// It is used up by exactly one of queueing and ``discard()``.
struct PreparedReply: @unchecked Sendable {
    // SAFETY: the response belongs to whoever holds this value, one thread at a time; the library
    // counts references to it under a lock of its own.
    private let response: OpaquePointer?
    private let status: UInt32
    let outcome: ReplyOutcome

    /// Copies a reply into a response; no lock may be held, since this allocates.
    init(_ reply: HTTPReply, requestID: String) {
        let body = reply.body
        var response = body.withUnsafeBytes { bytes -> OpaquePointer? in
            // SAFETY: the library copies the bytes before it returns.
            MHD_create_response_from_buffer(
                bytes.count,
                UnsafeMutableRawPointer(mutating: bytes.baseAddress),
                .RESPMEM_MUST_COPY
            )
        }
        var hasAll = true
        if let response {
            func add(_ name: String, _ value: String) {
                if MHD_add_response_header(response, name, value) != .YES { hasAll = false }
            }
            if let type = reply.contentType { add("Content-Type", type) }
            add("X-Request-Id", requestID)
            add("Cache-Control", "no-store")
            add("X-Content-Type-Options", "nosniff")
            for (name, value) in reply.headers { add(name, value) }
            if reply.closesConnection { add("Connection", "close") }
        }
        if !hasAll, let incomplete = response {
            MHD_destroy_response(incomplete)
            response = nil
        }
        self.response = response
        status = UInt32(clamping: reply.status)
        outcome = ReplyOutcome(
            status: reply.status,
            bytes: body.count,
            label: reply.label,
            onHandover: reply.onHandover
        )
    }

    /// Gives the response to the library, which sends it; `false` if it will not.
    func queue(on connection: OpaquePointer) -> Bool {
        guard let response else { return false }
        defer { MHD_destroy_response(response) }
        return MHD_queue_response(connection, status, response) == .YES
    }

    /// Throws the reply away, and says so.
    func discard() {
        if let response { MHD_destroy_response(response) }
        outcome.onHandover?(false)
    }
}

/// What is kept of a reply on its way.
struct ReplyOutcome: Sendable {
    var status: Int
    var bytes: Int
    var label: String?
    var onHandover: (@Sendable (Bool) -> Void)?
    /// Whether the client was known to have hung up when the reply was queued.
    var wasGone = false
}

/// Words a reply by hand, for a connection whose request libmicrohttpd is still reading.
func rawReply(_ reply: HTTPReply, requestID: String, omitsBody: Bool) -> [UInt8] {
    var head = "HTTP/1.1 \(reply.status) "
    if let phrase = MHD_get_reason_phrase_for(UInt32(clamping: reply.status)) {
        head += String(cString: phrase)
    }
    head +=
        "\r\nDate: \(httpDate())\r\nConnection: close\r\nContent-Length: \(reply.body.count)\r\n"
    if let type = reply.contentType { head += "Content-Type: \(type)\r\n" }
    head += "X-Request-Id: \(requestID)\r\nCache-Control: no-store\r\n"
    head += "X-Content-Type-Options: nosniff\r\n"
    for (name, value) in reply.headers where !(name + value).utf8.contains(where: { $0 < 0x20 }) {
        head += "\(name): \(value)\r\n"
    }
    head += "\r\n"
    return Array(head.utf8) + (omitsBody ? [] : reply.body)
}
