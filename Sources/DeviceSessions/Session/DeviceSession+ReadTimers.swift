import EngineBase
import PortEngine

/// The timers of a serial line's reads, which end them `ok`.
///
/// COMMTIMEOUTS. They run from the moment at which a read heads its lane, of a transact from its
/// last byte sent.
struct ReadClock: Sendable {
    /// When the read started.
    let startedAt: MonotonicInstant
    /// When the last byte came that it has gathered; `nil` before the first.
    var lastByteAt: MonotonicInstant?
    /// How many bytes the session had received by then.
    var receivedByThen: Int
    /// The earliest moment that has been asked for and has not come.
    var armedFor: MonotonicInstant?
    /// Whether the timers have ended the read before its goal was met.
    var hasCut = false

    /// When the timers end the read, as far as is known.
    func end(by timers: ReadTimers) -> MonotonicInstant? {
        let total = timers.totalMilliseconds.map { startedAt.advanced(milliseconds: $0) }
        guard let interval = timers.intervalMilliseconds, let lastByteAt else { return total }
        let pause = lastByteAt.advanced(milliseconds: interval)
        return total.map { min($0, pause) } ?? pause
    }
}

extension DeviceSession {
    /// What a read's goal comes to, its timers considered.
    ///
    /// With `interval_ms` a read of what is there gathers until it is full or that much time passed
    /// since the last byte; 0 is what is there now, even nothing.
    mutating func timedVerdict(
        _ number: UInt64, _ goal: ReadGoal, _ effects: inout SessionEffects
    ) -> ReadVerdict {
        guard let timers = readTimers(of: number) else { return verdict(on: goal) }
        let clock = runClock(of: number)
        let end = clock.end(by: timers)
        let isOver = timers.intervalMilliseconds == 0 || end.map { $0 <= present } ?? false
        let plain = verdict(on: goal)
        if isOver {
            guard case .wait = plain, !isLost else { return plain }
            operations[number]?.readClock?.hasCut = true
            return .complete(size: size(of: goal), .ok, nil)
        }
        if let end { arm(clock, of: number, at: end, &effects) }
        if case .available(let limit) = goal, timers.intervalMilliseconds != nil,
            input.count < limit, inputState.isOpen
        {
            return .wait
        }
        return plain
    }

    /// The timers that a read or an answer runs under.
    private func readTimers(of number: UInt64) -> ReadTimers? {
        let (own, goal): (ReadTimers?, ReadGoal)
        switch operations[number]?.operation.kind {
        case .read(let read) where !read.repeats: (own, goal) = (read.timers, read.goal)
        case .transact(let transact): (own, goal) = (transact.timers, transact.goal)
        default: return nil
        }
        guard isLine, goal != .readiness else { return nil }
        guard let common = configuration.readTimers else { return own }
        return ReadTimers(
            intervalMilliseconds: own?.intervalMilliseconds ?? common.intervalMilliseconds,
            totalMilliseconds: own?.totalMilliseconds ?? common.totalMilliseconds)
    }

    /// Starts the clock of a read, or takes note of bytes that have come since.
    private mutating func runClock(of number: UInt64) -> ReadClock {
        let received = snapshot.counters.bytesReceived
        var clock =
            operations[number]?.readClock
            ?? ReadClock(
                startedAt: present, lastByteAt: input.isEmpty ? nil : present,
                receivedByThen: received, armedFor: nil)
        if clock.receivedByThen != received {
            clock.receivedByThen = received
            clock.lastByteAt = present
        }
        operations[number]?.readClock = clock
        return clock
    }

    private mutating func arm(
        _ clock: ReadClock, of number: UInt64, at moment: MonotonicInstant,
        _ effects: inout SessionEffects
    ) {
        if let armedFor = clock.armedFor, armedFor <= moment { return }
        operations[number]?.readClock?.armedFor = moment
        effects.append(.arm(.read(number), at: moment))
    }

    /// What a read takes of the bytes that are there.
    private func size(of goal: ReadGoal) -> Int {
        switch goal {
        case .readiness: 0
        case .available(let limit), .exactly(let limit), .until(_, let limit):
            min(limit, input.count)
        case .frame(let form, let limit): unfinishedFrameSize(form, limit: limit)
        }
    }

    /// The read is judged anew, now that its moment may have come.
    mutating func readTimerFired(_ number: UInt64) {
        if let armedFor = operations[number]?.readClock?.armedFor, armedFor <= present {
            operations[number]?.readClock?.armedFor = nil
        }
    }
}
