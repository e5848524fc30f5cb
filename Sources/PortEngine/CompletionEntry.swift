public import EngineBase

/// What came: the kind of an entry.
public enum EntryKind: String, Sendable, CaseIterable {
    case packet
    case open
    case read
    case write
    case transact
    case accept
    case control
    case lock
    case unlock
    case waitEvent = "wait_event"
    case disconnect
    case sessionState = "session_state"
    case sessionClosed = "session_closed"
}

/// How it ended.
///
/// A failed operation is data, an entry like any other.
public enum EntryStatus: String, Sendable, CaseIterable {
    case ok
    case endOfStream = "end_of_stream"
    case truncated
    case timedOut = "timed_out"
    case cancelled
    case failed
    case indeterminate
}

/// Why an operation did not end `ok`: a stable code, and what the kernel and Windows call it.
public struct EntryError: Hashable, Sendable {
    /// A stable word such as `connection_reset`.
    public var code: String
    /// One sentence for people.
    public var message: String
    /// The kernel's error number, where it came from the kernel.
    public var errno: Int32?
    /// Its name, such as `ECONNRESET`.
    public var errnoName: String?
    /// The Win32 error that the same event gives on Windows.
    public var win32: Int?

    /// An error with these members.
    public init(
        code: String, message: String, errno: Int32? = nil, errnoName: String? = nil,
        win32: Int? = nil
    ) {
        self.code = code
        self.message = message
        self.errno = errno
        self.errnoName = errnoName
        self.win32 = win32
    }
}

/// An operation's id, in two pieces: most ids are only ever written into replies.
public struct OperationName: Hashable, Sendable {
    /// What the ids of all operations of its session begin with.
    public let prefix: String
    /// Its number in its session.
    public let number: UInt64

    /// The name of operation `number` of the session whose ids begin so.
    public init(prefix: String, number: UInt64) {
        self.prefix = prefix
        self.number = number
    }

    /// The id as clients see it.
    public var text: String { prefix + String(number) }
}

/// What entries of operations carry beyond what every entry has.
///
/// Apart from ``CompletionEntry``, so that a posted packet stays small; and what few entries carry
/// is apart once more.
public final class EntryDetails: Sendable {
    /// The session that it is about.
    public let session: String?
    /// The operation that it ends, or that it is one of many results of.
    public let operationName: OperationName?
    /// Request bytes that a transact got out.
    public let sent: Int?
    private let particulars: Particulars?

    private final class Particulars: Sendable {
        let isLast: Bool?
        let error: EntryError?
        let accepted: String?
        let peer: String?
        let discarded: Int?
        let extras: EntryExtras?

        init(
            isLast: Bool?, error: EntryError?, accepted: String?, peer: String?, discarded: Int?,
            extras: EntryExtras?
        ) {
            self.isLast = isLast
            self.error = error
            self.accepted = accepted
            self.peer = peer
            self.discarded = discarded
            self.extras = extras
        }
    }

    /// Whether no entry of that operation follows; given for standing reads alone.
    public var isLast: Bool? { particulars?.isLast }
    /// Why it did not end `ok`.
    public var error: EntryError? { particulars?.error }
    /// The session that an accept brought.
    public var accepted: String? { particulars?.accepted }
    /// The other end: of an accepted or opened session, or the sender of a datagram.
    public var peer: String? { particulars?.peer }
    /// Input bytes that were thrown away unread.
    public var discarded: Int? { particulars?.discarded }
    /// What fewer entries still carry.
    public var extras: EntryExtras? { particulars?.extras }

    /// Details with these members; what does not apply is left out.
    public init(
        session: String? = nil, operation: OperationName? = nil, isLast: Bool? = nil,
        error: EntryError? = nil, accepted: String? = nil, peer: String? = nil, sent: Int? = nil,
        discarded: Int? = nil, extras: EntryExtras? = nil
    ) {
        self.session = session
        operationName = operation
        self.sent = sent
        let hasParticulars =
            isLast != nil || error != nil || accepted != nil || peer != nil || discarded != nil
            || extras != nil
        particulars =
            hasParticulars
            ? Particulars(
                isLast: isLast, error: error, accepted: accepted, peer: peer, discarded: discarded,
                extras: extras)
            : nil
    }

    /// The id of that operation.
    public var operation: String? { operationName?.text }
}

/// What the entries of some operations and devices carry besides.
public final class EntryExtras: Sendable {
    /// The real size of a datagram or message that did not fit.
    public let messageBytes: Int?
    /// What happened on a line, or how its signals stand.
    public let events: [String]?
    /// The number that a control asked for.
    public let value: Int?
    /// How bytes look on a serial line.
    public let line: EntryLine?
    /// What became of the connection of a session that reconnects.
    public let sessionState: SessionStateChange?
    /// How many attempts it took to come back.
    public let attempts: Int?
    /// Entries of this kind that found no room before this one.
    public let skipped: Int?

    /// Extras with these members; what does not apply is left out.
    public init(
        messageBytes: Int? = nil, events: [String]? = nil, value: Int? = nil,
        line: EntryLine? = nil, sessionState: SessionStateChange? = nil, attempts: Int? = nil,
        skipped: Int? = nil
    ) {
        self.messageBytes = messageBytes
        self.events = events
        self.value = value
        self.line = line
        self.sessionState = sessionState
        self.attempts = attempts
        self.skipped = skipped
    }
}

/// What became of the connection of a session that reconnects.
public enum SessionStateChange: String, Sendable {
    case down, up
}

/// The result of one operation, or a packet that a client posted.
///
/// OVERLAPPED_ENTRY.
public struct CompletionEntry: Sendable {
    // Nothing of it is changed, and so it is put together in registers, without a copy.
    @usableFromInline let head: EntryHead
    /// The key of the session, or of the packet; `nil` if none was given.
    public let key: ClientText?
    /// The client's own string of the operation, untouched.
    public let context: ClientText?
    /// The payload; `nil` where there is none, which costs nothing to copy and to free.
    @usableFromInline let payload: [UInt8]?
    /// What operations carry besides.
    public let details: EntryDetails?

    /// The most that ``bytes`` can say.
    public static let mostBytes = (1 << 53) - 1

    /// An entry with these members.
    @inlinable
    public init(
        kind: EntryKind, status: EntryStatus = .ok, key: ClientText? = nil,
        context: ClientText? = nil, bytes: Int = 0, data: [UInt8] = [],
        details: EntryDetails? = nil
    ) {
        let holdsMemory =
            !data.isEmpty || details != nil || ClientText.holdsMemory(key)
            || ClientText.holdsMemory(context)
        head = EntryHead(kind, status, bytes, payload: data.count, holdsMemory: holdsMemory)
        self.key = key
        self.context = context
        payload = data.isEmpty ? nil : data
        self.details = details
    }

    /// What came.
    @inlinable public var kind: EntryKind { head.kind }

    /// How it ended.
    ///
    /// Look here before using `bytes`.
    @inlinable public var status: EntryStatus { head.status }

    /// Bytes moved, 0 to ``mostBytes``; for a packet what its poster said.
    @inlinable public var bytes: Int { head.bytes }

    /// The payload; empty where there is none.
    @inlinable public var data: [UInt8] { payload ?? [] }

    /// Bytes of the payload.
    ///
    /// Mostly without a look at it: it is far away in memory, and this is asked under the lock.
    var dataCount: Int { head.bytesArePayload ? bytes : payload?.count ?? 0 }
}
