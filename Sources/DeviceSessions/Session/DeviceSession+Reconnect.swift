public import EngineBase
import PortEngine

extension DeviceSession {
    /// Whether the connection has ended, on a session that does not leave it at that.
    var isLost: Bool {
        reconnects && phase == .open && closing == nil && !inputState.isOpen
    }

    /// Whether bytes are wanted only to learn how the connection ended.
    var isEndSought: Bool {
        guard reconnects else { return false }
        return reconnection?.isHangupKnown == true || connectionError != nil
    }

    /// The peer went away and nothing was asked of it: what it left is read, and the end behind it.
    public mutating func hungUp(at now: MonotonicInstant, _ effects: inout SessionEffects) {
        present = now
        guard phase == .open, closing == nil, reconnects || isLine else { return }
        reconnection?.isHangupKnown = true
        line.isHungUp = true
        wantInput(&effects)
    }

    // MARK: - Down

    /// The connection is lost: what has come is given to those who wait for it, then every
    /// operation that was pending ends with what happened to it.
    mutating func loseConnection(
        at now: MonotonicInstant, _ surroundings: some SessionSurroundings,
        _ effects: inout SessionEffects
    ) {
        while advanceReads(at: now, surroundings, &effects) {}
        var error: EntryError?
        if case .failed(let why) = inputState { error = why }
        reconnection?.loss = Reconnection.Loss(
            status: error == nil ? .endOfStream : .failed, error: error,
            firstUnaffected: nextUnseenOperation)
        snapshot.lastError = error ?? snapshot.lastError
        phase = .down
        for step in [sendStep, receiveStep] {
            if let step { effects.append(.cancelStep(step)) }
        }
        for step in controlSteps.keys.sorted() { effects.append(.cancelStep(step)) }
        closeLine(&effects)
        continueLoss(at: now, surroundings, &effects)
    }

    /// Goes on once the driver has given every step of the lost connection back.
    mutating func continueLoss(
        at now: MonotonicInstant, _ surroundings: some SessionSurroundings,
        _ effects: inout SessionEffects
    ) {
        guard phase == .down, let loss = reconnection?.loss, sendStep == nil, receiveStep == nil,
            controlSteps.isEmpty, line.steps.isEmpty, probeStep == nil, shutdownStep == nil,
            closeStep == nil
        else { return }
        if !loss.hasEndedOperations {
            reconnection?.loss?.hasEndedOperations = true
            for number in operations.numbers where number < loss.firstUnaffected {
                endLost(number, loss, &effects)
            }
            tellDown(loss, surroundings, &effects)
            forgetConnection()
        }
        if let descriptor {
            let step = newStep()
            closeStep = step
            effects.append(.submit(step: step, .close(descriptor, reset: false)))
            return
        }
        reconnection?.loss = nil
        scheduleAttempt(at: now, &effects)
    }

    /// The lost connection's descriptor is closed.
    mutating func lostDescriptorClosed(
        at now: MonotonicInstant, _ surroundings: some SessionSurroundings,
        _ effects: inout SessionEffects
    ) {
        closeStep = nil
        descriptor = nil
        continueLoss(at: now, surroundings, &effects)
    }

    private mutating func endLost(
        _ number: UInt64, _ loss: Reconnection.Loss, _ effects: inout SessionEffects
    ) {
        guard let pending = operations[number] else { return }
        let output = loss.error ?? EntryError(.brokenPipe)
        switch pending.operation.kind {
        case .read(let read):
            var isPaused = false
            if case .paused = pending.progress { isPaused = read.repeats }
            let data = isPaused ? [] : gathered(for: number)
            finish(
                number, loss.status, bytes: data.count, data: data, error: loss.error, &effects)
        case .transact where pending.isAnswering:
            let data = gathered(for: number)
            finish(
                number, loss.status, bytes: data.count, data: data, error: loss.error, &effects)
        case .write(let write):
            let isAllOut = pending.sent == write.bytes.count && !write.bytes.isEmpty
            let isOut = isAllOut || pending.isDone
            finish(
                number, isOut ? .ok : .failed, bytes: pending.sent, error: isOut ? nil : output,
                &effects)
        case .control where pending.controlResult != nil:
            finishControl(number, pending, pending.controlResult ?? .done, &effects)
        case .waitEvent:
            finish(number, loss.status, error: loss.error, &effects)
        case .transact, .control, .accept, .lock, .unlock, .disconnect:
            finish(number, .failed, error: output, &effects)
        }
    }

    /// The next connection begins with nothing of this one.
    private mutating func forgetConnection() {
        wire = nil
        snapshot.security = nil
        input = InputBuffer()
        frames = InputFrames()
        setAside = []
        packets = PacketInput()
        scanned = 0
        inputState = .open
        outputState = .open
        connectionError = nil
        seenInput = nil
        reconnection?.isHangupKnown = false
        reconnection?.discarded = 0
        reconnection?.hasOverflown = false
        line.forgetConnection()
    }

    // MARK: - Attempts

    private mutating func scheduleAttempt(
        at now: MonotonicInstant, _ effects: inout SessionEffects
    ) {
        guard var state = reconnection else { return }
        state.attempts += 1
        state.isDue = false
        let delay = state.policy.delay(beforeAttempt: state.attempts, &state.generator)
        reconnection = state
        effects.append(.arm(.reconnect, at: now.advanced(milliseconds: delay)))
    }

    /// The pause is over.
    mutating func attemptIsDue(
        at now: MonotonicInstant, _ surroundings: some SessionSurroundings,
        _ effects: inout SessionEffects
    ) {
        guard phase == .down else { return }
        reconnection?.isDue = true
        beginAttemptIfDue(at: now, surroundings, &effects)
    }

    /// Begins the next attempt, once nothing of the last one is out.
    mutating func beginAttemptIfDue(
        at now: MonotonicInstant, _ surroundings: some SessionSurroundings,
        _ effects: inout SessionEffects
    ) {
        guard phase == .down, opening == nil, let state = reconnection, state.isDue else { return }
        reconnection?.isDue = false
        reconnection?.isTrying = true
        reconnection?.attemptSerial += 1
        opening = state.blueprint
        effects.append(
            .arm(
                .attempt(state.attemptSerial + 1),
                at: now.advanced(milliseconds: configuration.connectTimeoutMilliseconds)))
        let moves = opening?.start() ?? []
        perform(moves, at: now, surroundings, &effects)
        openingMayBeOver(at: now, surroundings, &effects)
    }

    /// The device is there again: operations that waited for it start.
    mutating func cameBack(
        at now: MonotonicInstant, _ surroundings: some SessionSurroundings,
        _ effects: inout SessionEffects
    ) {
        phase = .open
        lastActivity = now
        let attempts = reconnection?.attempts
        reconnection?.attempts = 0
        reconnection?.isTrying = false
        snapshot.counters.reconnects += 1
        tell(.up, .ok, attempts: attempts, surroundings, &effects)
        watchHangupIfNeeded(&effects)
        advance(at: now, surroundings, &effects)
    }

    /// An attempt failed: there is another one, unless that was the last.
    mutating func attemptFailed(
        with error: EntryError, at now: MonotonicInstant,
        _ surroundings: some SessionSurroundings, _ effects: inout SessionEffects
    ) {
        guard phase == .down, let state = reconnection, state.isTrying else { return }
        reconnection?.isTrying = false
        snapshot.lastError = error
        abortOpening(&effects)
        if let most = state.policy.maxAttempts, state.attempts >= most {
            phase = .failed
            failure = error
            failAll(with: error, &effects)
            releaseStatePlaces(&effects)
            effects.append(.sessionClosed(closedEntry(.failed, error)))
            endIfNothingIsOut(&effects)
        } else {
            scheduleAttempt(at: now, &effects)
        }
        openingMayBeOver(at: now, surroundings, &effects)
    }

    /// Asks to be told when the peer goes away, where that begins a reconnect.
    mutating func watchHangupIfNeeded(_ effects: inout SessionEffects) {
        guard reconnects || isLine, let descriptor else { return }
        effects.append(.watchHangup(descriptor))
    }

    // MARK: - Entries

    private mutating func tellDown(
        _ loss: Reconnection.Loss, _ surroundings: some SessionSurroundings,
        _ effects: inout SessionEffects
    ) {
        var data = shape.isPacketed ? packets.takeAll() : take(input.count)
        var discarded = reconnection?.discarded ?? 0
        if !surroundings.portAcceptsPayload {
            discarded += data.count
            data = []
        }
        let isTold = tell(
            .down, loss.status, error: loss.error, data: data, discarded: discarded, surroundings,
            &effects)
        snapshot.counters.bytesDiscarded += isTold ? discarded : discarded + data.count
    }

    /// Tells of a loss or a return in one of the places that are kept for it.
    ///
    /// - Returns: whether there was a place.
    @discardableResult
    private mutating func tell(
        _ state: SessionStateChange, _ status: EntryStatus, error: EntryError? = nil,
        attempts: Int? = nil, data: [UInt8] = [], discarded: Int = 0,
        _ surroundings: some SessionSurroundings, _ effects: inout SessionEffects
    ) -> Bool {
        guard var kept = reconnection else { return false }
        defer { reconnection = kept }
        if kept.places > 0 {
            kept.places -= 1
        } else if !surroundings.reservePlace() {
            kept.skipped += 1
            return false
        }
        let extras = EntryExtras(
            sessionState: state, attempts: attempts, skipped: kept.skipped > 0 ? kept.skipped : nil)
        kept.skipped = 0
        effects.append(
            .sessionState(
                CompletionEntry(
                    kind: .sessionState, status: status, key: configuration.key, bytes: data.count,
                    data: data,
                    details: EntryDetails(
                        session: names.session, error: error, peer: snapshot.peer,
                        discarded: discarded > 0 ? discarded : nil, extras: extras))))
        if surroundings.reservePlace() { kept.places += 1 }
        return true
    }

    /// Gives the places back that no loss and no return will need any more.
    mutating func releaseStatePlaces(_ effects: inout SessionEffects) {
        guard let places = reconnection?.places, places > 0 else { return }
        reconnection?.places = 0
        effects.append(.releasePlaces(places))
    }
}
