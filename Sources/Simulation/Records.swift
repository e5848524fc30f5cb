import DeviceSessions
import EngineBase
import PortEngine
import Workers

/// What the simulation knows of an accepted operation.
final class OperationRecord {
    let number: UInt64
    let kind: OperationKind
    /// Where the entry goes; `nil` with `deliver: "none"`.
    let reply: ReplyRecord?
    let isSilent: Bool
    let deadline: MonotonicInstant?
    let acceptedAt: MonotonicInstant
    /// Counts what happened in the session before it was accepted.
    let acceptedAfter: Int
    var isCancelRequested = false
    var hasEnded = false
    /// The entry was lost on its way to the client, and must come to the port.
    var isDueAtPort = false
    /// Request bytes that the kernel took.
    var sent = 0
    /// Request bytes that the engine knows to be taken.
    var toldSent = 0
    var sentAllAt: MonotonicInstant?
    /// Of a torn write or transact: what had happened in the session when its entry was seen.
    var tornSeenAfter: Int?
    /// Where in the input a transact's answer begins behind a standing read.
    var answerStart: Int?
    /// Credit given to a standing read, `nil` without limit, less the entries it gave.
    var credit: Int?
    var total: Int { kind.payloadBytes }

    init(
        number: UInt64, request: OperationRequest, reply: ReplyRecord?,
        acceptedAt: MonotonicInstant, acceptedAfter: Int
    ) {
        self.number = number
        kind = request.kind
        self.reply = reply
        if case .none = request.delivery { isSilent = true } else { isSilent = false }
        deadline = request.timeoutMilliseconds.map { acceptedAt.advanced(milliseconds: $0) }
        self.acceptedAt = acceptedAt
        self.acceptedAfter = acceptedAfter
        if case .read(let read) = request.kind { credit = read.credit }
    }

    var isTorn: Bool { sent > 0 && sent < total }

    /// Whether its entry may be there without the simulation having seen it: other operations of the
    /// same reply are not done.
    var isHidden: Bool { !hasEnded && isOneOfMany }

    var isOneOfMany: Bool { reply.map { $0.operations.count > 1 } ?? false }

    func shares(laneWith other: OperationRecord) -> Bool {
        switch (kind, other.kind) {
        case (.accept, .accept): true
        case (.accept, _), (_, .accept): false
        case (.read, .write), (.write, .read): false
        default: true
        }
    }

    var isRead: Bool { if case .read = kind { true } else { false } }
    var isTransact: Bool { if case .transact = kind { true } else { false } }
    var isAccept: Bool { if case .accept = kind { true } else { false } }
}

/// A request that waits for the entries of its operations, or of its open.
final class ReplyRecord {
    let id: Int
    let port: PortRecord
    /// The session and the operations; none for an inline open.
    let session: SessionRecord?
    var operations: [OperationRecord] = []
    /// The reply, once it is complete.
    var reply: InlineReply?
    /// Places that it gives back if it arrives.
    var places = 0
    var failedOpen: SessionRecord?

    /// Whether accepts in it may have given a place back without the simulation seeing it.
    var hasHiddenAccepts: Bool { operations.count > 1 && operations[0].isAccept }

    init(id: Int, port: PortRecord, session: SessionRecord?) {
        self.id = id
        self.port = port
        self.session = session
    }
}

/// Bytes that left a session's input.
struct Segment {
    var operation: UInt64
    var data: [UInt8]
    var discarded: Int
    /// Where a transact's answer is expected if not at the front.
    var start: Int?
    /// The entry said that the input is at its end.
    var tellsEnd: Bool
}

/// What the simulation knows of a session.
final class SessionRecord {
    let id: SessionID
    let handle: SessionHandle
    let port: PortRecord
    let isListener: Bool
    let openedAt: MonotonicInstant
    /// Whether it was opened by name, so that an `open` entry is due.
    let hasOpen: Bool
    var isOpenSeen: Bool
    var hasOpenFailed = false
    var isClosedSeen = false
    var closesRequested: [CloseReason] = []
    var isForced = false
    var firstCloseAt: MonotonicInstant?
    var connection: ConnectionRecord?
    var listener: ScriptedListener?
    var pending: [OperationRecord] = []
    /// Operations that have ended, as long as something of them may come.
    var ended: [UInt64: OperationRecord] = [:]
    var newest: UInt64 = 0
    /// Grows with everything that is seen of the session.
    var clock = 0
    /// The operation whose bytes were sent last.
    var sender: OperationRecord?
    var hasTorn = false
    var isOutputShut = false
    var portSegments: [Segment] = []
    var inlineSegments: [Segment] = []
    var isDescribeOut = false
    var lastDescription: [OperationStatus] = []

    init(handle: SessionHandle, port: PortRecord, isListener: Bool, hasOpen: Bool) {
        id = handle.id
        self.handle = handle
        self.port = port
        self.isListener = isListener
        self.hasOpen = hasOpen
        isOpenSeen = !hasOpen
        openedAt = handle.openedAt
    }

    func operation(_ number: UInt64) -> OperationRecord? {
        pending.first { $0.number == number } ?? ended[number]
    }

    /// Ends the operations without an entry of which something else says that they are over.
    func forgetSilent(where isOver: (OperationRecord) -> Bool) {
        for operation in pending where operation.isSilent && isOver(operation) {
            operation.hasEnded = true
            // A reply that waited for others may tell later of what was queued behind it.
            hasTorn = hasTorn || operation.isTorn
        }
        pending.removeAll { $0.hasEnded }
    }

    var standing: OperationRecord? { pending.first { $0.kind.isStandingRead } }

    /// Whether nobody sees how its open went, because its port was closed before.
    var isOpenHidden: Bool { !isOpenSeen && port.isClosed }

    /// Whether clients know its id: that of an inline open is told when it has succeeded.
    var isKnown: Bool { handle.inlineOpen == nil || isOpenSeen && !hasOpenFailed }

    /// Whether an operation may be cancelled by the end of the session.
    var mayBeClosing: Bool {
        !closesRequested.isEmpty || handle.configuration.idleTimeoutMilliseconds > 0
    }
}

/// A connection with its device.
final class ConnectionRecord {
    let index: Int
    let connection: ScriptedConnection
    let manner: DeviceManner
    let address: String
    weak var session: SessionRecord?
    var ledger: InputLedger
    /// Bytes that the device has sent.
    var deviceSent = 0
    /// Answers that the device owes.
    var owed = 0
    /// Where the answer of what is being sent begins, if that standing read is before it.
    var answersFrom: (standing: UInt64, told: Int)?
    /// The first error that ends the whole connection, as told to the engine.
    var fatal: Errno?
    var hasBrokenPipe = false
    /// Whether the end was told, and whether that was before any fatal error.
    var isEndTold = false
    var wasEndFirst = false
    /// Whether the engine's descriptor was closed.
    var isClosed = false

    init(index: Int, connection: ScriptedConnection, manner: DeviceManner, address: String) {
        self.index = index
        self.connection = connection
        self.manner = manner
        self.address = address
        ledger = InputLedger(pattern: BytePattern(key: scramble(UInt64(index) &+ 77)))
    }
}

/// What the simulation knows of a port.
final class PortRecord {
    /// An entry that was seen.
    struct Entry {
        var fingerprint: Int
        var lease: LeaseID?
        var heldUntil: MonotonicInstant?
        var isAcked = false
    }

    let index: Int
    let port: CompletionPort
    var isClosed = false
    var reserved = 0
    /// Accepts whose end shows only when that of others does.
    var hiddenAccepts = 0
    var lastSeq: UInt64 = 0
    /// Entries in answers that have not been looked at in order.
    var unseen: [UInt64: QueuedEntry] = [:]
    var entries: [UInt64: Entry] = [:]
    var acked = 0
    var posted: UInt64 = 0
    var postedSeen: UInt64 = 0
    var waits: [Int: WaitTicket] = [:]

    init(index: Int, port: CompletionPort) {
        self.index = index
        self.port = port
    }
}

/// A batch that a client holds.
struct Batch {
    let port: PortRecord
    let lease: LeaseID
    var seqs: [UInt64]
    /// The step in which it came.
    let step: Int
}

/// A reply on its way to a client.
struct Carriage {
    let port: PortRecord
    let id: HandoverID
    let entries: [UInt64]
    let isConsumed: Bool
    /// The step in which it was sent.
    let step: Int
}
