import EngineBase

/// What must happen once the port's lock is released.
struct PortEffects {
    /// What most calls do not have to tell: apart, so that they have nothing of it to free.
    struct News {
        /// Fetches to answer.
        var answers: [(sink: any FetchWaiter, answer: FetchAnswer)] = []
        /// A consumer that fetched here, so that a slot that it takes on another port is to be freed.
        var movedHere: ConsumerName?
        /// Consumers that took a slot here, or whose slot here is free again.
        var slotsMoved: Set<ConsumerName> = []
        /// Whoever waited for room, in the order in which they began to wait.
        var roomFor: [any RoomWaiter] = []
        /// Storage to free outside the lock.
        var garbage: [any Sendable] = []
    }

    /// `nil` where there is none.
    private(set) var news: News?
    /// Entries to free outside the lock.
    private var freed = EntryBatch()
    /// When to look at the port again, if that is earlier than was said before.
    var armAt: MonotonicInstant?
    /// Whether what was said before no longer counts.
    var dropsAlarm = false
    /// 1 if the port now holds something and did not before, -1 the other way round.
    var holdingChange = 0

    /// Answers a fetch that waited.
    mutating func answer(_ sink: any FetchWaiter, with answer: FetchAnswer) {
        change { $0.answers.append((sink, answer)) }
    }

    /// Tells the host of a consumer that fetched here.
    mutating func moved(_ consumer: ConsumerName) { change { $0.movedHere = consumer } }

    /// Tells the host of a consumer that took a slot here, or whose slot here is free again.
    mutating func slotMoved(of consumer: ConsumerName) {
        change { $0.slotsMoved.insert(consumer) }
    }

    /// Tells somebody that there is room.
    mutating func tellRoom(to waiter: any RoomWaiter) { change { $0.roomFor.append(waiter) } }

    /// Keeps entries until the lock is released.
    mutating func free(_ batch: EntryBatch) {
        if freed.isEmpty { freed = batch } else { free(storage: batch) }
    }

    /// Keeps other storage until the lock is released.
    mutating func free(storage: any Sendable) { change { $0.garbage.append(storage) } }

    private mutating func change(_ body: (inout News) -> Void) {
        var changed = news.take() ?? News()
        body(&changed)
        news = changed
    }
}

/// Somebody, a paused session, who waits for room in a port.
///
/// Called with no lock held, on the thread that made the room.
public protocol RoomWaiter: AnyObject, Sendable {
    /// There may be room now; look again.
    func roomMayHaveCome()
}
