import DequeModule
public import EngineBase
public import PortEngine

/// What a session wants done: by the driver, by the timers, by its port.
public enum SessionEffect: Sendable {
    /// Start a step; its completion comes back under this number.
    case submit(step: UInt64, KernelStep)
    /// Ask for a step to end.
    case cancelStep(UInt64)
    /// Come back at that moment.
    case arm(SessionTimer, at: MonotonicInstant)
    /// A moment asked for is of no use any more.
    case disarm
    /// An operation's entry, in the place that was promised to it. `isLast` ends the operation.
    case complete(IOOperation, CompletionEntry)
    /// A standing read's entry that is not its last, in a place that was taken for it just now.
    case standingEntry(CompletionEntry)
    /// The `open` entry, which may go into the reply of the request.
    case opened(CompletionEntry)
    /// The connection was lost, or has come back; in a place that was kept for it.
    case sessionState(CompletionEntry)
    /// Tell the session once when the peer of this descriptor goes away.
    case watchHangup(DescriptorSlot)
    /// The last entry of the session.
    case sessionClosed(CompletionEntry)
    /// A listener's accept brought a connection: make a session of it, and complete the accept.
    case spawn(IOOperation, DescriptorSlot, peer: SocketAddress)
    /// Ask the listener that this session came from for its next client.
    case askListener
    /// Tell it that no client is wanted any more; it answers that too.
    case withdrawFromListener
    /// A listener's answer to the session in that slot of its worker: a client.
    case giveClient(to: UInt64, DescriptorSlot, peer: SocketAddress)
    /// A listener's answer to the session in that slot: none will come.
    case refuseClient(to: UInt64, EntryError)
    /// Writes are possible again, whatever was shut before: the client has changed.
    case outputRenewed
    /// Give promised places back to the port.
    case releasePlaces(Int)
    /// Tell the session when its port has room.
    case awaitRoom
    /// An operation ended that nobody gets an entry of.
    case finishedSilently(IOOperation)
    /// Locks of files have come to the head of their lines: tell the sessions that wait for them.
    case tellGrants([LockGrant])
    /// No step is out and none will come: the session can be forgotten by its worker.
    case ended
}

/// What is to be done, in this order: taken from the front while a session adds at the back.
public struct SessionEffects: Sendable {
    private var effects = Deque<SessionEffect>()

    /// Nothing to do.
    public init() {}

    /// Adds what is to be done behind all else.
    public mutating func append(_ effect: SessionEffect) { effects.append(effect) }

    /// Takes what is to be done next.
    public mutating func popFirst() -> SessionEffect? { effects.popFirst() }
}

/// What a session may be woken for.
public enum SessionTimer: Hashable, Sendable {
    /// The operation's deadline.
    case operation(UInt64)
    /// The transact's answer is due.
    case answer(UInt64)
    /// The open must be over.
    case connect
    /// A step of the opening's own.
    case opening(Int)
    /// The session may have been idle for too long.
    case idle
    /// Look again whether the kernel has sent everything.
    case linger
    /// Try the accept again.
    case acceptAgain
    /// A timer of a read may end it.
    case read(UInt64)
    /// Look at a serial line again.
    case line(LineTimer)
    /// A pause may have ended a frame.
    case gap
    /// The pause before an attempt to reconnect is over.
    case reconnect
    /// An attempt to reconnect must be over.
    case attempt(UInt64)
    /// Try to take the kernel's lock for this operation again.
    case lockAgain(UInt64)
    /// The file operation could not be called back in time: its entry must not wait for it.
    case fileIsStuck(UInt64)
}

/// What a session needs to know of its surroundings while it decides.
public protocol SessionSurroundings {
    /// Whether the port's payload is below its limit, so that reads may take bytes.
    var portAcceptsPayload: Bool { get }

    /// Takes a free place on the port for one more entry, if there is one.
    func reservePlace() -> Bool

    /// Whether one more session may exist.
    var mayAddSession: Bool { get }

    /// The locks of all files that sessions have open.
    var fileLocks: FileLockTable { get }
}

/// What becomes of credit given to an operation.
public enum CreditAnswer: Hashable, Sendable {
    /// Data entries that the standing read may still give.
    case credit(Int)
    /// The operation is no standing read with limited credit.
    case notLimited
    /// The operation has ended.
    case ended
}

/// What becomes of a request to cancel.
public struct CancelAnswer: Sendable {
    /// Operations whose entry will tell.
    public var cancelling = 0
    /// Operations named that have ended already.
    public var alreadyDone: [UInt64] = []
    /// Operations named that never were.
    public var unknown: [UInt64] = []

    /// An answer that names nothing.
    public init() {}
}
