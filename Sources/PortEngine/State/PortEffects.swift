import EngineBase

/// What must happen once the port's lock is released.
struct PortEffects {
    /// Fetches to answer.
    var answers: [(sink: any FetchWaiter, answer: FetchAnswer)] = []
    /// A consumer that fetched here, so that a slot that it takes on another port is to be freed.
    var movedHere: ConsumerName?
    /// Consumers that took a slot here, or whose slot here is free again.
    var slotsMoved: Set<ConsumerName> = []
    /// Whoever waited for room, in the order in which they began to wait.
    var roomFor: [any RoomWaiter] = []
    /// Entries to free outside the lock.
    private var freed = EntryBatch()
    /// Other storage to free outside the lock.
    var garbage: [any Sendable] = []
    /// When to look at the port again, if that is earlier than was said before.
    var armAt: MonotonicInstant?
    /// Whether what was said before no longer counts.
    var dropsAlarm = false
    /// 1 if the port now holds something and did not before, -1 the other way round.
    var holdingChange = 0

    /// Keeps entries until the lock is released.
    mutating func free(_ batch: EntryBatch) {
        if freed.isEmpty { freed = batch } else { garbage.append(batch) }
    }
}

/// Somebody, a paused session, who waits for room in a port.
///
/// Called with no lock held, on the thread that made the room.
public protocol RoomWaiter: AnyObject, Sendable {
    /// There may be room now; look again.
    func roomMayHaveCome()
}
