/// What answers the requests that an ``HTTPServer`` takes.
///
/// The calls come on the listener's threads, several at a time, and must not block.
public protocol HTTPResponder: Sendable {
    /// Looks at a request whose head is complete and whose body has not been read.
    ///
    /// - Parameters:
    ///   - head: the request without its body.
    ///   - declaredLength: the body's length in bytes; 0 without a body, `nil` if it comes in chunks.
    /// - Returns: whether to read the body and ask for an answer.
    func screen(_ head: HTTPRequest, declaredLength: Int?) -> Screening

    /// Answers a whole request, by exactly one call of ``HTTPExchange/reply(_:)``, now or later.
    func respond(to request: HTTPRequest, on exchange: HTTPExchange)

    /// Words the reply to a request that the listener refuses.
    ///
    /// - Parameters:
    ///   - refusal: the fault.
    ///   - head: what is known of the request: its method and path may be empty, its segments and
    ///     query are if the target is not valid, its id and peer are always there.
    /// - Returns: the reply; whether the connection closes after it is the listener's to say.
    func refusal(_ refusal: ListenerRefusal, for head: HTTPRequest) -> HTTPReply

    /// Takes note of a finished request; called once for each whose head was read.
    func logged(_ line: RequestLog)
}

/// What becomes of a request after its head has been seen.
public enum Screening: Sendable {
    /// The body is read and the request answered.
    case proceed

    /// The reply is sent at once and the connection closed, the body unread.
    case refuseNow(HTTPReply)

    /// The body is thrown away, then the reply is sent; the connection stays open.
    ///
    /// A client that waits for `100 Continue`, or declares too long a body, is refused at once.
    case refuseAfterBody(HTTPReply)
}

/// A fault that the listener itself finds, before or instead of asking for an answer.
public enum ListenerRefusal: Sendable, Equatable {
    /// The framing or a field is not valid HTTP, or could be read in two ways.
    case malformed(detail: String)

    /// The request target has a bad escape, is not UTF-8, or is no target at all.
    case targetInvalid(detail: String)

    /// The request target is longer than `limit` bytes.
    case targetTooLong(limit: Int)

    /// The query has more than `limit` items.
    case tooManyQueryItems(limit: Int)

    /// There are more header fields, or more bytes of them, than allowed.
    case headersTooLarge(fieldLimit: Int, byteLimit: Int)

    /// The body is longer than `limit` bytes.
    case bodyTooLarge(limit: Int)

    /// The body comes in a transfer encoding other than `chunked`.
    case transferEncodingUnsupported

    /// The head or the body did not arrive within its time.
    case requestTimeout(part: RequestPart, limitMilliseconds: Int)

    /// The bodies in flight take all the `limit` bytes that they may.
    case overloaded(limit: Int)

    /// The listener is being stopped.
    case stopping

    /// The responder dropped the exchange without a reply.
    case unanswered
}

/// A part of a request that has a deadline of its own.
public enum RequestPart: Sendable, Equatable {
    /// The request line and the header fields.
    case head
    /// What follows them.
    case body
}

/// What a log line says of one finished request.
public struct RequestLog: Sendable {
    /// The method as sent; empty if the request ended before it was known.
    public var method: String
    /// The path as sent, without query.
    public var path: String
    /// ``HTTPReply/label`` of the reply.
    public var label: String?
    /// The reply's status; 0 if the connection ended before there was one.
    public var status: Int
    /// Nanoseconds from the end of the head to the end of the reply.
    public var durationNanoseconds: Int64
    /// What names the request.
    public var requestID: String
    /// The client.
    public var peer: String
    /// The request body's length.
    public var requestBytes: Int
    /// The reply body's length.
    public var replyBytes: Int
    /// Whether the socket took the whole reply.
    public var isSent: Bool
}
