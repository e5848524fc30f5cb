import EngineBase
import Synchronization

/// A bounded queue of completion entries that any thread may post to and fetch from.
///
/// A lock around ``PortState``: lock, apply, unlock, perform. Nothing is called back, resumed or
/// freed while the lock is held. CreateIoCompletionPort's port.
public final class CompletionPort: Sendable {
    /// The name that clients gave it.
    public let name: PortName
    /// Which life of that name this is.
    public let generation: PortGeneration
    /// What the ids of that life begin with.
    public let idPrefixes: IDPrefixes
    /// What it was made with.
    public let settings: PortSettings

    private let state: Guarded<PortState>
    private let host: any PortHost
    private let payloadBytes = Atomic<Int>(0)
    private let alarmedAt = Atomic<Int64>(.max)

    init(
        name: PortName, generation: PortGeneration, settings: PortSettings, limits: PortLimits,
        host: any PortHost
    ) {
        self.name = name
        self.generation = generation
        idPrefixes = IDPrefixes(generation)
        self.settings = settings
        self.host = host
        state = Guarded(PortState(generation: generation, settings: settings, limits: limits))
    }

    // MARK: - Entries in

    /// Queues packets, all or none.
    ///
    /// PostQueuedCompletionStatus.
    ///
    /// - Throws: `.full`, `.fullOfBytes`, `.neverFits`, `.neverFitsBytes`, `.closed`.
    public func post(_ packets: EntryList) throws(PortError) {
        let statuses = packets.statuses
        try apply { state, now, effects throws(PortError) in
            try state.post(packets, at: now, &effects)
        }
        host.entriesQueued(statuses)
    }

    /// Promises places for entries that will come.
    ///
    /// - Throws: `.full`, `.neverFits`, `.closed`.
    public func reserve(_ places: Int) throws(PortError) {
        try apply { state, _, _ throws(PortError) in try state.reserve(places) }
    }

    /// Gives promised places back.
    public func release(_ places: Int) {
        apply { state, _, effects in state.release(places, &effects) }
    }

    /// Queues what operations gave, each in a promised place.
    ///
    /// Nothing is lost but by a forced close.
    public func complete(_ entries: EntryList) {
        guard !entries.isEmpty else { return }
        let statuses = entries.statuses
        apply { state, now, effects in state.complete(entries, at: now, &effects) }
        host.entriesQueued(statuses)
    }

    /// Whether reads may take bytes off devices: the payload held is below `capacityBytes`.
    ///
    /// A glance without the lock. It may be out of date by the entries of one loop turn of a worker.
    public var acceptsPayload: Bool {
        payloadBytes.load(ordering: .relaxed) < settings.capacityBytes
    }

    /// Tells `waiter` once when there may be room: for one entry, and for payload.
    public func awaitRoom(_ waiter: any RoomWaiter) {
        apply { state, _, effects in state.awaitRoom(waiter, &effects) }
    }

    /// Passes news of room on: whoever was told has not used all of it.
    public func passRoomOn() {
        apply { state, _, effects in state.tellRoomWaiters(&effects) }
    }

    // MARK: - Entries out

    /// Takes entries, or waits for them.
    ///
    /// GetQueuedCompletionStatusEx.
    ///
    /// Returns as soon as one entry may be taken. An entry is returned for an operation that failed
    /// as well: look at ``CompletionEntry/status`` before using its bytes.
    ///
    /// - Throws: `.closed`, `.tooManyWaiters`; then the request, its `settle` too, had no effect.
    /// - Note: The answer's handover must be confirmed or put back once the reply's fate is known.
    public func fetch(
        _ request: FetchRequest, for waiter: any FetchWaiter
    ) throws(PortError) -> FetchOutcome {
        try apply { state, now, effects throws(PortError) in
            try state.fetch(request, for: waiter, at: now, &effects)
        }
    }

    /// Ends a wait without an answer: the client has gone.
    ///
    /// - Returns: whether it was still waiting; if not, its ``FetchWaiter`` is being told.
    @discardableResult
    public func abandon(_ ticket: WaitTicket) -> Bool {
        apply { state, _, _ in state.abandon(ticket) }
    }

    /// What the handover carried has arrived.
    public func confirm(_ handover: HandoverID) {
        applyUntimed { state, effects in state.confirm(handover, &effects) }
    }

    /// What the handover carried was lost on the way: it goes back to its old places.
    public func putBack(_ handover: HandoverID) {
        apply { state, now, effects in state.putBack(handover, at: now, &effects) }
    }

    /// Counts a lost reply whose lease stays for a repeat of its `fetch_id`.
    public func countUndelivered() {
        apply { state, _, _ in state.countUndelivered() }
    }

    /// Acks, gives back, extends.
    ///
    /// Stale leases and ids are outcomes, never errors.
    public func settle(_ request: SettleRequest) throws(PortError) -> SettleAnswer {
        try apply { state, now, effects throws(PortError) in
            try state.settle(request, at: now, &effects)
        }
    }

    // MARK: - Consumers

    /// Frees the slot of a consumer that is blocked elsewhere.
    public func park(_ consumer: ConsumerName) throws(PortError) -> ConsumerStanding {
        try apply { state, now, effects throws(PortError) in
            try state.park(consumer, at: now, &effects)
        }
    }

    /// Takes that slot back, past the limit if need be.
    public func unpark(_ consumer: ConsumerName) throws(PortError) -> ConsumerStanding {
        try apply { state, _, effects throws(PortError) in try state.unpark(consumer, &effects) }
    }

    /// Sends a wake-up to one consumer; gives how many are kept for it now.
    ///
    /// QueueUserAPC.
    public func alert(_ consumer: ConsumerName, _ alert: Alert) throws(PortError) -> Int {
        try apply { state, _, effects throws(PortError) in
            try state.alert(consumer, alert, &effects)
        }
    }

    /// Frees the slot of a consumer that now fetches from another port.
    func consumerMovedAway(_ consumer: ConsumerName) {
        apply { state, now, effects in
            state.giveSlotBack(of: consumer, &effects)
            state.serve(at: now, &effects)
        }
    }

    // MARK: - Looks

    /// Entries from `seq` on, with where they are; changes nothing.
    public func peek(after seq: UInt64, limit: Int) throws(PortError) -> PeekPage {
        try apply { state, _, _ throws(PortError) in
            guard !state.isClosed else { throw .closed }
            return state.peek(after: seq, limit: limit)
        }
    }

    /// Dead letters from `seq` on; changes nothing.
    public func peekDeadLetters(after seq: UInt64, limit: Int) throws(PortError) -> PeekPage {
        try apply { state, _, _ throws(PortError) in
            guard !state.isClosed else { throw .closed }
            return state.peekDeadLetters(after: seq, limit: limit)
        }
    }

    /// Puts dead letters back into the queue.
    public func redrive(_ selection: DeadLetterSelection) throws(PortError) -> DeadLetterAnswer {
        try apply { state, now, effects throws(PortError) in
            try state.redrive(selection, at: now, &effects)
        }
    }

    /// Throws dead letters away.
    public func discard(_ selection: DeadLetterSelection) throws(PortError) -> DeadLetterAnswer {
        try apply { state, _, effects throws(PortError) in try state.discard(selection, &effects) }
    }

    /// The counts, and how long the oldest entry that may be taken has been in the port.
    public func status() -> (counts: PortCounts, oldestAgeMilliseconds: Int?) {
        apply { state, now, _ in
            let age = state.oldestQueuedAt().map { now.milliseconds(since: $0) }
            return (state.counts, age)
        }
    }

    /// Counts a session that is tied to the port from now on.
    public func sessionOpened() {
        apply { state, _, _ in state.counts.sessions += 1 }
    }

    /// Counts a session as gone.
    public func sessionClosed() {
        apply { state, _, _ in state.counts.sessions -= 1 }
    }

    /// How many records it keeps, for tests.
    func census() -> PortCensus {
        apply { state, _, _ in state.census() }
    }

    // MARK: - Time and end

    /// Whether an alarm for that moment is still wanted; a glance without the lock.
    func wantsAlarm(at moment: MonotonicInstant) -> Bool {
        alarmedAt.load(ordering: .relaxed) == moment.nanoseconds
    }

    /// Does what time has made due.
    func tick() {
        apply { state, now, _ in
            if let alarm = state.alarm, alarm <= now { state.alarm = nil }
        }
    }

    /// Closes the port; waiters are told.
    ///
    /// CloseHandle.
    ///
    /// - Returns: entries and promised places that were thrown away.
    func close(force: Bool) throws(PortError) -> Int {
        try apply { state, _, effects throws(PortError) in
            try state.close(force: force, &effects)
        }
    }

    /// From now on no fetch waits.
    func startDraining() {
        apply { state, _, effects in state.startDraining(&effects) }
    }

    // MARK: - Lock, apply, unlock, perform

    private func apply<Outcome: Sendable, Failure: Error>(
        _ body: (inout PortState, MonotonicInstant, inout PortEffects) throws(Failure) -> Outcome
    ) throws(Failure) -> Outcome {
        let now = host.clock.now()
        return try applyUntimed { state, effects throws(Failure) in
            state.advance(to: now, &effects)
            return try body(&state, now, &effects)
        }
    }

    /// For what does not depend on the time: what is due meanwhile is done by the next call, or by
    /// the alarm.
    private func applyUntimed<Outcome: Sendable, Failure: Error>(
        _ body: (inout PortState, inout PortEffects) throws(Failure) -> Outcome
    ) throws(Failure) -> Outcome {
        var effects = PortEffects()
        defer { perform(effects) }
        return try state.withLock { state throws(Failure) in
            let wasHolding = state.counts.entries > 0
            defer { finish(&state, wasHolding: wasHolding, &effects) }
            return try body(&state, &effects)
        }
    }

    private func finish(
        _ state: inout PortState, wasHolding: Bool, _ effects: inout PortEffects
    ) {
        let before = state.alarm
        if state.isClosed {
            state.alarm = nil
        } else if let earliest = state.deadlines.earliest, earliest < before ?? .distantFuture {
            state.alarm = earliest
            effects.armAt = earliest
        }
        effects.dropsAlarm = before != nil && before != state.alarm
        alarmedAt.store((state.alarm ?? .distantFuture).nanoseconds, ordering: .relaxed)
        let isHolding = state.counts.entries > 0
        if isHolding != wasHolding { effects.holdingChange = isHolding ? 1 : -1 }
        payloadBytes.store(state.counts.bytes, ordering: .relaxed)
    }

    /// Tells the host whether a consumer runs here.
    ///
    /// Two threads may come here in the other order than they had under the lock: each goes on until
    /// what it said last is still true.
    private func tellHost(whether consumer: ConsumerName) {
        var said: Bool?
        while true {
            let isRunning = state.withLock { $0.consumers[consumer]?.runningLease != nil }
            if isRunning == said { return }
            said = isRunning
            if isRunning {
                host.consumer(consumer, startedOn: self)
            } else {
                host.consumer(consumer, stoppedOn: self)
            }
        }
    }

    private func perform(_ effects: PortEffects) {
        if effects.holdingChange != 0 { host.holdingChanged(by: effects.holdingChange) }
        if effects.dropsAlarm { host.dropAlarm() }
        if let moment = effects.armAt { host.arm(self, at: moment) }
        guard let news = effects.news else { return }
        if let consumer = news.movedHere { host.freeSlot(of: consumer, besides: self) }
        for consumer in news.slotsMoved { tellHost(whether: consumer) }
        for (sink, answer) in news.answers { sink.finish(with: answer) }
        for waiter in news.roomFor { waiter.roomMayHaveCome() }
    }
}

/// What a port needs from whoever keeps all ports.
protocol PortHost: AnyObject, Sendable {
    var clock: any EngineClock { get }

    /// Asks for ``CompletionPort/tick()`` at that moment.
    func arm(_ port: CompletionPort, at moment: MonotonicInstant)

    /// Entries have come into a port, which ended so.
    func entriesQueued(_ statuses: StatusCounts)

    /// One alarm that was asked for is not wanted any more.
    func dropAlarm()

    /// One port more, or one fewer, holds entries.
    func holdingChanged(by change: Int)

    /// Frees the slot that the consumer takes on another port than this: it belongs to one only.
    func freeSlot(of consumer: ConsumerName, besides port: CompletionPort)

    func consumer(_ consumer: ConsumerName, startedOn port: CompletionPort)
    func consumer(_ consumer: ConsumerName, stoppedOn port: CompletionPort)
}
