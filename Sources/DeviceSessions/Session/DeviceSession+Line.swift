import EngineBase
import PortEngine

/// Serial lines: waiting for events, and hang-ups.
extension DeviceSession {
    /// How often signals and counters are looked at, and whether output has gone out.
    static let lineSampleMilliseconds = 20

    /// Whether the session is on a serial line.
    var isLine: Bool {
        if case .terminal = shape { return true }
        return false
    }

    /// Takes note of what the line can report, before anything is done on it.
    mutating func prepareLine() {
        guard case .terminal(let reportable) = shape, !line.isPrepared else { return }
        line.isPrepared = true
        line.watch.begin(reportable: reportable)
        snapshot.reportableEvents = reportable
    }

    /// Does for a line what can be done now: purges, waits, looks.
    mutating func advanceLine(_ effects: inout SessionEffects) {
        guard isLine else { return }
        advancePurges(&effects)
        serveWait(&effects)
        lookAtLine(&effects)
        lookAtOutput(&effects)
    }

    // MARK: - Hang-up

    /// What a hang-up looks like to a receive.
    func isLineEnd(_ result: StepResult) -> Bool {
        if case .failed(.inputOutput) = result { return isLine }
        return false
    }

    /// The input of a line has ended: nothing can be sent on it either.
    mutating func lineMayBeOver() {
        guard isLine, outputState.isOpen else { return }
        outputState = .failed(.lineHungUp)
    }

    // MARK: - Waiting for events

    /// Begins to wait.
    ///
    /// What cannot be known at acceptance, because the line was not open then, is told by the entry.
    mutating func startWait(
        _ number: UInt64, _ mask: LineEvents?, _ effects: inout SessionEffects
    ) {
        guard line.wait == nil else {
            finish(number, .failed, error: .waitPending, &effects)
            return
        }
        if let mask { setMask(mask, &effects) }
        guard !line.watch.mask.isEmpty else {
            finish(number, .failed, error: .emptyMask, &effects)
            return
        }
        guard line.watch.mask.isSubset(of: line.watch.reportable) else {
            finish(number, .failed, error: .notReported, &effects)
            return
        }
        operations[number]?.progress = .running
        line.wait = number
    }

    /// Sets the mask; a pending wait ends with it, and with no event.
    mutating func setMask(_ mask: LineEvents, _ effects: inout SessionEffects) {
        if let wait = line.wait {
            finish(wait, .ok, extras: EntryExtras(events: []), &effects)
        }
        line.watch.setMask(mask)
    }

    /// Ends the wait if something has happened, or nothing more can.
    private mutating func serveWait(_ effects: inout SessionEffects) {
        guard let number = line.wait else { return }
        let events = line.watch.takeRemembered()
        if !events.isEmpty {
            finish(number, .ok, extras: EntryExtras(events: events.names), &effects)
            return
        }
        guard !isLost else { return }
        switch inputState {
        case .open, .shut: return
        case .endOfStream: finish(number, .endOfStream, &effects)
        case .failed(let error): finish(number, .failed, error: error, &effects)
        }
    }

    // MARK: - Looking

    private mutating func lookAtLine(_ effects: inout SessionEffects) {
        guard line.watch.isSampling, inputState.isOpen, !line.armed.contains(.sample),
            !line.steps.values.contains(.sample), let descriptor
        else { return }
        let step = newStep()
        line.steps[step] = .sample
        effects.append(.submit(step: step, .control(descriptor, .terminal(.sample))))
    }

    /// Asks whether what was written is out, if somebody wants to know and nothing more comes.
    private mutating func lookAtOutput(_ effects: inout SessionEffects) {
        guard line.watch.mask.contains(.txEmpty), line.output != .empty, sendStep == nil,
            !line.armed.contains(.output), !line.steps.values.contains(.output), let descriptor
        else { return }
        if let head = writeLane.first, let pending = operations[head],
            pending.sent < pending.operation.kind.payloadBytes
        {
            return
        }
        let step = newStep()
        line.steps[step] = .output
        effects.append(.submit(step: step, .control(descriptor, .unsentBytes)))
    }

    /// The kernel has taken bytes to send.
    mutating func noteSent(_ count: Int) {
        guard isLine, count > 0 else { return }
        line.output = line.watch.mask.contains(.txEmpty) ? .filling : .unwatched
    }

    mutating func lineStepDone(
        _ step: UInt64, _ result: StepResult, _ effects: inout SessionEffects
    ) {
        switch (line.steps.removeValue(forKey: step), result) {
        case (.sample, .control(.sample(let sample))):
            line.watch.take(sample)
            arm(.sample, after: DeviceSession.lineSampleMilliseconds, &effects)
        case (.sample, _):
            arm(.sample, after: DeviceSession.lineSampleMilliseconds, &effects)
        case (.output, .control(.number(let count))) where count > 0:
            line.output = .filling
            arm(.output, after: DeviceSession.lineSampleMilliseconds, &effects)
        case (.output, .control(.number)):
            // More may have been written meanwhile, and is asked for in its turn.
            guard sendStep == nil else { return }
            if line.output == .filling { line.watch.note(.txEmpty) }
            line.output = .empty
        case (.output, _):
            line.output = .empty
        case (nil, _):
            return
        }
    }

    /// Comes back for a timer of the line, unless the session closes.
    mutating func arm(
        _ timer: LineTimer, after milliseconds: Int, _ effects: inout SessionEffects
    ) {
        guard closing == nil, phase == .open, line.armed.insert(timer).inserted else { return }
        effects.append(.arm(.line(timer), at: present.advanced(milliseconds: milliseconds)))
    }

    mutating func lineTimerFired(_ timer: LineTimer, _ effects: inout SessionEffects) {
        line.armed.remove(timer)
        guard phase == .open else { return }
        if case .turn = timer { continueTurn(&effects) }
    }

    /// An operation has ended: it holds no place on the line any more.
    mutating func leaveLine(_ number: UInt64) {
        if line.wait == number { line.wait = nil }
        if line.turn?.number == number { line.turn = nil }
        line.purges[number] = nil
        line.armed.remove(.turn(number))
    }
}

extension SessionShape {
    /// Whether bytes come and go in order.
    var isStream: Bool {
        switch self {
        case .stream, .terminal: true
        case .listener, .file, .datagram, .message: false
        }
    }
}

extension EntryError {
    /// A line whose other end has gone takes nothing.
    static let lineHungUp = EntryError(
        code: "broken_pipe", message: "The line was hung up.", errno: Errno.inputOutput.rawValue,
        errnoName: Errno.inputOutput.name, win32: 232)

    /// A second wait, accepted while the line was opening.
    static let waitPending = EntryError(
        code: "wait_pending", message: "Another wait for events was pending.", win32: 87)

    /// A wait for nothing.
    static let emptyMask = EntryError(
        code: "invalid_parameter", message: "The mask is empty, so nothing could end the wait.",
        win32: 87)

    /// A wait for what the line cannot report.
    static let notReported = EntryError(
        code: "not_supported", message: "The line cannot report an event of the mask.", win32: 50)
}
