import EngineBase
import PortEngine

/// A session whose bytes go through a filter: it reads and writes plain bytes as any other does,
/// and here they are sealed and unsealed on their way.
extension DeviceSession {
    /// Begins to use a filter, with what it has unsealed while it was set up.
    mutating func install(
        _ filter: any StreamFilter, _ early: UnsealedInput, at now: MonotonicInstant,
        _ effects: inout SessionEffects
    ) {
        wire = SealedWire(filter)
        snapshot.security = filter.security
        take(early, at: now, &effects)
    }

    // MARK: - Input

    /// Goes on after a receive whose bytes are sealed.
    mutating func sealedReceiveDone(
        _ result: StepResult, at now: MonotonicInstant, _ effects: inout SessionEffects
    ) {
        guard case .received(let bytes) = result else {
            if case .failed(let errno) = result, errno != .cancelled { dropUnsent() }
            receiveDone(result, at: now)
            return
        }
        receiveStep = nil
        if !bytes.isEmpty { lastActivity = now }
        // As the kernel counts them: what a look saw may turn out to be no data at all.
        receivedInput += bytes.count
        guard let input = wire?.filter.unseal(bytes) else { return }
        take(input, at: now, &effects)
    }

    private mutating func take(
        _ input: UnsealedInput, at now: MonotonicInstant, _ effects: inout SessionEffects
    ) {
        wire?.append(input.answer)
        if !input.bytes.isEmpty { receiveDone(.received(input.bytes), at: now) }
        switch input.end {
        case nil:
            break
        case .endOfStream:
            inputState = connectionError.map { .failed($0) } ?? .endOfStream
        case .failed(let error, breaksOutput: false):
            // An error that a send was told says more than the end that followed it.
            let error = connectionError ?? error
            inputState = .failed(error)
            snapshot.lastError = error
        case .failed(let error, breaksOutput: true):
            inputState = .failed(error)
            filterFailed(error, lastWord: input.answer, &effects)
        }
    }

    /// The filter is of no more use; what it has to say to the peer is tried once.
    private mutating func filterFailed(
        _ error: EntryError, lastWord: [UInt8], _ effects: inout SessionEffects
    ) {
        connectionError = error
        if outputState.isOpen { outputState = .failed(error) }
        snapshot.lastError = error
        dropUnsent()
        if let step = sendStep {
            effects.append(.cancelStep(step))
        } else {
            wire?.append(lastWord)
            wire?.isLastWord = true
        }
    }

    /// Throws away what is on its way, unless the kernel has it: then its completion tells how much
    /// of it is out.
    private mutating func dropUnsent() {
        if sendStep == nil { wire?.drop() }
    }

    // MARK: - Output

    /// Gives the kernel what is sealed and not yet out; says whether anything is.
    mutating func flushWire(_ effects: inout SessionEffects) -> Bool {
        guard sendStep == nil, let descriptor, let wire, !wire.isEmpty else { return false }
        let step = newStep()
        sendStep = step
        effects.append(
            .submit(step: step, .send(descriptor, bytes: wire.outgoing, from: wire.head)))
        if wire.isLastWord { effects.append(.cancelStep(step)) }
        return true
    }

    /// Seals the next record of a write and sends it; says whether that failed at once.
    mutating func sealAndSend(
        _ bytes: [UInt8], from start: Int, _ effects: inout SessionEffects
    ) -> Bool {
        switch wire?.filter.seal(bytes, from: start) {
        case .record(let record, let plainBytes):
            wire?.put(record, plainBytes: plainBytes)
            return !flushWire(&effects)
        case .failed(let error):
            filterFailed(error, lastWord: [], &effects)
            return true
        case nil:
            return true
        }
    }

    /// Goes on after a send of sealed bytes.
    mutating func sealedSendDone(
        _ result: StepResult, at now: MonotonicInstant, _ effects: inout SessionEffects
    ) {
        sendStep = nil
        switch result {
        case .sent(let count):
            lastActivity = now
            // What was thrown away meanwhile is not counted.
            if let wire, wire.head + count <= wire.outgoing.count {
                countSent(self.wire?.took(count) ?? 0)
            }
            if case .failed = outputState { wire?.drop() }
            if wire?.isLastWord == true { wire?.drop() }
        case .failed(.cancelled):
            if wire?.isLastWord == true { wire?.drop() }
        case .failed(let errno):
            wire?.drop()
            outputBroke(errno)
        default:
            preconditionFailure("a send gave \(result)")
        }
        guard closing == nil else {
            settleRecord()
            return
        }
        guard let number = writeLane.first,
            case .stopping(let status)? = operations[number]?.progress
        else { return }
        settleRecord()
        endTorn(number, as: status, &effects)
    }

    /// Decides what becomes of the record of a write that ends before the record is out.
    ///
    /// With nothing of it out it is unmade, as if never begun. Otherwise the session finishes it by
    /// itself, so its bytes count as sent; a connection that is about to be cut finishes nothing.
    private mutating func settleRecord() {
        guard let wire, wire.plainBytes > 0, self.wire?.takeBack() == false else { return }
        if let closing, closing.isForced || configuration.lingerMilliseconds == 0 {
            self.wire?.drop()
            self.wire?.isBroken = true
        } else {
            countSent(self.wire?.disown() ?? 0)
        }
    }

    private mutating func countSent(_ plainBytes: Int) {
        guard plainBytes > 0, let number = writeLane.first else { return }
        operations[number]?.sent += plainBytes
        snapshot.counters.bytesSent += plainBytes
    }

    // MARK: - The end

    /// Shuts the output of the filter, not of the socket.
    mutating func sealOutputEnd(_ effects: inout SessionEffects) {
        wire?.appendEnd()
        _ = flushWire(&effects)
    }

    /// Before a socket is closed: sends the rest of a record and the end of what is sent, for no
    /// longer than bytes may linger; says whether something is still on its way.
    mutating func isSayingGoodbye(
        at now: MonotonicInstant, _ effects: inout SessionEffects
    ) -> Bool {
        guard let closing, !closing.isForced, connectionError == nil, descriptor != nil,
            wire?.isBroken == false
        else { return false }
        if case .failed = outputState { return false }
        if outputState.isOpen {
            outputState = .shut
            wire?.appendEnd()
            if configuration.lingerMilliseconds == 0 { wire?.isLastWord = true }
        }
        guard wire?.isEmpty == false else { return false }
        if wire?.isLastWord == true { return flushWire(&effects) }
        if closing.lingerUntil == nil {
            let until = beginLingering(at: now)
            effects.append(.arm(.linger, at: until))
        } else if hasLingered(at: now) {
            wire?.drop()
            return false
        }
        return flushWire(&effects)
    }

    /// Gives up a goodbye that the peer does not take.
    mutating func endGoodbye(at now: MonotonicInstant, _ effects: inout SessionEffects) {
        guard phase == .closing, wire != nil, hasLingered(at: now), let step = sendStep else {
            return
        }
        effects.append(.cancelStep(step))
    }

    /// Whether the socket's output can still be shut, so that the peer sees an end.
    var canShutSocket: Bool {
        guard let wire else { return outputState.isOpen }
        if case .failed = outputState { return false }
        return !wire.isSocketShut
    }
}
