public import EngineBase
import PortEngine

extension DeviceSession {
    /// Closes the session: cancel, await, entries, linger, close, last entry.
    ///
    /// `force`: resets the connection instead of letting bytes linger; a second call with
    ///   it cuts a lingering close short.
    public mutating func close(
        _ reason: CloseReason, force: Bool, at now: MonotonicInstant,
        _ effects: inout SessionEffects
    ) {
        guard phase.isInUse || phase == .closing else { return }
        if closing == nil {
            closing = Closing(reason: reason, isForced: force)
            phase = .closing
            reconnection?.isTrying = false
            reconnection?.loss = nil
            abortOpening(&effects)
            for step in [receiveStep, sendStep, acceptStep] {
                if let step { effects.append(.cancelStep(step)) }
            }
            for step in controlSteps.keys.sorted() { effects.append(.cancelStep(step)) }
            stopFileForClose(&effects)
            closeLine(&effects)
            if pipe.isListening { effects.append(.withdrawFromListener) }
        } else if force {
            closing?.isForced = true
            for step in [receiveStep, sendStep] {
                if let step { effects.append(.cancelStep(step)) }
            }
        }
        _ = closeOpening()
        continueClosing(at: now, &effects)
    }

    /// Goes as far towards the end as can be gone now.
    mutating func continueClosing(at now: MonotonicInstant, _ effects: inout SessionEffects) {
        guard phase == .closing, let closing, opening == nil, openingSteps.isEmpty,
            sendStep == nil, acceptStep == nil, controlSteps.isEmpty, line.steps.isEmpty,
            probeStep == nil, shutdownStep == nil, unsentStep == nil, closeStep == nil,
            disconnectStep == nil, !pipe.isListening, file?.running == nil,
            !isLingerTimerArmed || closing.isForced
        else { return }
        if !closing.hasEndedOperations {
            // A receive may have brought bytes after all, so it is awaited too.
            guard receiveStep == nil else { return }
            endOperations(&effects)
        }
        guard let descriptor else {
            endClosing(&effects)
            return
        }
        if releasesLocks(&effects) || isSayingGoodbye(at: now, &effects) { return }
        let mayLinger =
            shape.lingers && connectionError == nil
            && configuration.lingerMilliseconds > 0
        if closing.isForced || !mayLinger || hasLingered(at: now) {
            closeDescriptor(descriptor, &effects)
            return
        }
        linger(descriptor, at: now, &effects)
    }

    /// Gives every pending operation its entry, in the order of acceptance.
    ///
    /// What had been told to end before keeps the reason that it was told first.
    private mutating func endOperations(_ effects: inout SessionEffects) {
        closing?.hasEndedOperations = true
        if !openDelivered {
            openDelivered = true
            effects.append(.opened(openEntry(.cancelled, cancelError)))
        }
        for number in operations.numbers {
            guard let pending = operations[number] else { continue }
            var (status, error) = (EntryStatus.cancelled, cancelError)
            if case .stopping(let first) = pending.progress {
                (status, error) = (first, first == .timedOut ? .timedOut : .operationAborted)
            }
            if file != nil, let result = pending.controlResult {
                finishFile(number, pending, result, &effects)
            } else if case .write(let write) = pending.operation.kind {
                let isAllOut = pending.sent == write.bytes.count && !write.bytes.isEmpty
                let isComplete = isAllOut || pending.isDone
                finish(
                    number, isComplete ? .ok : status, bytes: pending.sent,
                    error: isComplete ? nil : error, &effects)
            } else if let result = pending.controlResult {
                finishControl(number, pending, result, &effects)
            } else if pending.isDone {
                finish(number, .ok, &effects)
            } else {
                finish(number, status, error: error, &effects)
            }
        }
        refuseGuests(&effects)
    }

    /// Ends operations that were accepted just before the close was known.
    mutating func endLateOperations(at now: MonotonicInstant, _ effects: inout SessionEffects) {
        if closing?.hasEndedOperations == true { endOperations(&effects) }
        continueClosing(at: now, &effects)
    }

    // MARK: - Linger

    func hasLingered(at now: MonotonicInstant) -> Bool {
        guard let until = closing?.lingerUntil else { return false }
        return until <= now
    }

    /// Asks the kernel what it has not yet got rid of; meanwhile shuts the output and throws input
    /// away.
    ///
    /// Closing a socket with unread input resets the connection, and bytes that were `ok` would be
    /// lost with it.
    private mutating func linger(
        _ descriptor: DescriptorSlot, at now: MonotonicInstant, _ effects: inout SessionEffects
    ) {
        if closing?.lingerUntil == nil { _ = beginLingering(at: now) }
        let step = newStep()
        unsentStep = step
        effects.append(.submit(step: step, .control(descriptor, .unsentBytes)))
    }

    /// Gives the time until which bytes may linger from now on.
    mutating func beginLingering(at now: MonotonicInstant) -> MonotonicInstant {
        let until = now.advanced(milliseconds: configuration.lingerMilliseconds)
        closing?.lingerUntil = until
        seenInput = nil
        return until
    }

    mutating func unsentDone(
        _ result: StepResult, at now: MonotonicInstant, _ effects: inout SessionEffects
    ) {
        unsentStep = nil
        guard let until = closing?.lingerUntil, let descriptor else { return }
        var count = 0
        if case .control(.number(let number)) = result { count = number }
        guard !isLine else {
            lineLingers(unsent: count, until: until, at: now, &effects)
            return
        }
        if count == 0 {
            // The peer has everything. With nothing unread either, a close is as good as a wait.
            if !canShutSocket || !inputState.isOpen || hasSeenInput {
                closing?.lingerUntil = now
                return
            }
            if seenInput == nil {
                lookForInput(descriptor, &effects)
                return
            }
        }
        if canShutSocket {
            outputState = .shut
            wire?.isSocketShut = true
            let step = newStep()
            shutdownStep = step
            effects.append(.submit(step: step, .shutdownOutput(descriptor)))
        }
        if receiveStep == nil && inputState.isOpen {
            let step = newStep()
            receiveStep = step
            let limit = DeviceSession.readAhead
            effects.append(
                .submit(
                    step: step,
                    shape.isPacketed
                        ? .receiveMessage(descriptor, limit: limit)
                        : .receive(descriptor, limit: limit)))
        }
        isLingerTimerArmed = true
        effects.append(.arm(.linger, at: min(now.advanced(milliseconds: 5), until)))
    }

    // MARK: - The end

    private mutating func closeDescriptor(
        _ descriptor: DescriptorSlot, _ effects: inout SessionEffects
    ) {
        // No step may be out on a descriptor that is closed.
        if let step = receiveStep {
            effects.append(.cancelStep(step))
            return
        }
        let step = newStep()
        closeStep = step
        let resets = isLine ? !line.isDrained : closing?.isForced == true && shape == .stream
        effects.append(.submit(step: step, .close(descriptor, reset: resets)))
    }

    mutating func closeDone(at now: MonotonicInstant, _ effects: inout SessionEffects) {
        closeStep = nil
        descriptor = nil
        wire = nil
        continueClosing(at: now, &effects)
    }

    /// Nothing is open any more, and every operation has its entry.
    private mutating func endClosing(_ effects: inout SessionEffects) {
        guard !hasEnded else { return }
        phase = .closed
        hasEnded = true
        let (status, error): (EntryStatus, EntryError?) =
            switch closing?.reason {
            case .idle: (.timedOut, .idleTimeout)
            case .draining: (.cancelled, .serviceDraining)
            case .deleted, .portClosed, nil: (.ok, nil)
            }
        releaseStatePlaces(&effects)
        effects.append(.sessionClosed(closedEntry(status, error)))
        effects.append(.ended)
    }
}
