public import EngineBase

/// Where an operation's entry goes.
public enum OperationDelivery: Sendable {
    /// To the session's port.
    case port
    /// Into the reply of the request that submitted it, at this index.
    case inline(InlineReply, index: Int)
    /// Nowhere: a failure shows in the session's last error.
    case none
}

/// One asynchronous request on a session, accepted.
///
/// OVERLAPPED.
public final class IOOperation: Sendable {
    /// Its number in the session, in the order of acceptance.
    public let number: UInt64
    /// What it does.
    public let kind: OperationKind
    /// The client's own string.
    public let context: ClientText?
    /// When it was accepted.
    public let acceptedAt: MonotonicInstant
    /// When it must have ended.
    public let deadline: MonotonicInstant?
    /// Where its entry goes.
    public let delivery: OperationDelivery

    /// An operation with these members.
    public init(
        number: UInt64, kind: OperationKind, context: ClientText?,
        acceptedAt: MonotonicInstant = MonotonicInstant(nanoseconds: 0),
        deadline: MonotonicInstant?, delivery: OperationDelivery
    ) {
        self.acceptedAt = acceptedAt
        self.number = number
        self.kind = kind
        self.context = context
        self.deadline = deadline
        self.delivery = delivery
    }
}

/// What a client asks for, before it is accepted.
public struct OperationRequest: Sendable {
    /// What to do.
    public var kind: OperationKind
    /// The client's own string.
    public var context: ClientText?
    /// How long it may take from acceptance; `nil` is for ever.
    public var timeoutMilliseconds: Int?
    /// Where the entry goes.
    public var delivery: OperationDelivery

    /// A request with these members.
    public init(
        kind: OperationKind, context: ClientText? = nil, timeoutMilliseconds: Int? = nil,
        delivery: OperationDelivery = .port
    ) {
        self.kind = kind
        self.context = context
        self.timeoutMilliseconds = timeoutMilliseconds
        self.delivery = delivery
    }

    /// Places that it needs on the port: its entry, and for an accept the end of what it brings.
    public var places: Int {
        if case .none = delivery { return 0 }
        if case .accept = kind { return 2 }
        return 1
    }
}
