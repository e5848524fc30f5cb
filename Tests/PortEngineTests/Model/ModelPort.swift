import PortEngine

/// The whole port as plain lists that are searched from end to end: slow, and easy to believe.
struct ModelPort {
    let settings: PortSettings
    let limits: PortLimits
    /// All entries that it holds, oldest first.
    var entries: [ModelEntry] = []
    var lastSeq: UInt64 = 0
    var leases: [ModelLease] = []
    /// Oldest first, so the newest is the last.
    var waiters: [ModelWaiter] = []
    var lastWaiter = 0
    var handovers: [Int: ModelHandover] = [:]
    var lastHandover = 0
    var alerts: [(consumer: String, context: String)] = []
    var reserved = 0
    var totals = PortCounts()
    var isDraining = false
    var isClosed = false
    /// Answers of fetches that waited, since the last look.
    var answered: [(waiter: Int, answer: ModelAnswer)] = []

    init(settings: PortSettings, limits: PortLimits) {
        self.settings = settings
        self.limits = limits
    }

    // MARK: - What can be seen

    func count(where test: (ModelEntry) -> Bool) -> Int { entries.count(where: test) }

    var bytes: Int { entries.reduce(0) { $0 + $1.size } }

    /// What counts against the capacity.
    var occupied: Int { entries.count + reserved }

    func holds(_ lease: Int) -> Int { count { $0.lease == lease && $0.place == .leased } }

    /// The leases that hold something, as places in `leases`.
    var living: [Int] {
        var found: [Int] = []
        for entry in entries where entry.place == .leased {
            if let lease = entry.lease, !found.contains(lease - 1) { found.append(lease - 1) }
        }
        return found
    }

    var running: Int { living.count { leases[$0].standing == .runs } }

    var hasFreeSlot: Bool { settings.concurrencyLimit.map { running < $0 } ?? true }

    var hasQueued: Bool { entries.contains { $0.place == .queued } }

    /// The leases for which named consumers take a slot.
    var runningLeases: [String: Int] {
        var found: [String: Int] = [:]
        for index in living where leases[index].standing == .runs {
            if let consumer = leases[index].consumer { found[consumer] = index }
        }
        return found
    }

    /// The consumer's living lease of that standing.
    func lease(of consumer: String, _ standing: ModelLease.Standing) -> Int? {
        living.first { leases[$0].consumer == consumer && leases[$0].standing == standing }
    }

    var counts: PortCounts {
        var counts = totals
        for entry in entries {
            switch entry.place {
            case .queued: counts.queued += 1
            case .delayed: counts.delayed += 1
            case .leased, .leaving: counts.leased += 1
            case .dead: counts.deadLetters += 1
            }
        }
        counts.bytes = bytes
        counts.reserved = reserved
        counts.waiting = waiters.count
        counts.running = running
        return counts
    }

    func oldestQueuedAt() -> Int64? { entries.first { $0.place == .queued }?.queuedAt }

    func look(after seq: UInt64) -> [ModelLook] {
        entries.filter { $0.seq > seq }.compactMap { entry in
            let place: ModelLook.Place
            switch entry.place {
            case .queued: place = .queued
            case .leased: place = .leased(until: leases[(entry.lease ?? 1) - 1].expiry)
            case .delayed(let until): place = .delayed(until: until)
            case .dead, .leaving: return nil
            }
            return ModelLook(seq: entry.seq, delivery: entry.delivery, place: place)
        }
    }

    func lookAtDeadLetters(after seq: UInt64) -> [ModelLook] {
        entries.filter { $0.seq > seq }.compactMap { entry in
            guard case .dead(let since) = entry.place else { return nil }
            return ModelLook(seq: entry.seq, delivery: entry.delivery, place: .dead(since: since))
        }
    }

    // MARK: - Entries in

    mutating func post(sizes: [Int], at now: Int64) throws(PortError) {
        guard !isClosed else { throw .closed }
        let payload = sizes.reduce(0, +)
        if sizes.count > settings.capacity {
            throw .neverFits(limit: settings.capacity, requested: sizes.count)
        }
        if payload > settings.capacityBytes {
            throw .neverFitsBytes(limit: settings.capacityBytes, requested: payload)
        }
        if occupied + sizes.count > settings.capacity {
            throw .full(limit: settings.capacity, current: occupied)
        }
        if payload > 0 && bytes + payload > settings.capacityBytes {
            throw .fullOfBytes(limit: settings.capacityBytes, current: bytes)
        }
        append(sizes, at: now)
        totals.postedTotal += sizes.count
        serve(at: now)
    }

    mutating func reserve(_ places: Int) throws(PortError) {
        guard !isClosed else { throw .closed }
        if places > settings.capacity {
            throw .neverFits(limit: settings.capacity, requested: places)
        }
        if occupied + places > settings.capacity {
            throw .full(limit: settings.capacity, current: occupied)
        }
        reserved += places
    }

    mutating func release(_ places: Int) {
        if !isClosed { reserved -= places }
    }

    mutating func complete(sizes: [Int], at now: Int64) {
        guard !isClosed else { return }
        reserved -= sizes.count
        append(sizes, at: now)
        totals.completedTotal += sizes.count
        serve(at: now)
    }

    private mutating func append(_ sizes: [Int], at now: Int64) {
        for size in sizes {
            lastSeq += 1
            entries.append(ModelEntry(seq: lastSeq, size: size, queuedAt: now))
        }
    }

    // MARK: - Time

    /// Leases and delays that are over, then those who wait, then the waits that are over.
    mutating func advance(to now: Int64) {
        if entries.isEmpty && waiters.isEmpty { return }
        for index in entries.indices {
            if case .delayed(let until) = entries[index].place, until <= now {
                entries[index].place = .queued
            }
            guard entries[index].place == .leased, let lease = entries[index].lease,
                leases[lease - 1].expiry <= now
            else { continue }
            totals.expiredTotal += 1
            comeBack(index, delay: 0, at: now)
        }
        serve(at: now)
        for waiter in waiters where waiter.deadline <= now {
            end(waiter, with: emptyHanded())
        }
    }

    func emptyHanded() -> ModelAnswer {
        ModelAnswer(reason: hasQueued && !hasFreeSlot ? .concurrency : .timeout)
    }

    /// An entry comes back: to the dead letters after its last delivery, aside, or to the queue.
    mutating func comeBack(_ index: Int, delay: Int, at now: Int64) {
        if settings.maxDeliveries > 0 && entries[index].delivery >= settings.maxDeliveries {
            entries[index].place = .dead(since: now)
        } else if delay > 0 {
            entries[index].place = .delayed(until: now + Int64(delay) * 1_000_000)
        } else {
            entries[index].place = .queued
        }
    }

    /// The newest of those who wait gets what there is.
    mutating func serve(at now: Int64) {
        while hasQueued && hasFreeSlot, let newest = waiters.last {
            guard let answer = batch(for: newest.request, at: now) else { return }
            end(newest, with: answer)
        }
    }

    mutating func end(_ waiter: ModelWaiter, with answer: ModelAnswer) {
        var answer = answer
        answer.settled = waiter.settled
        waiters.removeAll { $0.number == waiter.number }
        answered.append((waiter.number, answer))
    }

    // MARK: - End

    mutating func close(force: Bool) throws(PortError) -> Int {
        guard !isClosed else { throw .closed }
        if !force && occupied > 0 {
            throw .notEmpty(entries: entries.count, reserved: reserved)
        }
        let discarded = occupied
        for waiter in waiters { end(waiter, with: ModelAnswer(reason: .closed)) }
        var closed = ModelPort(settings: settings, limits: limits)
        closed.isClosed = true
        closed.answered = answered
        self = closed
        return discarded
    }

    mutating func startDraining() {
        guard !isClosed else { return }
        isDraining = true
        for waiter in waiters { end(waiter, with: ModelAnswer(reason: .draining)) }
    }
}
