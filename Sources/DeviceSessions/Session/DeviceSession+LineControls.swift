import EngineBase
import PortEngine

/// Controls of serial lines that take more than one step.
extension DeviceSession {
    /// How often a control looks whether what was written before it is out.
    private static let turnMilliseconds = 10

    mutating func startLineControl(
        _ number: UInt64, _ control: LineControl, _ effects: inout SessionEffects
    ) {
        operations[number]?.progress = .running
        switch control {
        case .set, .sendBreak, .drain:
            line.turn = LineTurn(number: number, control: control)
            continueTurn(&effects)
        case .purge(let purge):
            startPurge(number, purge, &effects)
        case .setMask(let mask):
            setMask(mask, &effects)
            finish(number, .ok, &effects)
        }
    }

    // MARK: - In the write lane

    /// Goes on with the control that has its turn.
    ///
    /// The kernel is asked again and again whether the bytes are out, and only then to do what would
    /// wait for them: a line that is held up by its receiver must not hold a thread of ours.
    mutating func continueTurn(_ effects: inout SessionEffects) {
        guard let turn = line.turn, !isWindingUp else { return }
        switch turn.phase {
        case .emptying: submitTurn(.unsentBytes, &effects)
        case .acting, .ending: break
        case .breaking: endBreak(isEarly: false, &effects)
        }
    }

    private mutating func submitTurn(
        _ request: ControlRequest, _ effects: inout SessionEffects
    ) {
        guard let number = line.turn?.number, let descriptor else { return }
        let step = newStep()
        controlSteps[step] = number
        effects.append(.submit(step: step, .control(descriptor, request)))
    }

    private mutating func endBreak(isEarly: Bool, _ effects: inout SessionEffects) {
        line.turn?.phase = .ending(isEarly: isEarly)
        submitTurn(.terminal(.endBreak), &effects)
    }

    /// Goes on after a step of the control that has its turn; says whether it was one.
    mutating func turnStepDone(
        _ number: UInt64, _ result: StepResult, _ effects: inout SessionEffects
    ) -> Bool {
        guard let turn = line.turn, turn.number == number, let pending = operations[number] else {
            return false
        }
        if case .failed(let errno) = result, errno != .cancelled {
            endTurn(pending, result, &effects)
            return true
        }
        var isStopped = isWindingUp
        if case .stopping = pending.progress { isStopped = true }
        switch (turn.phase, result) {
        case (.emptying, .control(.number)) where isStopped:
            endTurn(pending, .failed(.cancelled), &effects)
        case (.emptying, .control(.number(let count))):
            emptied(turn, unsent: count, &effects)
        case (.breaking, .done) where isStopped:
            endBreak(isEarly: true, &effects)
        case (.breaking, .done):
            guard case .sendBreak(let milliseconds) = turn.control else { return true }
            arm(.turn(turn.number), after: milliseconds, &effects)
        case (.ending(isEarly: true), _):
            endTurn(pending, .failed(.cancelled), &effects)
        default:
            // Among them what was called back before it began.
            endTurn(pending, result, &effects)
        }
        return true
    }

    private mutating func emptied(
        _ turn: LineTurn, unsent: Int, _ effects: inout SessionEffects
    ) {
        guard unsent == 0 else {
            arm(.turn(turn.number), after: DeviceSession.turnMilliseconds, &effects)
            return
        }
        line.turn?.phase = .acting
        switch turn.control {
        case .set(let change): submitTurn(.terminal(.change(change)), &effects)
        case .drain: submitTurn(.terminal(.drain), &effects)
        case .sendBreak:
            line.turn?.phase = .breaking
            submitTurn(.terminal(.startBreak), &effects)
        case .purge, .setMask: break
        }
    }

    /// Whether the session closes, or its connection is lost: then operations end in their order.
    private var isWindingUp: Bool { closing != nil || phase == .down }

    /// Ends it, or keeps what it came to for the entry that the session's end will give.
    private mutating func endTurn(
        _ pending: PendingOperation, _ result: StepResult, _ effects: inout SessionEffects
    ) {
        let number = pending.operation.number
        guard !isWindingUp else {
            operations[number]?.controlResult = result
            line.turn = nil
            return
        }
        finishControl(number, pending, result, &effects)
    }

    /// Stops the control that has its turn, if it waits for a timer; says whether it did.
    mutating func stopTurn(
        _ number: UInt64, as status: EntryStatus, _ effects: inout SessionEffects
    ) -> Bool {
        guard let turn = line.turn, turn.number == number,
            !controlSteps.values.contains(number)
        else { return false }
        guard case .breaking = turn.phase else {
            finish(number, status, &effects)
            return true
        }
        operations[number]?.progress = .stopping(status)
        endBreak(isEarly: true, &effects)
        return true
    }

    // MARK: - Purge

    /// Aborts what is to be aborted; what is to be cleared is cleared once that has ended.
    private mutating func startPurge(
        _ number: UInt64, _ purge: LinePurge, _ effects: inout SessionEffects
    ) {
        // What was accepted behind the purge is none of its business.
        let targets = operations.numbers.filter { $0 < number && isAborted($0, by: purge) }
        // What has not begun ends first: a write that ends in the middle would end it as torn.
        for target in targets where isQueued(target) { stop(target, as: .cancelled, &effects) }
        for target in targets { stop(target, as: .cancelled, &effects) }
        line.purges[number] = Set(targets)
    }

    private func isQueued(_ number: UInt64) -> Bool {
        if case .queued? = operations[number]?.progress { return true }
        return false
    }

    private func isAborted(_ number: UInt64, by purge: LinePurge) -> Bool {
        guard let pending = operations[number] else { return false }
        switch pending.operation.kind {
        case .read: return purge.abortsReads
        case .write: return purge.abortsWrites
        case .transact: return pending.isAnswering ? purge.abortsReads : purge.abortsWrites
        case .accept, .control, .waitEvent, .lock, .unlock, .disconnect: return false
        }
    }

    /// Goes on with purges whose aborted operations have ended.
    mutating func advancePurges(_ effects: inout SessionEffects) {
        for (number, targets) in line.purges.sorted(by: { $0.key < $1.key })
        where targets.allSatisfy({ operations[$0] == nil }) {
            line.purges[number] = nil
            guard case .control(.line(.purge(let purge)))? = operations[number]?.operation.kind
            else { continue }
            clear(number, purge, &effects)
        }
    }

    private mutating func clear(
        _ number: UInt64, _ purge: LinePurge, _ effects: inout SessionEffects
    ) {
        if purge.clearsInput {
            let discarded = setAside.count + take(input.count).count
            operations[number]?.discarded = discarded
            setAside = []
        }
        guard purge.clearsInput || purge.clearsOutput, let descriptor else {
            finish(number, .ok, &effects)
            return
        }
        let step = newStep()
        controlSteps[step] = number
        let request = TerminalRequest.purge(input: purge.clearsInput, output: purge.clearsOutput)
        effects.append(.submit(step: step, .control(descriptor, .terminal(request))))
    }

    // MARK: - Closing

    /// Calls the line's own steps back, and ends a break.
    mutating func closeLine(_ effects: inout SessionEffects) {
        for step in line.steps.keys.sorted() { effects.append(.cancelStep(step)) }
        guard let turn = line.turn, case .breaking = turn.phase,
            !controlSteps.values.contains(turn.number)
        else { return }
        endBreak(isEarly: true, &effects)
    }

    /// Lets a closing line linger while the kernel has bytes to send.
    ///
    /// Unlike a socket's, its output is not shut, and unread input hinders nothing.
    mutating func lineLingers(
        unsent: Int, until: MonotonicInstant, at now: MonotonicInstant,
        _ effects: inout SessionEffects
    ) {
        guard unsent > 0 else {
            line.isDrained = true
            closing?.lingerUntil = now
            return
        }
        isLingerTimerArmed = true
        effects.append(.arm(.linger, at: min(now.advanced(milliseconds: 5), until)))
    }
}

extension EntryError {
    /// The error of a control on a serial line.
    static func ofLine(_ errno: Errno) -> EntryError {
        switch errno {
        case .notTerminal, .notSupported:
            EntryError(
                code: "not_supported", message: "The line does not have this.",
                errno: errno.rawValue, errnoName: errno.name, win32: 50)
        case .invalidArgument:
            EntryError(
                code: "invalid_line_settings",
                message: "The line cannot be set so; it stays as it was.",
                errno: errno.rawValue, errnoName: errno.name, win32: 87)
        case .inputOutput: .lineHungUp
        default: EntryError(errno)
        }
    }
}
