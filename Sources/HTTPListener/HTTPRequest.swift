/// One request: its head and, once it has arrived, its whole body.
public struct HTTPRequest: Sendable {
    let head: RequestHead

    /// The body's bytes; empty if there is none, and while only the head is known.
    public let body: [UInt8]

    init(head: RequestHead, body: [UInt8] = []) {
        self.head = head
        self.body = body
    }

    /// The method as sent; empty if the request ended before it was known.
    public var method: String { head.method }

    /// The target's path as sent, neither decoded nor normalised, without query and authority.
    public var path: String { head.target.path }

    /// The path's parts between its slashes, each percent-decoded once.
    ///
    /// `/` alone has none; `/a/` has two, the second empty. A target that is no path (`*`, or the
    /// authority that CONNECT asks for) is its only segment.
    public var segments: [String] { head.target.segments }

    /// The query's items in their order, decoded as HTML forms are; duplicates are kept.
    public var query: [QueryItem] { head.target.query }

    /// The query as sent, without the question mark.
    public var rawQuery: String { head.target.rawQuery }

    /// Whom the request is for: the authority of an absolute target, otherwise the `Host` field.
    public var host: String? { head.target.authority ?? head.fields.host }

    /// A header field's value, or `nil` if it was not sent.
    ///
    /// Values of a field that came several times are joined by ", ".
    ///
    /// - Parameter lowercasedName: one of ``ListenerConfiguration/headersOfInterest``; others are
    ///   not kept.
    /// - Returns: the value without blanks around it, bytes that are not UTF-8 replaced.
    public func header(_ lowercasedName: StaticString) -> String? { head.fields[lowercasedName] }

    /// Whether a header field came once with exactly these bytes: ``header(_:)`` without a string.
    public func header(_ lowercasedName: StaticString, is value: StaticString) -> Bool {
        head.fields.has(lowercasedName, value)
    }

    /// What names this request in logs and replies: the client's valid `X-Request-Id`, or ours.
    public var requestID: String { head.requestID }

    /// The client: `127.0.0.1:1234`, `[::1]:1234` or `unix`.
    public var peer: String { head.peer }

    /// Whether the client came by a Unix socket, so from this machine and past its file's mode.
    public var arrivedOverUnixSocket: Bool { head.arrivedOverUnixSocket }

    /// When the head was complete, in nanoseconds of the monotonic clock.
    public var arrivedAtNanoseconds: Int64 { head.arrivedAt }
}

/// One part of a query between ampersands.
public struct QueryItem: Hashable, Sendable {
    /// What stands before the equals sign.
    public var name: String

    /// What stands after it; empty without one.
    public var value: String

    /// Whether there was an equals sign.
    public var hasValue: Bool

    /// An item.
    public init(name: String, value: String = "", hasValue: Bool = true) {
        self.name = name
        self.value = value
        self.hasValue = hasValue
    }
}

/// Everything of a request but its body, shared by the copies of ``HTTPRequest``.
final class RequestHead: Sendable {
    let method: String
    let target: RequestTarget
    let fields: KeptFields
    let requestID: String
    let peer: String
    let arrivedOverUnixSocket: Bool
    let arrivedAt: Int64

    init(
        method: String,
        target: RequestTarget,
        fields: KeptFields,
        requestID: String,
        peer: String,
        arrivedOverUnixSocket: Bool,
        arrivedAt: Int64
    ) {
        self.method = method
        self.target = target
        self.fields = fields
        self.requestID = requestID
        self.peer = peer
        self.arrivedOverUnixSocket = arrivedOverUnixSocket
        self.arrivedAt = arrivedAt
    }
}
