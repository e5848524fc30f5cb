import EngineBase
public import PortEngine

extension DeviceSession {
    /// Takes a connection for the oldest accept; without one they wait in the kernel.
    mutating func advanceAccepts(
        at now: MonotonicInstant, _ surroundings: some SessionSurroundings,
        _ effects: inout SessionEffects
    ) {
        guard acceptStep == nil, !isAcceptPaused, let descriptor, let number = acceptLane.first
        else { return }
        operations[number]?.progress = .running
        guard guests[number] != nil || surroundings.mayAddSession else {
            pauseAccepts(at: now, &effects)
            return
        }
        let step = newStep()
        acceptStep = step
        effects.append(.submit(step: step, .accept(descriptor, configuration.socketOptions)))
    }

    mutating func acceptDone(
        _ result: StepResult, at now: MonotonicInstant, _ surroundings: some SessionSurroundings,
        _ effects: inout SessionEffects
    ) {
        acceptStep = nil
        if let number = acceptLane.first, let guest = guests[number] {
            guestServed(number, guest, result, at: now, &effects)
            return
        }
        guard let number = acceptLane.first, let pending = operations[number] else { return }
        switch result {
        case .accepted(let slot, let peer):
            acceptPause = 0
            lastActivity = now
            snapshot.counters.accepted += 1
            snapshot.counters.operationsCompleted += 1
            operations.remove(number)
            acceptLane.removeFirst()
            effects.append(.spawn(pending.operation, slot, peer: peer))
        case .failed(.cancelled):
            guard closing == nil, case .stopping(let status) = pending.progress else { return }
            finish(number, status, &effects)
        case .failed(.tooManyOpenFiles), .failed(.fileTableFull), .failed(.noBufferSpace),
            .failed(.noMemory):
            if case .stopping(let status) = pending.progress, closing == nil {
                finish(number, status, &effects)
            } else {
                snapshot.lastError = EntryError(.tooManyOpenFiles)
                pauseAccepts(at: now, &effects)
            }
        case .failed(let errno):
            finish(number, .failed, error: EntryError(errno), &effects)
        default:
            preconditionFailure("an accept gave \(result)")
        }
    }

    /// Something ran out: the operation stays pending and tries again, ever more slowly.
    mutating func pauseAccepts(
        at now: MonotonicInstant, _ effects: inout SessionEffects
    ) {
        guard closing == nil else { return }
        acceptPause = min(max(100, acceptPause * 2), 1_000)
        isAcceptPaused = true
        snapshot.counters.acceptPauses += 1
        effects.append(.arm(.acceptAgain, at: now.advanced(milliseconds: acceptPause)))
    }

    /// The entry of an accept that brought `session`.
    public func acceptEntry(
        of operation: IOOperation, brought session: SessionID, peer: String?
    ) -> CompletionEntry {
        CompletionEntry(
            kind: .accept, key: configuration.key, context: operation.context,
            details: EntryDetails(
                session: names.session, operation: names.operation(operation.number),
                accepted: session.text, peer: peer))
    }

    /// The entry of an accept that brought a connection which could not be kept.
    public func acceptEntry(of operation: IOOperation, failed error: EntryError) -> CompletionEntry
    {
        CompletionEntry(
            kind: .accept, status: .failed, key: configuration.key, context: operation.context,
            details: EntryDetails(
                session: names.session, operation: names.operation(operation.number),
                error: error))
    }
}
