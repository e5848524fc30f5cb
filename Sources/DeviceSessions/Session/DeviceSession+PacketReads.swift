import EngineBase
import PortEngine

/// What a read of datagrams or messages comes to.
private enum PacketVerdict {
    /// Nothing is there.
    case wait
    /// It gets the first `size` bytes of what is held.
    case give(size: Int, EntryStatus)
    /// It tells an error that is over with it.
    case fail(EntryError)
    /// The connection has ended.
    case end(EntryStatus, EntryError?)
}

/// Reading where bounds are kept: datagrams (WSARecvFrom) and messages (pipes in message mode).
extension DeviceSession {
    // MARK: - Reads

    /// Ends a read, or a transact that has sent its request, if there is something for it.
    mutating func completePacket(
        _ number: UInt64, _ goal: ReadGoal, _ surroundings: some SessionSurroundings,
        _ effects: inout SessionEffects
    ) -> Bool {
        guard let pending = operations[number] else { return false }
        switch packetVerdict(on: goal) {
        case .wait:
            return false
        case .give(let size, let status):
            if size > 0, case .port = pending.operation.delivery, !surroundings.portAcceptsPayload {
                operations[number]?.progress = .paused(by: "port")
                awaitRoom(&effects)
                return false
            }
            let packet = takePacket(size, status)
            finish(
                number, status, bytes: size, data: packet.data, error: packet.error,
                extras: packet.extras, peer: packet.peer, &effects)
        case .fail(let error):
            _ = packets.takeFailure()
            finish(number, .failed, error: error, &effects)
        case .end(let status, let error):
            finish(number, status, error: error, &effects)
        }
        return true
    }

    /// Gives the standing read what is there, as credit and room allow; without them nothing is
    /// taken from the kernel, which drops datagrams then and lets the sender of messages wait.
    mutating func servePackets(
        _ surroundings: some SessionSurroundings, _ effects: inout SessionEffects
    ) {
        while let number = standing, let pending = operations[number],
            case .read(let read) = pending.operation.kind
        {
            let verdict = packetVerdict(on: read.goal)
            if case .end(let status, let error) = verdict {
                finish(number, status, error: error, &effects)
                return
            }
            if pending.credit == 0 {
                operations[number]?.progress = .paused(by: "credit")
                return
            }
            guard surroundings.portAcceptsPayload else {
                operations[number]?.progress = .paused(by: "port")
                awaitRoom(&effects)
                return
            }
            operations[number]?.progress = .running
            if case .wait = verdict { return }
            if case .fail(let error) = verdict, !error.isOfOnePacket {
                _ = packets.takeFailure()
                finish(number, .failed, error: error, &effects)
                return
            }
            guard surroundings.reservePlace() else {
                operations[number]?.progress = .paused(by: "port")
                awaitRoom(&effects)
                return
            }
            if let credit = pending.credit { operations[number]?.credit = credit - 1 }
            effects.append(.standingEntry(packetEntry(of: pending, verdict)))
        }
    }

    /// A standing read's entry that is not its last.
    private mutating func packetEntry(
        of pending: PendingOperation, _ verdict: PacketVerdict
    ) -> CompletionEntry {
        if case .give(let size, let status) = verdict {
            let packet = takePacket(size, status)
            return entry(
                of: pending, status, bytes: size, data: packet.data, error: packet.error,
                isLast: false, extras: packet.extras, peer: packet.peer)
        }
        return entry(
            of: pending, .failed, bytes: 0, data: [], error: packets.takeFailure(), isLast: false)
    }

    private func packetVerdict(on goal: ReadGoal) -> PacketVerdict {
        if let held = packets.held {
            let size = held.bytes.count
            return size <= goal.byteLimit
                ? .give(size: size, .ok) : .give(size: goal.byteLimit, .truncated)
        }
        if let failure = packets.failure { return .fail(failure) }
        // A lost connection ends all that is pending, in the order of acceptance.
        if isLost { return .wait }
        switch inputState {
        case .open, .shut: return .wait
        case .endOfStream: return .end(.endOfStream, nil)
        case .failed(let error): return .end(.failed, error)
        }
    }

    /// Takes what a read gets: of a datagram the rest is lost with it, of a message it stays.
    private mutating func takePacket(
        _ size: Int, _ status: EntryStatus
    ) -> (data: [UInt8], error: EntryError?, extras: EntryExtras?, peer: String?) {
        guard let held = packets.held else { return ([], nil, nil, nil) }
        let isTruncated = status == .truncated
        packets.held = nil
        if isTruncated && shape == .message {
            packets.held = PacketInput.Held(bytes: held.bytes.dropFirst(size), peer: held.peer)
        }
        return (
            Array(held.bytes.prefix(size)), isTruncated ? .moreData : nil,
            isTruncated ? EntryExtras(messageBytes: held.bytes.count) : nil, held.peer
        )
    }

    // MARK: - Demand

    /// Asks the driver for one packet if somebody waits for it, and lets go of what nobody does.
    mutating func wantPacket(_ effects: inout SessionEffects) {
        let isWanted = inputState.isOpen && isPacketWanted
        if let step = receiveStep {
            guard !isWanted, !packets.isReceiveCancelled else { return }
            packets.isReceiveCancelled = true
            effects.append(.cancelStep(step))
            return
        }
        guard isWanted, probeStep == nil, let descriptor else { return }
        let step = newStep()
        receiveStep = step
        let limit =
            shape == .datagram ? PacketInput.longestDatagram : PacketInput.longestMessage
        effects.append(.submit(step: step, .receiveMessage(descriptor, limit: limit)))
    }

    private var isPacketWanted: Bool {
        if isEndSought { return true }
        guard packets.held == nil else { return false }
        if let number = readLane.first, let pending = operations[number] {
            switch pending.operation.kind {
            case .read: return true
            case .transact:
                if pending.isAnswering { return true }
                if standing == nil && packets.look == .inTheWay { return true }
            case .write, .accept, .control, .lock, .unlock, .waitEvent, .disconnect: break
            }
        }
        guard let standing, let pending = operations[standing] else { return false }
        if case .paused = pending.progress { return false }
        return true
    }

    // MARK: - Completions

    mutating func packetReceived(
        _ result: StepResult, at now: MonotonicInstant, _ effects: inout SessionEffects
    ) {
        receiveStep = nil
        packets.isReceiveCancelled = false
        switch result {
        case .message(let bytes, let fullSize, let peer, let dropped):
            lastActivity = now
            snapshot.counters.bytesReceived += bytes.count
            packets.noteDropped(dropped)
            packets.hasMoved()
            if case .disconnecting(let number) = pipe, closing == nil {
                operations[number]?.discarded += fullSize
            } else if closing != nil {
                closing?.discarded += fullSize
                dropNextWhileLingering(&effects)
            } else if packets.held != nil || reconnection?.hasOverflown == true {
                // Read only to learn how the connection ended.
                reconnection?.discard(fullSize)
            } else if fullSize > bytes.count && shape == .message {
                packets.keep(.messageTooLongToTake)
            } else {
                // Who has one peer need not be told it with every datagram.
                let sender = snapshot.peer == nil ? peer?.text : nil
                packets.held = PacketInput.Held(bytes: bytes[...], peer: sender)
            }
        case .received:
            packets.hasMoved()
            inputState = connectionError.map { .failed($0) } ?? .endOfStream
        case .failed(.cancelled):
            return
        case .failed(let errno):
            packets.hasMoved()
            packetInputFailed(errno)
        default:
            preconditionFailure("a receive of a message gave \(result)")
        }
    }

    /// A session that lingers throws away message after message, so that none is unread when it
    /// is closed: the peer would be told a reset.
    private mutating func dropNextWhileLingering(_ effects: inout SessionEffects) {
        guard closing?.lingerUntil != nil, inputState.isOpen, let descriptor else { return }
        seenInput = nil
        let step = newStep()
        receiveStep = step
        effects.append(
            .submit(step: step, .receiveMessage(descriptor, limit: DeviceSession.readAhead)))
    }

    private mutating func packetInputFailed(_ errno: Errno) {
        guard shape == .message else {
            packets.keep(EntryError(ofDatagram: errno))
            return
        }
        let error = connectionError ?? EntryError(errno)
        // A reset comes before messages that arrived before it: they are read first.
        if connectionError != nil { inputState = .failed(error) }
        connectionError = error
        if outputState.isOpen { outputState = .failed(error) }
        snapshot.lastError = error
    }
}

extension EntryError {
    /// Whether it says something about one datagram or message, and the session goes on.
    fileprivate var isOfOnePacket: Bool {
        [
            EntryError.portUnreachable.code, EntryError.frameTooLong.code,
            EntryError(.hostUnreachable).code, EntryError(.networkUnreachable).code,
        ].contains(code)
    }
}
