import CMicrohttpd

/// A reply on its way: first as a response that libmicrohttpd can send, then as what is to be told.
///
/// Its response is used up by exactly one of queueing and ``discard()``.
final class PreparedReply: @unchecked Sendable {
    // SAFETY: the response belongs to whoever is about to queue it, one thread at a time; the
    // library counts references to it under a lock of its own.
    private let response: OpaquePointer?
    let status: Int
    let bytes: Int
    let label: String?
    let onHandover: (@Sendable (Bool) -> Void)?
    // SAFETY: written under the connection's lock before anybody reads it there.
    /// Whether the client was known to have hung up when the reply was queued.
    var wasGone = false

    /// Copies a reply into a response; no lock may be held, since this allocates.
    init(_ reply: HTTPReply, requestID: String) {
        response = PreparedReply.response(reply, requestID: requestID)
        status = reply.status
        bytes = reply.body.count
        label = reply.label
        onHandover = reply.onHandover
    }

    /// A reply that is sent past the library.
    init(sentByHand reply: HTTPReply) {
        response = nil
        status = reply.status
        bytes = reply.body.count
        label = reply.label
        onHandover = reply.onHandover
    }

    private static func response(_ reply: HTTPReply, requestID: String) -> OpaquePointer? {
        let made = reply.body.withUnsafeBytes { bytes in
            // SAFETY: the library copies the bytes before it returns.
            MHD_create_response_from_buffer(
                bytes.count,
                UnsafeMutableRawPointer(mutating: bytes.baseAddress),
                .RESPMEM_MUST_COPY
            )
        }
        guard let made else { return nil }
        var isComplete = true
        // Static names and values: a short String given to C is copied into an array first.
        func add(_ name: StaticString, _ value: UnsafePointer<CChar>) {
            name.withUTF8Buffer { name in
                name.withMemoryRebound(to: CChar.self) { name in
                    guard let name = name.baseAddress else { return }
                    if MHD_add_response_header(made, name, value) != .YES { isComplete = false }
                }
            }
        }
        func add(_ name: StaticString, _ value: StaticString) {
            value.withUTF8Buffer { value in
                value.withMemoryRebound(to: CChar.self) { value in
                    if let value = value.baseAddress { add(name, value) }
                }
            }
        }
        if let type = reply.contentType { type.withCString { add("Content-Type", $0) } }
        requestID.withCString { add("X-Request-Id", $0) }
        add("Cache-Control", "no-store")
        add("X-Content-Type-Options", "nosniff")
        for (name, value) in reply.headers {
            if MHD_add_response_header(made, name, value) != .YES { isComplete = false }
        }
        if reply.closesConnection { add("Connection", "close") }
        guard isComplete else {
            MHD_destroy_response(made)
            return nil
        }
        return made
    }

    /// Gives the response to the library, which sends it; `false` if it will not.
    func queue(on connection: OpaquePointer) -> Bool {
        guard let response else { return false }
        defer { MHD_destroy_response(response) }
        return MHD_queue_response(connection, UInt32(clamping: status), response) == .YES
    }

    /// Throws the reply away, and says so.
    func discard() {
        if let response { MHD_destroy_response(response) }
        onHandover?(false)
    }
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
