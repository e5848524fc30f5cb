/// What is sent back for one request.
///
/// `X-Request-Id`, `Cache-Control: no-store`, `X-Content-Type-Options: nosniff`, `Content-Length`
/// and `Date` are added when it is sent. A reply to HEAD is given as if to GET; its body is left out.
public struct HTTPReply: Sendable {
    /// The status, 200 to 599.
    public var status: Int

    /// The value of `Content-Type`, if there is one.
    public var contentType: String?

    /// Further fields; no control characters.
    public var headers: [(name: String, value: String)]

    /// The body's bytes.
    public var body: [UInt8]

    /// Whether the connection ends with this reply.
    public var closesConnection: Bool

    /// What the log line should say beside the request, such as the route's template.
    public var label: String?

    /// Told once, from any thread, what became of the reply.
    ///
    /// `true` when the socket took its last byte and the client was not known to be gone when it
    /// was queued; `false` otherwise, also if it could never be queued. `true` does not prove
    /// that the client has read it.
    public var onHandover: (@Sendable (_ sent: Bool) -> Void)?

    /// A reply.
    public init(
        status: Int,
        contentType: String? = nil,
        headers: [(name: String, value: String)] = [],
        body: [UInt8] = [],
        closesConnection: Bool = false,
        label: String? = nil,
        onHandover: (@Sendable (_ sent: Bool) -> Void)? = nil
    ) {
        self.status = status
        self.contentType = contentType
        self.headers = headers
        self.body = body
        self.closesConnection = closesConnection
        self.label = label
        self.onHandover = onHandover
    }
}
