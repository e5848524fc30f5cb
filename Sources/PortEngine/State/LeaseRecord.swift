import EngineBase

/// What the port knows of a lease for as long as one entry remembers it.
struct LeaseRecord {
    /// Its batch, for as long as nothing was done to a part of it.
    var whole: EntryBatch?
    /// After that the numbers of its batch; entries that it may no longer settle are dropped now
    /// and then.
    var batch: [UInt64] = []
    /// Entries that it holds.
    var held: Int
    /// Entries that it holds or held last: those that it may ack.
    var linked: Int
    var expiry: MonotonicInstant
    /// When the port will look at it next, not after `expiry`; `nil` once it has run out.
    var armed: MonotonicInstant?
    let consumer: ConsumerName?
    let fetchID: String?
    /// Whether it, and not a named consumer, takes a slot of the concurrency limit.
    var takesSlot: Bool
}

/// What the port knows of a consumer while it runs, waits, is parked or has alerts.
struct ConsumerRecord {
    /// The lease for which it takes a slot: its newest batch.
    var runningLease: UInt64?
    /// The lease that it was parked with.
    var parkedLease: UInt64?
    /// Its fetch that waits.
    var waiter: WaiterHandle?
    /// Alerts kept for it, oldest first.
    var alerts: [Alert] = []

    var isEmpty: Bool {
        runningLease == nil && parkedLease == nil && waiter == nil && alerts.isEmpty
    }
}

/// Names a live batch of a consumer by its `fetch_id`.
struct FetchKey: Hashable {
    let consumer: ConsumerName
    let fetchID: String
}

/// What is on its way to a client.
struct Handover {
    /// Consumed entries, oldest first.
    var consumed = EntryBatch()
    /// A lease whose id nobody knows if the reply is lost.
    var lease: UInt64?
    /// Alerts, and whose they are.
    var alerts: [Alert] = []
    var consumer: ConsumerName?
}

/// What the port may have to look at by itself.
enum PortDeadline {
    case wait(WaiterHandle)
    case lease(UInt64)
    case delay(UInt64)
}
