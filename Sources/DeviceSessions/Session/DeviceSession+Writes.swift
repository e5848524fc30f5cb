public import EngineBase
import PortEngine

extension DeviceSession {
    // MARK: - The write lane

    /// Starts or goes on with the head of the write lane; says whether anything moved.
    mutating func advanceWrites(
        at now: MonotonicInstant, _ effects: inout SessionEffects
    ) -> Bool {
        // What would go to a connection that is being lost ends with it, or waits for the next.
        guard sendStep == nil, !flushWire(&effects), !isEndSought else { return false }
        if shape.isPacketed { return advancePacketWrites(&effects) }
        guard let number = writeLane.first, let pending = operations[number] else {
            shutOutputIfWanted(&effects)
            return false
        }
        if case .stopping = pending.progress { return false }
        switch pending.operation.kind {
        case .write(let write):
            let bytes = write.bytes
            // What the kernel took in full is done, whatever became of the output since.
            let isOut = pending.sent == bytes.count && !bytes.isEmpty
            if !isOut && failIfOutputEnded(number, pending, &effects) { return true }
            if pending.sent == bytes.count {
                finish(number, .ok, bytes: pending.sent, &effects)
                return true
            }
            return send(number, bytes, from: pending.sent, &effects)
        case .transact(let transact):
            let bytes = transact.bytes
            if pending.isAnswering { return false }
            if case .queued = pending.progress {
                guard readLane.first == number,
                    mayStart(number, discardsInput: transact.discardsInput, &effects)
                else { return false }
                if transact.discardsInput {
                    let discarded = take(input.count).count
                    operations[number]?.discarded = discarded
                }
                if standing != nil && !input.isEmpty { setAside = take(input.count) }
                operations[number]?.progress = .running
                operations[number]?.hasBegun = true
                seenInput = nil
                scanned = 0
            }
            if failIfOutputEnded(number, pending, &effects) { return true }
            guard pending.sent == bytes.count else {
                return send(number, bytes, from: pending.sent, &effects)
            }
            beginAnswer(number, transact.answerTimeoutMilliseconds, at: now, &effects)
            return true
        case .control(let action):
            if case .queued = pending.progress { startControl(number, action, &effects) }
            return operations[number] == nil
        case .read, .accept, .lock, .unlock, .waitEvent, .disconnect:
            return false
        }
    }

    /// Sends the next bytes of a write; says whether it is to be looked at again at once.
    private mutating func send(
        _ number: UInt64, _ bytes: [UInt8], from start: Int, _ effects: inout SessionEffects
    ) -> Bool {
        guard let descriptor else { return false }
        operations[number]?.progress = .running
        if wire != nil { return sealAndSend(bytes, from: start, &effects) }
        let step = newStep()
        sendStep = step
        effects.append(.submit(step: step, .send(descriptor, bytes: bytes, from: start)))
        return false
    }

    mutating func beginAnswer(
        _ number: UInt64, _ timeoutMilliseconds: Int?, at now: MonotonicInstant,
        _ effects: inout SessionEffects
    ) {
        operations[number]?.isAnswering = true
        if let timeoutMilliseconds {
            effects.append(
                .arm(.answer(number), at: now.advanced(milliseconds: timeoutMilliseconds)))
        }
    }

    /// Ends an operation that has nothing left to send into; says whether it did.
    mutating func failIfOutputEnded(
        _ number: UInt64, _ pending: PendingOperation, _ effects: inout SessionEffects
    ) -> Bool {
        switch outputState {
        case .open:
            return false
        case .failed(let error):
            finish(number, .failed, bytes: writtenBytes(pending), error: error, &effects)
        case .shut, .endOfStream:
            finish(
                number, .failed, bytes: writtenBytes(pending), error: EntryError(.brokenPipe),
                &effects)
        }
        return true
    }

    /// What an entry's `bytes` say of an operation that ends while it sends.
    func writtenBytes(_ pending: PendingOperation) -> Int {
        if case .write = pending.operation.kind { return pending.sent }
        return 0
    }

    // MARK: - Before a transact

    /// Whether a transact that heads both lanes may send.
    ///
    /// Bytes that have arrived by now belong to the standing read, or are to be thrown away: both
    /// must be known to be all, so the kernel is asked once how many it has, and these are waited
    /// for. What comes later is not: a device that never stops sending holds nothing up.
    private mutating func mayStart(
        _ number: UInt64, discardsInput: Bool, _ effects: inout SessionEffects
    ) -> Bool {
        guard standing != nil || discardsInput else { return true }
        if let standing, case .paused = operations[standing]?.progress, !input.isEmpty {
            return false
        }
        guard inputState.isOpen else { return true }
        if seenInput != nil { return hasSeenInput }
        guard probeStep == nil, let descriptor else { return false }
        probeFor = number
        lookForInput(descriptor, &effects)
        return false
    }

    /// Whether a look was made, and all the bytes that it saw have been received.
    var hasSeenInput: Bool { seenInput.map { $0 <= receivedInput } ?? false }

    /// Asks the kernel how many bytes it has that have not been received.
    mutating func lookForInput(_ descriptor: DescriptorSlot, _ effects: inout SessionEffects) {
        let step = newStep()
        probeStep = step
        probedAfter = shape.isPacketed ? packets.received : receivedInput
        effects.append(
            .submit(
                step: step, .control(descriptor, shape.isPacketed ? .readable : .unreadBytes)))
    }

    mutating func probeDone(_ result: StepResult) {
        probeStep = nil
        // A look that was made for a transact which has ended says nothing to the next one.
        guard closing != nil || readLane.first == probeFor else { return }
        var count = 0
        if case .control(.number(let number)) = result { count = number }
        // What has been received since may be what the look saw: then look again. No receive is
        // started while a look is out, so that this happens once.
        guard count == 0 || probedAfter == receivedInput else { return }
        seenInput = receivedInput + count
    }

    // MARK: - Completions

    mutating func sendDone(
        _ result: StepResult, at now: MonotonicInstant, _ effects: inout SessionEffects
    ) {
        sendStep = nil
        guard let number = writeLane.first, let pending = operations[number] else { return }
        switch result {
        case .sent(let count):
            lastActivity = now
            snapshot.counters.bytesSent += count
            operations[number]?.sent += count
            noteSent(count)
        case .failed(.cancelled):
            break
        case .failed(let errno):
            outputBroke(errno)
        default:
            preconditionFailure("a send gave \(result)")
        }
        guard closing == nil, !pipe.isDisconnecting else { return }
        if case .stopping(let status) = pending.progress {
            endTorn(number, as: status, &effects)
        }
    }

    /// Remembers how the output broke.
    ///
    /// A broken pipe ends the output alone, unless a reset has been told already; anything else is
    /// the end of the connection, and the input ends with it once its last bytes are read.
    mutating func outputBroke(_ errno: Errno) {
        let isHangup = isLineEnd(.failed(errno))
        let error = connectionError ?? (isHangup ? .lineHungUp : EntryError(errno))
        outputState = .failed(error)
        snapshot.lastError = error
        if errno != .brokenPipe && !isHangup { connectionError = error }
    }

    /// Ends a write or transact that was stopped while it was sending.
    ///
    /// If it is neither all out nor wholly unsent, what is queued behind it must not follow half a
    /// command: it ends too, having sent nothing.
    mutating func endTorn(
        _ number: UInt64, as status: EntryStatus, _ effects: inout SessionEffects
    ) {
        guard let pending = operations[number] else { return }
        let total = pending.operation.kind.payloadBytes
        let isTorn = pending.sent > 0 && pending.sent < total
        if pending.sent == total, case .write = pending.operation.kind {
            finish(number, .ok, bytes: total, &effects)
        } else {
            finish(number, status, bytes: writtenBytes(pending), &effects)
        }
        guard isTorn, outputState.isOpen else { return }
        hasTornAnew = true
        for follower in Array(writeLane)
        where operations[follower]?.operation.kind.isWriting == true {
            finish(follower, .failed, error: .writeTorn, &effects)
        }
    }

    /// Whether half a write has gone out since this was asked last.
    public mutating func takeTear() -> Bool {
        defer { hasTornAnew = false }
        return hasTornAnew
    }

    /// Writes up to `number`, if they come yet, were queued behind half a write and end with it.
    public mutating func writesAreTorn(upTo number: UInt64) { tornUpTo = number }

    mutating func failTornWrites(_ accepted: [IOOperation], _ effects: inout SessionEffects) {
        for operation in accepted where operation.number <= tornUpTo && operation.kind.isWriting {
            finish(operation.number, .failed, error: .writeTorn, &effects)
        }
    }

    // MARK: - Shutdown

    /// Shuts the output once what is queued has been sent.
    public mutating func shutdownOutput(
        at now: MonotonicInstant, _ surroundings: some SessionSurroundings,
        _ effects: inout SessionEffects
    ) {
        present = now
        isShutdownWanted = true
        if phase == .open { advance(at: now, surroundings, &effects) }
    }

    private mutating func shutOutputIfWanted(_ effects: inout SessionEffects) {
        guard isShutdownWanted, outputState.isOpen, let descriptor else { return }
        outputState = .shut
        guard wire == nil else {
            sealOutputEnd(&effects)
            return
        }
        let step = newStep()
        shutdownStep = step
        effects.append(.submit(step: step, .shutdownOutput(descriptor)))
    }
}
