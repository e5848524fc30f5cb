import EngineBase
import PortEngine

/// Writing where bounds are kept: each write is one datagram or message, all of it or nothing.
extension DeviceSession {
    /// Starts the head of the write lane, or goes on with it; says whether anything moved.
    mutating func advancePacketWrites(_ effects: inout SessionEffects) -> Bool {
        guard let number = writeLane.first, let pending = operations[number] else { return false }
        if case .stopping = pending.progress { return false }
        switch pending.operation.kind {
        case .write(let write):
            if failIfOutputEnded(number, pending, &effects) { return true }
            sendPacket(number, write.bytes, to: write.destination, &effects)
            return false
        case .transact(let transact):
            if pending.isAnswering { return false }
            if case .queued = pending.progress {
                guard readLane.first == number,
                    mayAsk(number, discardsInput: transact.discardsInput, &effects)
                else { return false }
                operations[number]?.hasBegun = true
            }
            if failIfOutputEnded(number, pending, &effects) { return true }
            sendPacket(number, transact.bytes, to: nil, &effects)
            return false
        case .control(let action):
            if case .queued = pending.progress { startControl(number, action, &effects) }
            return operations[number] == nil
        case .read, .accept, .lock, .unlock, .waitEvent, .disconnect:
            return false
        }
    }

    private mutating func sendPacket(
        _ number: UInt64, _ bytes: [UInt8], to destination: SocketAddress?,
        _ effects: inout SessionEffects
    ) {
        guard let descriptor else { return }
        operations[number]?.progress = .running
        let step = newStep()
        sendStep = step
        effects.append(
            .submit(step: step, .sendMessage(descriptor, bytes: bytes, to: destination)))
    }

    // MARK: - Before a transact

    /// Whether a transact that heads both lanes may send: what has arrived by now belongs to the
    /// standing read, or is to be thrown away.
    private mutating func mayAsk(
        _ number: UInt64, discardsInput: Bool, _ effects: inout SessionEffects
    ) -> Bool {
        guard standing != nil || discardsInput else { return true }
        if standing == nil {
            operations[number]?.discarded += packets.unreadBytes
            packets.held = nil
            _ = packets.takeFailure()
        }
        guard packets.held == nil, packets.failure == nil else { return false }
        guard inputState.isOpen else { return true }
        if let isClear = packets.isClear(for: number) { return isClear }
        guard probeStep == nil, let descriptor else { return false }
        probeFor = number
        lookForInput(descriptor, &effects)
        return false
    }

    mutating func packetProbeDone(_ result: StepResult) {
        probeStep = nil
        var isThere = false
        if case .control(.number(let count)) = result { isThere = count > 0 }
        if closing != nil {
            // How much there is cannot be told: more than will ever have been received.
            seenInput = isThere ? .max : receivedInput
        } else if packets.lookFor == probeFor, packets.look == .unknown {
            // What has been received since may be what the look saw: then look again.
            if isThere && probedAfter != packets.received { return }
            packets.look = isThere ? .inTheWay : .clear
        }
    }

    // MARK: - Completions

    mutating func packetSent(
        _ result: StepResult, at now: MonotonicInstant, _ effects: inout SessionEffects
    ) {
        sendStep = nil
        guard let number = writeLane.first, let pending = operations[number] else { return }
        let isEnding = closing != nil || pipe.isDisconnecting
        switch result {
        case .sent(let count):
            lastActivity = now
            snapshot.counters.bytesSent += count
            packets.sent += 1
            operations[number]?.sent = count
            operations[number]?.isDone = pending.operation.kind.isWrite
            // An error that did not come again was an earlier datagram's.
            if let errno = pending.firstSendError { packets.keep(EntryError(ofDatagram: errno)) }
            if !isEnding { packetIsOut(number, pending, count, at: now, &effects) }
        case .failed(.cancelled):
            if !isEnding, case .stopping(let status) = pending.progress {
                finish(number, status, &effects)
            }
        case .failed(let errno) where shape == .datagram:
            datagramFailed(number, pending, errno, mayEnd: !isEnding, &effects)
        case .failed(let errno):
            messageFailed(number, pending, errno, mayEnd: !isEnding, &effects)
        default:
            preconditionFailure("a send of a message gave \(result)")
        }
    }

    private mutating func packetIsOut(
        _ number: UInt64, _ pending: PendingOperation, _ count: Int, at now: MonotonicInstant,
        _ effects: inout SessionEffects
    ) {
        switch pending.operation.kind {
        case .transact(let transact):
            if case .stopping(let status) = pending.progress {
                finish(number, status, &effects)
            } else {
                beginAnswer(number, transact.answerTimeoutMilliseconds, at: now, &effects)
            }
        default:
            finish(number, .ok, bytes: count, &effects)
        }
    }

    /// The kernel tells what became of an earlier datagram to whichever call comes next: a read
    /// shall hear of it, and this one be sent.
    ///
    /// A refused port is always an earlier one's. Anything else is if it does not come again.
    private mutating func datagramFailed(
        _ number: UInt64, _ pending: PendingOperation, _ errno: Errno, mayEnd: Bool,
        _ effects: inout SessionEffects
    ) {
        let isConnected = snapshot.peer != nil
        if isConnected && errno == .connectionRefused {
            packets.keep(EntryError(ofDatagram: errno))
        } else if isConnected && pending.firstSendError == nil {
            operations[number]?.firstSendError = errno
        } else {
            if let first = pending.firstSendError, first != errno {
                packets.keep(EntryError(ofDatagram: first))
            }
            if mayEnd { failSend(number, pending, errno, &effects) }
            return
        }
        if mayEnd, case .stopping(let status) = pending.progress {
            finish(number, status, &effects)
        }
    }

    private mutating func messageFailed(
        _ number: UInt64, _ pending: PendingOperation, _ errno: Errno, mayEnd: Bool,
        _ effects: inout SessionEffects
    ) {
        switch errno {
        case .messageTooLong, .noBufferSpace, .noMemory:
            if mayEnd { failSend(number, pending, errno, &effects) }
            return
        default:
            break
        }
        let error = connectionError ?? EntryError(errno)
        outputState = .failed(error)
        snapshot.lastError = error
        if errno != .brokenPipe { connectionError = error }
        if mayEnd, case .stopping(let status) = pending.progress {
            finish(number, status, &effects)
        }
    }

    private mutating func failSend(
        _ number: UInt64, _ pending: PendingOperation, _ errno: Errno,
        _ effects: inout SessionEffects
    ) {
        if case .stopping(let status) = pending.progress {
            finish(number, status, &effects)
        } else {
            let error = shape == .datagram ? EntryError(ofDatagram: errno) : EntryError(errno)
            finish(number, .failed, error: error, &effects)
        }
    }
}
