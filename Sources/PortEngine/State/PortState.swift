import DequeModule
import EngineBase

/// A completion port as a value: requests and moments in, effects out.
///
/// No clock, no lock, no thread.
///
/// Entries that nobody has taken yet lie in `fresh`; their numbers are neighbours. A batch that was
/// taken from there stays as it is in its lease, until something is done to a part of it: then each
/// of its entries lives in `held` (leased, delayed, or back in the queue) or in `dead`. A number in
/// a lease or in `held` is always below every number in `fresh`, so the oldest entry that may be
/// taken is the smallest of those that came back, or else the first fresh one.
struct PortState: ~Copyable {
    let generation: PortGeneration
    let settings: PortSettings
    let limits: PortLimits
    var counts = PortCounts()

    var fresh = FreshQueue()
    var held = SlotTable()
    var dead = SlotTable()
    var returned = SequenceHeap()
    var nextSeq: UInt64 = 1

    var leases = NumberedTable<LeaseRecord>()
    var wholeLeases = WholeLeases()
    var nextLease: UInt64 = 1
    var batches: [FetchKey: UInt64] = [:]
    var handovers = NumberedTable<Handover>()
    var nextHandover: UInt64 = 1

    var waiters = WaiterStack()
    var consumers: [ConsumerName: ConsumerRecord] = [:]
    var consumersWithAlerts = 0
    var roomWaiters = Deque<any RoomWaiter>()
    var deadlines = DeadlineHeap<PortDeadline>()

    /// When somebody will look at the port.
    var alarm: MonotonicInstant?
    var isClosed = false
    var isDraining = false

    init(generation: PortGeneration, settings: PortSettings, limits: PortLimits) {
        self.generation = generation
        self.settings = settings
        self.limits = limits
    }

    // MARK: - Room

    /// Whether `places` more entries or reservations fit now.
    func hasRoom(for places: Int) -> Bool { settings.capacity - counts.occupied >= places }

    /// Promises `places` places, all or none.
    mutating func reserve(_ places: Int) throws(PortError) {
        guard !isClosed else { throw .closed }
        guard places <= settings.capacity else {
            throw .neverFits(limit: settings.capacity, requested: places)
        }
        guard hasRoom(for: places) else {
            throw .full(limit: settings.capacity, current: counts.occupied)
        }
        counts.reserved += places
    }

    /// Gives promised places back.
    mutating func release(_ places: Int, _ effects: inout PortEffects) {
        guard !isClosed, places > 0 else { return }
        precondition(counts.reserved >= places, "more places given back than were promised")
        counts.reserved -= places
        tellRoomWaiters(&effects)
    }

    /// Remembers somebody to be told when room comes; at once if it is there.
    mutating func awaitRoom(_ waiter: any RoomWaiter, _ effects: inout PortEffects) {
        guard !isClosed else { return }
        roomWaiters.append(waiter)
        tellRoomWaiters(&effects)
    }

    /// Tells as many of those who wait for room as there are places, first come, first served.
    mutating func tellRoomWaiters(_ effects: inout PortEffects) {
        guard !roomWaiters.isEmpty, counts.bytes < settings.capacityBytes else { return }
        var places = settings.capacity - counts.occupied
        while places > 0, let waiter = roomWaiters.popFirst() {
            effects.tellRoom(to: waiter)
            places -= 1
        }
    }

    // MARK: - Entries in

    /// Puts posted packets at the end of the queue, all or none.
    ///
    /// PostQueuedCompletionStatus.
    mutating func post(
        _ packets: EntryList, at now: MonotonicInstant, _ effects: inout PortEffects
    ) throws(PortError) {
        let payload = packets.payload
        guard !isClosed else { throw .closed }
        guard packets.count <= settings.capacity else {
            throw .neverFits(limit: settings.capacity, requested: packets.count)
        }
        guard payload <= settings.capacityBytes else {
            throw .neverFitsBytes(limit: settings.capacityBytes, requested: payload)
        }
        guard hasRoom(for: packets.count) else {
            throw .full(limit: settings.capacity, current: counts.occupied)
        }
        // A packet without data needs only a place.
        guard payload == 0 || payload <= settings.capacityBytes - counts.bytes else {
            throw .fullOfBytes(limit: settings.capacityBytes, current: counts.bytes)
        }
        append(packets, at: now)
        counts.postedTotal += packets.count
        serve(at: now, &effects)
    }

    /// Queues what operations gave, each in the place that was promised to it.
    mutating func complete(
        _ entries: EntryList, at now: MonotonicInstant, _ effects: inout PortEffects
    ) {
        guard !isClosed else { return }
        precondition(counts.reserved >= entries.count, "an entry without a promised place")
        counts.reserved -= entries.count
        append(entries, at: now)
        counts.completedTotal += entries.count
        serve(at: now, &effects)
    }

    private mutating func append(_ entries: EntryList, at now: MonotonicInstant) {
        fresh.append(entries, from: nextSeq, at: now)
        nextSeq += UInt64(entries.count)
        counts.queued += entries.count
        counts.bytes += entries.payload
    }

    // MARK: - Entries out

    /// The number of the oldest entry that may be taken.
    mutating func oldestQueued() -> UInt64? { oldestReturned() ?? fresh.firstSeq }

    /// The number of the oldest entry that came back and may be taken.
    mutating func oldestReturned() -> UInt64? {
        while let number = returned.first {
            if held.place(of: number) == .queued { return number }
            returned.removeDeadFirst()
        }
        return nil
    }

    /// When the oldest entry that may be taken came in.
    mutating func oldestQueuedAt() -> MonotonicInstant? {
        guard let number = oldestQueued() else { return nil }
        return held[number]?.queuedAt ?? fresh.firstQueuedAt
    }
}
