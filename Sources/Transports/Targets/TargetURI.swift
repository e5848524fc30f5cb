/// Why a target cannot be used, found before anything is opened.
public enum TargetError: Error, Hashable, Sendable {
    /// The URI is none that a session can be opened with; the words say what is wrong.
    case invalidURI(String)
    /// No allow rule can admit it.
    case denied
    /// An option names a path that no `file://` rule admits.
    case deniedOption(String)
    /// The transport does not have this option, or not with this value.
    case unsupportedOption(String, reason: String)
}

/// A session's target, taken apart.
public struct TargetURI: Sendable {
    /// The part after the scheme.
    public enum Place: Hashable, Sendable {
        /// A host, without the brackets of an IPv6 literal, and a port.
        case host(String, port: UInt16)
        /// An absolute path, percent-decoded.
        case path(String)
    }

    /// The transport's name, such as `tcp-listen`.
    public let scheme: String
    /// Where it leads.
    public let place: Place
    /// The members of its query, once they have been judged.
    public private(set) var parameters = Parameters()
    /// The members of its query as they were written; `nil` without a question mark.
    private let rawQuery: [(name: String, value: String)]?

    /// Takes a URI apart.
    ///
    /// - Throws: `.invalidURI` for what is no `scheme://host:port` or `scheme:///path`, for user
    ///   information, a query, a fragment, or a path with `..`.
    public init(_ text: String) throws(TargetError) {
        // Past this, a character is a byte: no accent can hide a slash from what looks for one.
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw .invalidURI("it has a blank, or what must be written as percent escapes")
        }
        guard let separator = text.firstRange(of: "://") else {
            throw .invalidURI("it has no scheme followed by ://")
        }
        let scheme = String(text[..<separator.lowerBound])
        let rest = text[separator.upperBound...]
        guard !rest.contains("#") else { throw .invalidURI("it has a fragment") }
        let mark = rest.firstIndex(of: "?")
        let target = rest[..<(mark ?? rest.endIndex)]
        self.scheme = scheme
        if target.hasPrefix("/") {
            place = .path(try TargetURI.path(target))
        } else {
            place = try TargetURI.host(target)
        }
        rawQuery = try mark.map { (mark) throws(TargetError) in
            try TargetURI.query(rest[rest.index(after: mark)...])
        }
    }

    /// Reads the query as a transport's rules have it.
    ///
    /// - Throws: `.invalidURI` for a member that is unknown or wrong, or missing.
    mutating func judgeQuery(by rules: [ParameterRule]) throws(TargetError) {
        guard !rules.isEmpty || rawQuery == nil else {
            throw .invalidURI("it has a query, and this transport takes none")
        }
        for (name, text) in rawQuery ?? [] {
            guard let rule = rules.first(where: { $0.name == name }) else {
                let known = rules.map(\.name).joined(separator: ", ")
                throw .invalidURI("its query may have \(known), and not \(name)")
            }
            guard parameters[name] == nil else {
                throw .invalidURI("\(name) stands twice in its query")
            }
            guard let value = rule.value(of: text) else {
                throw .invalidURI("\(name) in its query \(rule.wording)")
            }
            parameters[name] = value
        }
        for rule in rules where rule.isRequired && parameters[rule.name] == nil {
            throw .invalidURI("its query must have \(rule.name)")
        }
    }

    private static func query(
        _ text: Substring
    ) throws(TargetError) -> [(name: String, value: String)] {
        var members: [(name: String, value: String)] = []
        for piece in text.split(separator: "&", omittingEmptySubsequences: false) {
            guard let equals = piece.firstIndex(of: "="),
                let name = percentDecoded(piece[..<equals]), !name.isEmpty,
                let value = percentDecoded(piece[piece.index(after: equals)...])
            else { throw .invalidURI("its query is not made of name=value with & between") }
            members.append((name, value))
        }
        return members
    }

    private static func host(_ text: Substring) throws(TargetError) -> Place {
        guard !text.contains("@") else { throw .invalidURI("it has user information") }
        guard !text.contains("/") else { throw .invalidURI("a path follows its host and port") }
        guard let colon = text.lastIndex(of: ":"), !text[colon...].contains("]") else {
            throw .invalidURI("it has no port")
        }
        let digits = text[text.index(after: colon)...]
        guard (1...5).contains(digits.utf8.count),
            digits.utf8.allSatisfy({ (48...57).contains($0) }), let port = UInt16(digits)
        else { throw .invalidURI("its port is no number from 0 to 65535") }
        var host = String(text[..<colon])
        if host.hasPrefix("[") && host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
            guard host.contains(":") else {
                throw .invalidURI("only an IPv6 literal stands in brackets")
            }
        } else if host.contains(":") {
            throw .invalidURI("an IPv6 literal needs brackets")
        }
        return .host(host, port: port)
    }

    private static func path(_ text: Substring) throws(TargetError) -> String {
        var segments: [String] = []
        for segment in text.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            guard let decoded = percentDecoded(segment) else {
                throw .invalidURI("its path has a bad percent escape")
            }
            guard !decoded.isEmpty, decoded != ".", decoded != "..",
                !decoded.utf8.contains(where: { $0 == 0 || $0 == UInt8(ascii: "/") })
            else { throw .invalidURI("its path has an empty, dotted or escaped segment") }
            segments.append(decoded)
        }
        return "/" + segments.joined(separator: "/")
    }

    private static func percentDecoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst(), let low = rest.popFirst(),
                let value = UInt8(String(decoding: [high, low], as: UTF8.self), radix: 16),
                high != UInt8(ascii: "+"), high != UInt8(ascii: "-")
            else { return nil }
            bytes.append(value)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
