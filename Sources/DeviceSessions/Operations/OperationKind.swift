public import PortEngine

/// What a read is asked for.
public final class ReadRequest: Sendable {
    /// When it is complete.
    public let goal: ReadGoal
    /// Whether it is a standing read: many entries until it ends.
    public let repeats: Bool
    /// Data entries that a standing read may give, where that is limited.
    public let credit: Int?
    /// Where in a file it begins.
    public let offset: UInt64?
    /// Timers that end it `ok` with what has come.
    public let timers: ReadTimers?

    /// A request with these members.
    public init(
        _ goal: ReadGoal, repeats: Bool = false, credit: Int? = nil, offset: UInt64? = nil,
        timers: ReadTimers? = nil
    ) {
        self.goal = goal
        self.repeats = repeats
        self.credit = credit
        self.offset = offset
        self.timers = timers
    }
}

/// What a write is asked for.
public final class WriteRequest: Sendable {
    /// The payload.
    public let bytes: [UInt8]
    /// Where in a file it begins.
    public let offset: UInt64?
    /// Where a datagram goes, on a session without one peer.
    public let destination: SocketAddress?

    /// A request with these members.
    public init(_ bytes: [UInt8], offset: UInt64? = nil, destination: SocketAddress? = nil) {
        self.bytes = bytes
        self.offset = offset
        self.destination = destination
    }
}

/// What a transact is asked for.
public final class TransactRequest: Sendable {
    /// The request.
    public let bytes: [UInt8]
    /// When its answer is complete.
    public let goal: ReadGoal
    /// Timers that end the answer `ok` with what has come.
    public let timers: ReadTimers?
    /// Whether input that is there before the request is sent is thrown away.
    public let discardsInput: Bool
    /// How long the answer may take from the request's last byte on.
    public let answerTimeoutMilliseconds: Int?

    /// A request with these members.
    public init(
        _ bytes: [UInt8], _ goal: ReadGoal, timers: ReadTimers? = nil, discardsInput: Bool = false,
        answerTimeoutMilliseconds: Int? = nil
    ) {
        self.bytes = bytes
        self.goal = goal
        self.timers = timers
        self.discardsInput = discardsInput
        self.answerTimeoutMilliseconds = answerTimeoutMilliseconds
    }
}

/// Timers of a serial line's read, which end it `ok`.
///
/// COMMTIMEOUTS.
public struct ReadTimers: Hashable, Sendable {
    /// The longest pause after a byte; 0: what is there now, even nothing.
    public var intervalMilliseconds: Int?
    /// How long the read may take from its start on.
    public var totalMilliseconds: Int?

    /// Timers with these values; `nil` is no such timer.
    public init(intervalMilliseconds: Int?, totalMilliseconds: Int?) {
        self.intervalMilliseconds = intervalMilliseconds
        self.totalMilliseconds = totalMilliseconds
    }
}

/// What an operation does.
public enum OperationKind: Sendable {
    /// ReadFile, WSARecv.
    case read(ReadRequest)
    /// WriteFile: completes once, with all bytes.
    case write(WriteRequest)
    /// TransactNamedPipe: writes, then reads the answer, nothing of another client in between.
    case transact(TransactRequest)
    /// ConnectNamedPipe, AcceptEx: brings the listener's next client.
    case accept
    /// DeviceIoControl, by name.
    case control(ControlAction)
    /// LockFileEx: holds a range of a file against other sessions and programs.
    case lock(LockRequest)
    /// UnlockFileEx: lets exactly such a range go.
    case unlock(FileRange)
    /// WaitCommEvent: tells what happens on a serial line; a mask that is given holds from then on.
    case waitEvent(LineEvents?)
    /// DisconnectNamedPipe: lets the client go and keeps the session for the next one.
    case disconnect

    /// A read by its goal.
    public static func read(_ goal: ReadGoal, repeats: Bool, credit: Int?) -> OperationKind {
        .read(ReadRequest(goal, repeats: repeats, credit: credit))
    }

    /// A write of these bytes.
    public static func write(_ bytes: [UInt8]) -> OperationKind { .write(WriteRequest(bytes)) }

    /// A transact of these bytes, whose answer is complete by `goal`.
    public static func transact(
        _ bytes: [UInt8], _ goal: ReadGoal, discardsInput: Bool, answerTimeoutMilliseconds: Int?
    ) -> OperationKind {
        .transact(
            TransactRequest(
                bytes, goal, discardsInput: discardsInput,
                answerTimeoutMilliseconds: answerTimeoutMilliseconds))
    }

    /// The word for it in requests.
    public var name: String { entryKind.rawValue }

    /// The kind of its entries.
    public var entryKind: EntryKind {
        switch self {
        case .read: .read
        case .write: .write
        case .transact: .transact
        case .accept: .accept
        case .control: .control
        case .lock: .lock
        case .unlock: .unlock
        case .waitEvent: .waitEvent
        case .disconnect: .disconnect
        }
    }

    /// Payload that is held until it has been sent, in bytes.
    public var payloadBytes: Int {
        switch self {
        case .read, .accept, .control, .lock, .unlock, .waitEvent, .disconnect: 0
        case .write(let write): write.bytes.count
        case .transact(let transact): transact.bytes.count
        }
    }

    /// Whether it is a standing read.
    public var isStandingRead: Bool {
        if case .read(let read) = self { return read.repeats }
        return false
    }

    /// When what it reads is complete, for what reads.
    var readGoal: ReadGoal? {
        switch self {
        case .read(let read): read.goal
        case .transact(let transact): transact.goal
        case .write, .accept, .control, .lock, .unlock, .waitEvent, .disconnect: nil
        }
    }

    /// The same with another goal; what reads nothing stays as it is.
    public func reading(_ goal: ReadGoal) -> OperationKind {
        switch self {
        case .read(let read):
            .read(
                ReadRequest(
                    goal, repeats: read.repeats, credit: read.credit, offset: read.offset,
                    timers: read.timers))
        case .transact(let transact):
            .transact(
                TransactRequest(
                    transact.bytes, goal, timers: transact.timers,
                    discardsInput: transact.discardsInput,
                    answerTimeoutMilliseconds: transact.answerTimeoutMilliseconds))
        case .write, .accept, .control, .lock, .unlock, .waitEvent, .disconnect: self
        }
    }

    /// Whether it sends something.
    public var isWriting: Bool {
        switch self {
        case .write, .transact: true
        case .read, .accept, .control, .lock, .unlock, .waitEvent, .disconnect: false
        }
    }
}
