/// How bytes are written as a JSON string.
public enum DataEncoding: String, CaseIterable, Sendable {
    /// Standard alphabet, padded, canonical, no white space (RFC 4648 section 4).
    case base64
    /// The bytes are the string's UTF-8, unchanged.
    case utf8
    /// Two digits for each byte; either case is read, lower case is written.
    case hex

    /// What a string in this encoding must be, in words.
    var wording: String {
        switch self {
        case .base64:
            "must be base64: standard alphabet, padded, unused bits zero, no white space"
        case .utf8: "must be a string"
        case .hex: "must be hexadecimal: two digits for each byte"
        }
    }

    /// The bytes that a string stands for.
    ///
    /// - Returns: nil when the string breaks a rule of the encoding.
    public func decode(_ text: String) -> [UInt8]? {
        var text = text
        return text.withUTF8 { decode($0) }
    }

    func decode(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        switch self {
        case .base64: Base64.decode(text)
        case .utf8: Array(text)
        case .hex: Hexadecimal.decode(text)
        }
    }

    /// The encoding that a value names, without making a `String` of it.
    init?(_ node: JSONNode) {
        let match = node.withUTF8 { name in
            for candidate in [DataEncoding.base64, .utf8, .hex]
            where candidate.rawValue.utf8.elementsEqual(name) {
                return Optional(candidate)
            }
            return nil
        }
        guard let found = match, let found else { return nil }
        self = found
    }
}

/// What a client asks for where bytes come back to it.
public enum ReplyEncoding: String, CaseIterable, Sendable {
    /// `utf8` for readable text, else `base64`; for each entry by itself.
    case auto
    case base64
    /// `base64` for bytes that are not valid UTF-8.
    case utf8
    case hex

    /// The same encoding as a request used.
    public init(_ encoding: DataEncoding) {
        switch encoding {
        case .base64: self = .base64
        case .utf8: self = .utf8
        case .hex: self = .hex
        }
    }

    /// The encoding that these bytes get.
    ///
    /// For `auto`, readable text is valid UTF-8 without control characters (U+0000 to U+001F,
    /// U+007F to U+009F) other than tab, carriage return and line feed.
    public func encoding(for bytes: [UInt8]) -> DataEncoding {
        bytes.withUnsafeBufferPointer { encoding(for: $0) }
    }

    func encoding(for bytes: UnsafeBufferPointer<UInt8>) -> DataEncoding {
        switch self {
        case .base64: .base64
        case .hex: .hex
        case .utf8: TextTraits(bytes).isUTF8 ? .utf8 : .base64
        case .auto: TextTraits(bytes).isReadable ? .utf8 : .base64
        }
    }
}
