import CMicrohttpd

/// What one walk over a request's header fields finds.
struct HeaderFields {
    private(set) var kept: KeptFields
    private(set) var count = 0
    private(set) var bytes = 0
    private(set) var hosts = 0
    private(set) var lengths = 0
    private(set) var types = 0
    private(set) var codings = 0
    private(set) var isChunked = false
    /// The declared length; `nil` if it is no number, or one past `Int`.
    private(set) var length: Int?
    private(set) var expectsContinue = false
    private(set) var hasBadName = false
    private(set) var hasBadValue = false
    private var requestIDs = 0
    private var sentRequestID: String?

    /// The client's name for its request, if it is valid and came once.
    var requestID: String? { requestIDs == 1 ? sentRequestID : nil }

    /// Whether a body follows the head.
    var hasBody: Bool { codings > 0 || (lengths > 0 && length != 0) }

    init(names: FieldNames) {
        kept = KeptFields(names: names)
    }

    /// Walks over the fields of the request that a connection has just read.
    static func read(from connection: OpaquePointer, names: FieldNames) -> HeaderFields {
        var fields = HeaderFields(names: names)
        withUnsafeMutablePointer(to: &fields) { pointer in
            _ = MHD_get_connection_values_n(connection, .HEADER_KIND, takeField, pointer)
        }
        return fields
    }

    mutating func take(
        name: UnsafeBufferPointer<UInt8>,
        value: UnsafeBufferPointer<UInt8>
    ) {
        count += 1
        // A colon, a blank and the end of the line.
        bytes += name.count + value.count + 4
        guard !name.isEmpty, name.allSatisfy(isTokenByte) else {
            hasBadName = true
            return
        }
        guard value.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
            hasBadValue = true
            return
        }
        let names = kept.names
        switch name.count {
        case 4 where isSameName(name, names.host):
            hosts += 1
            kept.keepHost(value)
        case 6 where isSameName(name, names.expect):
            expectsContinue = isSameName(value, names.continues)
        case 12 where isSameName(name, names.contentType):
            types += 1
        case 12 where isSameName(name, names.requestID):
            requestIDs += 1
            sentRequestID = RequestID.isValid(value) ? String(decoding: value, as: UTF8.self) : nil
        case 14 where isSameName(name, names.contentLength):
            lengths += 1
            length = Self.decimal(value)
        case 17 where isSameName(name, names.transferEncoding):
            codings += 1
            // Exactly so: the library does not understand it otherwise, and waits for ever.
            isChunked = isSameName(value, names.chunked)
        default: break
        }
        kept.keep(value, of: name)
    }

    private static func decimal(_ digits: UnsafeBufferPointer<UInt8>) -> Int? {
        guard !digits.isEmpty else { return nil }
        var number = 0
        for digit in digits {
            guard (0x30...0x39).contains(digit) else { return nil }
            let (tens, overflow) = number.multipliedReportingOverflow(by: 10)
            let (sum, secondOverflow) = tens.addingReportingOverflow(Int(digit - 0x30))
            guard !overflow, !secondOverflow else { return nil }
            number = sum
        }
        return number
    }

    /// The fault in how these fields frame the request, if there is one.
    func fault(isHTTP10: Bool) -> ListenerRefusal? {
        if hasBadName { return .malformed(detail: "A header field's name is not a token.") }
        if hasBadValue {
            return .malformed(detail: "A header field's value holds a control character.")
        }
        if hosts > 1 || lengths > 1 || codings > 1 || types > 1 {
            return .malformed(
                detail: "Host, Content-Length, Transfer-Encoding or Content-Type came twice."
            )
        }
        if hosts == 0, !isHTTP10 { return .malformed(detail: "HTTP/1.1 needs a Host field.") }
        if codings > 0 {
            if lengths > 0 {
                return .malformed(
                    detail: "Content-Length and Transfer-Encoding exclude each other."
                )
            }
            if isHTTP10 {
                return .malformed(detail: "HTTP/1.0 knows no Transfer-Encoding.")
            }
            if !isChunked { return .transferEncodingUnsupported }
        }
        return nil
    }
}

/// Whether a byte may stand in a token: letters, digits and ``!#$%&'*+-.^_`|~``.
func isTokenByte(_ byte: UInt8) -> Bool {
    // Bit n of the pair stands for byte n.
    let low: UInt64 = 0x03FF_6CFA_0000_0000
    let high: UInt64 = 0x57FF_FFFF_C7FF_FFFE
    return byte < 64
        ? low >> UInt64(byte) & 1 == 1 : byte < 128 && high >> UInt64(byte - 64) & 1 == 1
}

/// Takes one field during the walk.
private let takeField: MHD_KeyValueIteratorN = { context, _, name, nameSize, value, valueSize in
    guard let context, let name else { return .YES }
    // SAFETY: the context is the structure that `read` lends for the time of the walk, and the
    // texts live as long as the request's head.
    let fields = context.assumingMemoryBound(to: HeaderFields.self)
    name.withMemoryRebound(to: UInt8.self, capacity: nameSize) { nameBytes in
        guard let value else {
            fields.pointee.take(
                name: UnsafeBufferPointer(start: nameBytes, count: nameSize),
                value: UnsafeBufferPointer(start: nil, count: 0)
            )
            return
        }
        value.withMemoryRebound(to: UInt8.self, capacity: valueSize) { valueBytes in
            fields.pointee.take(
                name: UnsafeBufferPointer(start: nameBytes, count: nameSize),
                value: UnsafeBufferPointer(start: valueBytes, count: valueSize)
            )
        }
    }
    return .YES
}
