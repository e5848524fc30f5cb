public import EngineBase
public import PortEngine

/// How a read knows that it is complete.
public enum ReadGoal: Hashable, Sendable {
    /// Tells when a byte could be read, and takes none. The zero-byte read.
    case readiness
    /// Whatever is there, up to `limit` bytes.
    case available(limit: Int)
    /// So many bytes, no more and no fewer.
    case exactly(Int)
    /// Everything up to and with the delimiter, which must come within `limit` bytes.
    case until([UInt8], limit: Int)
}

/// What an operation does.
public enum OperationKind: Sendable {
    /// ReadFile, WSARecv. With `repeats` a standing read: many entries until it ends.
    case read(ReadGoal, repeats: Bool, credit: Int?)
    /// WriteFile: completes once, with all bytes.
    case write([UInt8])
    /// TransactNamedPipe: writes, then reads the answer, nothing of another client in between.
    case transact([UInt8], ReadGoal, discardsInput: Bool, answerTimeoutMilliseconds: Int?)
    /// ConnectNamedPipe, AcceptEx: brings the listener's next client.
    case accept

    /// The word for it in requests.
    public var name: String { entryKind.rawValue }

    /// The kind of its entries.
    public var entryKind: EntryKind {
        switch self {
        case .read: .read
        case .write: .write
        case .transact: .transact
        case .accept: .accept
        }
    }

    /// Payload that is held until it has been sent, in bytes.
    public var payloadBytes: Int {
        switch self {
        case .read, .accept: 0
        case .write(let bytes), .transact(let bytes, _, _, _): bytes.count
        }
    }

    /// Whether it is a standing read.
    public var isStandingRead: Bool {
        if case .read(_, repeats: true, _) = self { return true }
        return false
    }

    /// Whether it sends something.
    public var isWriting: Bool {
        switch self {
        case .write, .transact: true
        case .read, .accept: false
        }
    }
}

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
public struct IOOperation: Sendable {
    /// Its number in the session, in the order of acceptance.
    public let number: UInt64
    /// What it does.
    public let kind: OperationKind
    /// The client's own string.
    public let context: String?
    /// When it was accepted.
    public let acceptedAt: MonotonicInstant
    /// When it must have ended.
    public let deadline: MonotonicInstant?
    /// Where its entry goes.
    public let delivery: OperationDelivery

    /// An operation with these members.
    public init(
        number: UInt64, kind: OperationKind, context: String?,
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
    public var context: String?
    /// How long it may take from acceptance; `nil` is for ever.
    public var timeoutMilliseconds: Int?
    /// Where the entry goes.
    public var delivery: OperationDelivery

    /// A request with these members.
    public init(
        kind: OperationKind, context: String? = nil, timeoutMilliseconds: Int? = nil,
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
