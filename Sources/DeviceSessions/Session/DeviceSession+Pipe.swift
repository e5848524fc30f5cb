public import EngineBase
public import PortEngine

/// Where a session that a listener brought is between one client and the next.
enum PipeState: Sendable {
    /// It has its client, dead or alive; so has any session that cannot change it.
    case connected
    /// That operation lets the client go.
    case disconnecting(UInt64)
    /// It has none.
    case disconnected
    /// That operation waits for the listener's next one.
    case listening(UInt64)

    var isConnected: Bool { if case .connected = self { true } else { false } }
    var isDisconnecting: Bool { if case .disconnecting = self { true } else { false } }
    var isListening: Bool { if case .listening = self { true } else { false } }

    func isListening(for number: UInt64) -> Bool {
        if case .listening(number) = self { true } else { false }
    }
}

extension OperationKind {
    var isDisconnect: Bool { if case .disconnect = self { true } else { false } }
    var isWrite: Bool { if case .write = self { true } else { false } }
}

/// A session that changes its client: DisconnectNamedPipe, and ConnectNamedPipe on the same handle.
extension DeviceSession {
    /// Starts what waits to disconnect, or to take the next client.
    mutating func advancePipe(_ effects: inout SessionEffects) {
        while let number = disconnects.first {
            guard pipe.isConnected else {
                finish(number, .failed, error: .pipeNotConnected, &effects)
                continue
            }
            beginDisconnect(number, &effects)
            return
        }
        while let number = acceptLane.first {
            switch pipe {
            case .connected:
                let isAlive =
                    inputState.isOpen && outputState.isOpen && connectionError == nil
                finish(number, .failed, error: isAlive ? .pipeConnected : .pipeClosing, &effects)
            case .disconnected:
                pipe = .listening(number)
                operations[number]?.progress = .running
                effects.append(.askListener)
                return
            case .listening, .disconnecting:
                return
            }
        }
    }

    // MARK: - Disconnect

    private mutating func beginDisconnect(_ number: UInt64, _ effects: inout SessionEffects) {
        pipe = .disconnecting(number)
        operations[number]?.progress = .running
        for step in [receiveStep, sendStep] {
            if let step { effects.append(.cancelStep(step)) }
        }
        for step in controlSteps.keys.sorted() { effects.append(.cancelStep(step)) }
        continueDisconnect(number, &effects)
    }

    /// Once the driver has given all steps back: what was pending ends, then the connection.
    mutating func continueDisconnect(_ number: UInt64, _ effects: inout SessionEffects) {
        guard receiveStep == nil, sendStep == nil, controlSteps.isEmpty, probeStep == nil,
            shutdownStep == nil, disconnectStep == nil, let descriptor
        else { return }
        for earlier in operations.numbers where earlier < number {
            endWithConnection(earlier, &effects)
        }
        operations[number]?.discarded += input.count + setAside.count + packets.unreadBytes
        input = InputBuffer()
        setAside = []
        scanned = 0
        let step = newStep()
        disconnectStep = step
        effects.append(.submit(step: step, .close(descriptor, reset: false)))
    }

    /// Ends an operation that was pending: as what it has come to, or as failed.
    private mutating func endWithConnection(
        _ number: UInt64, _ effects: inout SessionEffects
    ) {
        guard let pending = operations[number] else { return }
        // What somebody had already asked to end ends as that.
        var status = EntryStatus.failed
        if case .stopping(let why) = pending.progress { status = why }
        let error: EntryError? = status == .failed ? .pipeNotConnected : nil
        if case .write(let write) = pending.operation.kind {
            let isAllOut = pending.sent == write.bytes.count && !write.bytes.isEmpty
            let isComplete = isAllOut || pending.isDone
            finish(
                number, isComplete ? .ok : status, bytes: pending.sent,
                error: isComplete ? nil : error, &effects)
            return
        }
        var data: [UInt8] = []
        if case .running = pending.progress, !isHeldUp(number) { data = gathered(for: number) }
        finish(number, status, bytes: data.count, data: data, error: error, &effects)
    }

    /// The connection is closed: the session has no client, and says so to every operation.
    mutating func disconnected(_ effects: inout SessionEffects) {
        disconnectStep = nil
        guard case .disconnecting(let number) = pipe else { return }
        descriptor = nil
        pipe = .disconnected
        packets = PacketInput()
        connectionError = nil
        inputState = .failed(.pipeNotConnected)
        outputState = .failed(.pipeNotConnected)
        frames = InputFrames()
        seenInput = nil
        isShutdownWanted = false
        snapshot.peer = nil
        effects.append(.outputRenewed)
        finish(number, .ok, &effects)
    }

    // MARK: - The next client

    /// The listener has a client for this session.
    public mutating func clientCame(
        _ slot: DescriptorSlot, peer: SocketAddress, at now: MonotonicInstant,
        _ surroundings: some SessionSurroundings, _ effects: inout SessionEffects
    ) {
        guard case .listening(let number) = pipe else {
            preconditionFailure("a client came to a session that does not wait for one")
        }
        present = now
        lastActivity = now
        descriptor = slot
        pipe = .connected
        inputState = .open
        outputState = .open
        snapshot.peer = peer.text
        if closing == nil {
            finish(number, .ok, peer: peer.text, &effects)
            advance(at: now, surroundings, &effects)
        } else {
            operations[number]?.isDone = true
            continueClosing(at: now, &effects)
        }
    }

    /// The listener has none: it is closed, or no client is wanted any more.
    public mutating func clientRefused(
        _ error: EntryError, at now: MonotonicInstant, _ surroundings: some SessionSurroundings,
        _ effects: inout SessionEffects
    ) {
        guard case .listening(let number) = pipe else {
            preconditionFailure("an answer to a session that does not wait for a client")
        }
        present = now
        pipe = .disconnected
        if closing != nil {
            continueClosing(at: now, &effects)
            return
        }
        if case .stopping(let status)? = operations[number]?.progress {
            finish(number, status, &effects)
        } else {
            finish(number, .failed, error: error, &effects)
        }
        advance(at: now, surroundings, &effects)
    }
}
