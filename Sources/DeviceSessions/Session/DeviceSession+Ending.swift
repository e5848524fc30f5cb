public import EngineBase
import PortEngine

extension DeviceSession {
    // MARK: - How an operation ends

    /// Ends an operation with its one entry, or its last.
    mutating func finish(
        _ number: UInt64, _ status: EntryStatus, bytes: Int = 0, data: [UInt8] = [],
        error: EntryError? = nil, extras: EntryExtras? = nil, peer: String? = nil,
        _ effects: inout SessionEffects
    ) {
        guard let pending = operations.remove(number) else { return }
        leaveLanes(number)
        lastActivity = present
        if pending.readClock?.armedFor != nil { effects.append(.disarm) }
        if case .transact = pending.operation.kind {
            if number == probeFor { seenInput = nil }
            if pending.hasBegun {
                // The standing read goes on with the frame that it had begun.
                input.prepend(setAside)
                frames.putBack(setAside.count)
                setAside = []
                scanned = 0
            }
        }
        snapshot.counters.operationsCompleted += 1
        if status == .failed {
            snapshot.counters.operationsFailed += 1
            snapshot.lastError = error
        }
        let operation = pending.operation
        if case .accept = operation.kind {
            // The place for the end of the session that it did not bring.
            effects.append(.releasePlaces(1))
        }
        if case .none = operation.delivery {
            effects.append(.finishedSilently(operation))
            return
        }
        let entry = self.entry(
            of: pending, status, bytes: bytes, data: data, error: error, isLast: true,
            extras: extras, peer: peer)
        effects.append(.complete(operation, entry))
    }

    /// The entry that tells of an operation.
    func entry(
        of pending: PendingOperation, _ status: EntryStatus, bytes: Int, data: [UInt8],
        error: EntryError?,
        isLast: Bool, extras: EntryExtras? = nil, peer: String? = nil
    ) -> CompletionEntry {
        let operation = pending.operation
        var sent: Int?
        if case .transact = operation.kind { sent = pending.sent }
        // An accept that ends here with a client is one of a session that takes it itself.
        var accepted: String?
        if case .accept = operation.kind, status == .ok { accepted = names.session }
        return CompletionEntry(
            kind: operation.kind.entryKind, status: status, key: configuration.key,
            context: operation.context, bytes: bytes, data: data,
            details: EntryDetails(
                session: names.session, operation: names.operation(operation.number),
                isLast: operation.kind.isStandingRead ? isLast : nil,
                error: error ?? standardError(of: status), accepted: accepted, peer: peer,
                sent: sent,
                discarded: pending.discarded > 0 ? pending.discarded : nil, extras: extras))
    }

    private func standardError(of status: EntryStatus) -> EntryError? {
        switch status {
        case .timedOut: .timedOut
        case .cancelled: cancelError
        case .ok, .endOfStream, .truncated, .failed, .indeterminate: nil
        }
    }

    /// Why operations are cancelled: by request, by idleness, by the daemon's end.
    var cancelError: EntryError {
        switch closing?.reason {
        case .idle: .idleTimeout
        case .draining: .serviceDraining
        case .deleted, .portClosed, nil: .operationAborted
        }
    }

    private mutating func leaveLanes(_ number: UInt64) {
        leaveLine(number)
        if standing == number {
            standing = nil
            scanned = 0
        }
        if readLane.first == number {
            readLane.removeFirst()
            scanned = 0
        } else if let index = readLane.firstIndex(of: number) {
            readLane.remove(at: index)
        }
        if writeLane.first == number {
            writeLane.removeFirst()
        } else if let index = writeLane.firstIndex(of: number) {
            writeLane.remove(at: index)
        }
        file?.leave(number)
        if let index = disconnects.firstIndex(of: number) { disconnects.remove(at: index) }
        if acceptLane.first == number {
            acceptLane.removeFirst()
        } else if let index = acceptLane.firstIndex(of: number) {
            acceptLane.remove(at: index)
        }
    }

    // MARK: - Cancel and time-out

    /// Asks for operations to end, all of them without `numbers`; each one's entry tells the truth.
    public mutating func cancel(
        _ numbers: [UInt64]?, at now: MonotonicInstant, _ surroundings: some SessionSurroundings,
        _ effects: inout SessionEffects
    ) -> CancelAnswer {
        present = now
        var answer = CancelAnswer()
        for number in numbers ?? operations.numbers {
            if operations[number] != nil {
                answer.cancelling += 1
                stop(number, as: .cancelled, &effects)
            } else if number > 0 && number < nextUnseenOperation {
                answer.alreadyDone.append(number)
            } else {
                answer.unknown.append(number)
            }
        }
        if phase == .open { advance(at: now, surroundings, &effects) }
        return answer
    }

    /// Ends an operation before it is complete: at once where the kernel has no part in it, else
    /// when the driver has given the step back.
    mutating func stop(
        _ number: UInt64, as status: EntryStatus, _ effects: inout SessionEffects
    ) {
        // A session that closes ends all that is pending, in the order of acceptance.
        guard let pending = operations[number], closing == nil else { return }
        if file != nil {
            stopFile(number, as: status, &effects)
            return
        }
        if case .stopping = pending.progress { return }
        if case .queued = pending.progress {
            finish(number, status, &effects)
            return
        }
        // What runs ends with the connection, in the order of acceptance.
        if pipe.isDisconnecting { return }
        switch pending.operation.kind {
        case .accept where pipe.isListening(for: number):
            operations[number]?.progress = .stopping(status)
            effects.append(.withdrawFromListener)
        case .accept:
            if number == acceptLane.first, let step = acceptStep {
                operations[number]?.progress = .stopping(status)
                effects.append(.cancelStep(step))
            } else {
                finish(number, status, &effects)
            }
        case .write, .transact:
            if let step = sendStep, number == writeLane.first, !pending.isAnswering {
                operations[number]?.progress = .stopping(status)
                effects.append(.cancelStep(step))
            } else if pending.isAnswering {
                stopReading(number, as: status, &effects)
            } else {
                endTorn(number, as: status, &effects)
            }
        case .read:
            stopReading(number, as: status, &effects)
        case .control:
            stopControl(number, as: status, &effects)
        case .lock, .unlock, .waitEvent, .disconnect:
            finish(number, status, &effects)
        }
    }

    /// Ends a running read.
    ///
    /// A time-out gives what had been gathered; a cancel takes nothing.
    private mutating func stopReading(
        _ number: UInt64, as status: EntryStatus, _ effects: inout SessionEffects
    ) {
        guard let pending = operations[number] else { return }
        var data: [UInt8] = []
        // A standing read that is paused learns of what has arrived when it goes on, or never.
        var isPaused = false
        if case .paused = pending.progress { isPaused = pending.operation.kind.isStandingRead }
        if status == .timedOut && !isPaused && !isHeldUp(number) {
            data = gathered(for: number)
        }
        finish(number, status, bytes: data.count, data: data, &effects)
    }

    /// Whether a transact is using the input that a standing read would otherwise get.
    func isHeldUp(_ number: UInt64) -> Bool {
        guard number == standing, let head = readLane.first else { return false }
        return operations[head]?.hasBegun == true
    }

    // MARK: - All at once

    /// Ends every operation as failed, in the order of acceptance.
    mutating func failAll(with error: EntryError, _ effects: inout SessionEffects) {
        for number in operations.numbers {
            finish(number, .failed, error: error, &effects)
        }
    }

    // MARK: - Looks

    /// The pending operations in the order of acceptance.
    public func pendingOperations() -> [OperationStatus] {
        operations.numbers.compactMap { status(of: $0) }
    }

    /// One pending operation.
    public func status(of number: UInt64) -> OperationStatus? {
        guard let pending = operations[number] else { return nil }
        var state = OperationStatus.State.queued
        var pausedBy: String?
        switch pending.progress {
        case .queued: break
        case .running: state = .running
        case .paused(let by):
            state = .paused
            pausedBy = by
        case .stopping: state = .stopping
        }
        return OperationStatus(
            number: number, name: pending.operation.kind.name, context: pending.operation.context,
            state: state, pausedBy: pausedBy, credit: pending.credit)
    }

    /// Gives a standing read more credit.
    public mutating func addCredit(
        _ amount: Int, to number: UInt64, at now: MonotonicInstant,
        _ surroundings: some SessionSurroundings, _ effects: inout SessionEffects
    ) -> CreditAnswer {
        present = now
        guard let pending = operations[number] else { return .ended }
        guard let credit = pending.credit else { return .notLimited }
        let sum = min(credit + amount, 1_000_000)
        operations[number]?.credit = sum
        if phase == .open { advance(at: now, surroundings, &effects) }
        return .credit(sum)
    }
}
