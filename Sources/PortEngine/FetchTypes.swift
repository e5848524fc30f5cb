public import EngineBase

/// How entries leave a port.
public enum FetchMode: String, Sendable, CaseIterable {
    /// They stay until settled, or come back when the lease runs out.
    case lease
    /// They leave with the reply, as GetQueuedCompletionStatusEx has it.
    case consume
}

/// What a fetch asks.
///
/// Everything has a default.
public struct FetchRequest: Sendable {
    /// The most entries, from 1.
    public var maxEntries = 64
    /// The most payload bytes; the first entry comes whatever its size.
    public var maxBytes = 1_048_576
    /// How long to wait for the first entry; 0 is not at all.
    public var waitMilliseconds = 0
    /// Whether entries are leased or consumed.
    public var mode = FetchMode.lease
    /// How long the lease lasts; `nil` is the port's default.
    public var leaseMilliseconds: Int?
    /// Who fetches; `nil` is somebody new each time.
    public var consumer: ConsumerName?
    /// The name of this fetch: the same again gives the same batch while its lease lives.
    public var fetchID: String?
    /// Whether an alert ends the wait.
    ///
    /// The alertable wait.
    public var isAlertable = false
    /// What to settle first.
    public var settle: SettleRequest?

    /// A fetch with all defaults.
    public init() {}
}

/// Why a fetch came back.
///
/// That nothing was taken is a reason, never an error.
public enum FetchReason: String, Sendable, CaseIterable {
    case entries
    case timeout
    case alert
    case concurrency
    case closed
    case draining
    case superseded
}

/// An entry with its place in the port.
public struct QueuedEntry: Sendable {
    /// Its number, growing by one for each entry of the port.
    public var seq: UInt64
    /// How often it has been handed out, this time included.
    public var delivery: Int
    /// When it came into the port.
    public var queuedAt: MonotonicInstant
    /// What it says.
    public var entry: CompletionEntry
}

/// A wake-up sent to one consumer.
///
/// User APC.
public struct Alert: Sendable {
    /// The sender's own string.
    public var context: ClientText?
    /// The payload; `nil` if none was given.
    public var data: [UInt8]?

    /// An alert with these members.
    public init(context: ClientText? = nil, data: [UInt8]? = nil) {
        self.context = context
        self.data = data
    }
}

/// What a fetch brings.
public struct FetchAnswer: Sendable {
    /// Why it came back.
    public var reason: FetchReason
    /// The batch, oldest first; empty unless the reason is `entries`.
    public var entries = EntryBatch()
    /// The lease that holds the batch.
    public var lease: LeaseID?
    /// When that lease runs out.
    public var leaseExpiresAt: MonotonicInstant?
    /// The alerts that ended the wait, oldest first.
    public var alerts: [Alert] = []
    /// What became of the request's `settle`.
    public var settled: SettleAnswer?
    /// What must be confirmed or put back once the reply's fate is known.
    public var handover: HandoverID?

    /// An answer that brings nothing.
    public init(reason: FetchReason) { self.reason = reason }

    /// An answer that brings entries: made in one piece, as it is too large to be moved about.
    init(
        entries: EntryBatch, lease: LeaseID? = nil, leaseExpiresAt: MonotonicInstant? = nil,
        settled: SettleAnswer?, handover: HandoverID?
    ) {
        reason = .entries
        self.entries = entries
        self.lease = lease
        self.leaseExpiresAt = leaseExpiresAt
        self.settled = settled
        self.handover = handover
    }
}

/// Somebody who waits for the answer of a fetch.
///
/// It is called exactly once, with no lock held, on whatever thread brought the answer.
public protocol FetchWaiter: AnyObject, Sendable {
    /// Takes the answer. If the client has gone, the receiver puts the handover back.
    func finish(with answer: FetchAnswer)
}

/// Names a fetch that waits, so that it can be ended when its client goes away.
public struct WaitTicket: Sendable {
    let handle: WaiterHandle
}

/// What a fetch came to.
public enum FetchOutcome: Sendable {
    /// It is over.
    case answered(FetchAnswer)
    /// It waits; its ``FetchWaiter`` will be told.
    case waiting(WaitTicket)
}
