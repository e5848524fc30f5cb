import DequeModule
public import EngineBase
import PortEngine

/// An open device as a value: events in, effects out.
///
/// No clock, no lock, no thread, no descriptor.
///
/// Its worker owns it and is the only one to call it. A read lane and a write lane, each first in,
/// first out by acceptance, do not wait for each other; a transact stands in both, starts when it
/// heads both, and holds both until its entry. File handle and completion key.
public struct DeviceSession: ~Copyable {
    /// What is going on at the end of the session's life.
    struct Closing: Sendable {
        var reason: CloseReason
        var isForced: Bool
        /// Until when bytes may linger in the kernel.
        var lingerUntil: MonotonicInstant?
        var hasEndedOperations = false
        var discarded = 0
    }

    let id: SessionID
    let names: SessionNames
    let configuration: SessionConfiguration
    var shape: SessionShape
    var phase: SessionPhase
    var descriptor: DescriptorSlot?
    var opening: (any SessionOpening)?
    var openingSteps: [UInt64: Int] = [:]
    var openDelivered = false
    var closing: Closing?
    var hasEnded = false
    var failure: EntryError?
    /// Whether it comes back after a loss: asked at each step, where ``reconnection`` is large.
    let reconnects: Bool
    /// How it comes back after a loss, for a session that does.
    var reconnection: Reconnection?

    var operations = NumberedTable<PendingOperation>()
    var nextUnseenOperation: UInt64 = 1
    var readLane = Deque<UInt64>()
    var writeLane = Deque<UInt64>()
    var acceptLane = Deque<UInt64>()
    /// The standing read that heads the read lane; transacts pass it.
    var standing: UInt64?

    /// What the bytes go through on their way, for TLS.
    var wire: SealedWire?
    var input = InputBuffer()
    var inputState = DirectionState.open
    var outputState = DirectionState.open
    /// An error that a send met: the input ends with it, once its last bytes are read.
    var connectionError: EntryError?
    /// What is known of the frames in `input`.
    var frames = InputFrames()
    /// Bytes of `input` that hold no beginning of the present read's delimiter.
    var scanned = 0
    /// Bytes of an unfinished frame of the standing read, kept out of a transact's answer.
    var setAside: [UInt8] = []

    var nextStep: UInt64 = 1
    var receiveStep: UInt64?
    var sendStep: UInt64?
    var acceptStep: UInt64?
    /// The look for unread bytes that a transact makes before it starts behind a standing read.
    var probeStep: UInt64?
    /// The transact that the look is for.
    var probeFor: UInt64 = 0
    /// How many bytes had been received when the look began.
    var probedAfter = 0
    /// How many bytes will have been received once all that the look saw is in; `nil` before it.
    var seenInput: Int?
    /// Bytes received in all, as the kernel counts them.
    var receivedInput = 0
    var isLingerTimerArmed = false
    var closeStep: UInt64?
    var shutdownStep: UInt64?
    var unsentStep: UInt64?
    /// Controls that run at once, until they can.
    var waitingControls = Deque<UInt64>()
    /// The controls that the kernel has, by their steps.
    var controlSteps: [UInt64: UInt64] = [:]
    /// What only a file's session has.
    var file: FileState?
    /// Whether half a write has gone out since ``takeTear()`` was asked.
    var hasTornAnew = false
    /// Writes up to this one were accepted before anybody could know of the last torn one.
    var tornUpTo: UInt64 = 0
    var isShutdownWanted = false
    var acceptPause = 0
    var isAcceptPaused = false
    var isAwaitingRoom = false
    /// What a serial line has besides.
    var line = LineState()
    /// What a session of datagrams or messages holds for its reads.
    var packets = PacketInput()
    /// Where a session that can change its client is between two of them.
    var pipe = PipeState.connected
    var disconnects = Deque<UInt64>()
    /// The close of the client that a disconnect lets go.
    var disconnectStep: UInt64?
    /// Sessions that wait for a client of this listener, by their places in its accept lane.
    var guests: [UInt64: AcceptGuest] = [:]
    var nextGuest: UInt64 = AcceptGuest.firstPlace

    var lastActivity: MonotonicInstant
    /// The moment of the event that is being handled.
    var present: MonotonicInstant
    var snapshot = SessionSnapshot()

    /// A session whose transport now begins to open it.
    public init(
        id: SessionID, configuration: SessionConfiguration, opening: any SessionOpening,
        at now: MonotonicInstant
    ) {
        self.id = id
        names = SessionNames(id)
        self.configuration = configuration
        self.opening = opening
        reconnects = configuration.reconnect != nil
        reconnection = configuration.reconnect.map {
            Reconnection($0, blueprint: opening, seed: id.rawValue)
        }
        shape = .stream
        phase = .opening
        lastActivity = now
        present = now
    }

    /// A session that an accept brought: open at once, without an `open` entry.
    public init(
        id: SessionID, configuration: SessionConfiguration, accepted: DescriptorSlot,
        shape: SessionShape = .stream, peer: String?, at now: MonotonicInstant
    ) {
        self.id = id
        names = SessionNames(id)
        self.configuration = configuration
        self.shape = shape
        reconnects = false
        phase = .open
        descriptor = accepted
        openDelivered = true
        lastActivity = now
        present = now
        snapshot.phase = .open
        snapshot.peer = peer
    }

    /// What a GET shows.
    public var view: SessionSnapshot {
        var view = snapshot
        view.phase = phase
        if shape == .datagram { view.counters.datagramsDropped = packets.droppedInAll }
        let isConnection = shape.isStream || shape.isPacketed
        if isConnection && (descriptor != nil || !pipe.isConnected) {
            view.input = (connectionError.map { DirectionState.failed($0) } ?? inputState).name
            view.output = outputState.name
        }
        return view
    }

    /// Whether it has ended, so that its worker may forget it.
    public var isOver: Bool { hasEnded }

    // MARK: - Events

    /// Begins to open, or to be used.
    public mutating func start(
        at now: MonotonicInstant, _ surroundings: some SessionSurroundings,
        _ effects: inout SessionEffects
    ) {
        if configuration.idleTimeoutMilliseconds > 0 {
            effects.append(
                .arm(.idle, at: now.advanced(milliseconds: configuration.idleTimeoutMilliseconds)))
        }
        guard phase == .opening else { return }
        effects.append(
            .arm(.connect, at: now.advanced(milliseconds: configuration.connectTimeoutMilliseconds))
        )
        let moves = opening?.start() ?? []
        perform(moves, at: now, surroundings, &effects)
    }

    /// Takes operations that were accepted, in their order.
    public mutating func submit(
        _ accepted: [IOOperation], at now: MonotonicInstant,
        _ surroundings: some SessionSurroundings,
        _ effects: inout SessionEffects
    ) {
        present = now
        if let index = accepted.dropFirst().firstIndex(where: \.kind.isDisconnect) {
            // What was accepted before it begins before it, what was accepted after it after it.
            submit(Array(accepted[..<index]), at: now, surroundings, &effects)
            submit(Array(accepted[index...]), at: now, surroundings, &effects)
            return
        }
        if accepted.count > 1 && accepted[0].kind.isDisconnect {
            submit([accepted[0]], at: now, surroundings, &effects)
            submit(Array(accepted[1...]), at: now, surroundings, &effects)
            return
        }
        for operation in accepted {
            nextUnseenOperation = operation.number + 1
            operations.append(PendingOperation(operation), as: operation.number)
            if let deadline = operation.deadline {
                effects.append(.arm(.operation(operation.number), at: deadline))
            }
            if file != nil {
                file?.lane.append(operation.number)
                continue
            }
            switch operation.kind {
            case .read: readLane.append(operation.number)
            case .write: writeLane.append(operation.number)
            case .transact:
                readLane.append(operation.number)
                writeLane.append(operation.number)
            case .accept: acceptLane.append(operation.number)
            case .waitEvent: waitingControls.append(operation.number)
            case .disconnect: disconnects.append(operation.number)
            case .control(let action):
                if action.takesTurn {
                    writeLane.append(operation.number)
                } else {
                    waitingControls.append(operation.number)
                }
            case .lock, .unlock:
                // A file's session: it makes its lane when it is open.
                break
            }
        }
        failTornWrites(accepted, &effects)
        lastActivity = now
        switch phase {
        case .open: advance(at: now, surroundings, &effects)
        case .opening, .down: break
        // Accepted just before the end was known: it ends as those before it did.
        case .failed: failAll(with: failure ?? .operationAborted, &effects)
        case .closing, .closed: endLateOperations(at: now, &effects)
        }
    }

    /// Goes on after a step.
    public mutating func stepDone(
        _ step: UInt64, _ result: StepResult, at now: MonotonicInstant,
        _ surroundings: some SessionSurroundings, _ effects: inout SessionEffects
    ) {
        present = now
        if let tag = openingSteps.removeValue(forKey: step) {
            let moves = opening?.stepDone(tag: tag, result) ?? []
            perform(moves, at: now, surroundings, &effects)
            openingMayBeOver(at: now, surroundings, &effects)
            return
        }
        switch step {
        case receiveStep where wire != nil: sealedReceiveDone(result, at: now, &effects)
        case receiveStep where shape.isPacketed: packetReceived(result, at: now, &effects)
        case sendStep where shape.isPacketed: packetSent(result, at: now, &effects)
        case probeStep where shape.isPacketed: packetProbeDone(result)
        case disconnectStep: disconnected(&effects)
        case receiveStep: receiveDone(result, at: now)
        case sendStep where wire != nil: sealedSendDone(result, at: now, &effects)
        case sendStep: sendDone(result, at: now, &effects)
        case acceptStep: acceptDone(result, at: now, surroundings, &effects)
        case probeStep: probeDone(result)
        case shutdownStep: shutdownStep = nil
        case _ where controlSteps[step] != nil: controlDone(step, result, &effects)
        case _ where line.steps[step] != nil: lineStepDone(step, result, &effects)
        case unsentStep: unsentDone(result, at: now, &effects)
        case file?.running?.step: fileDone(result, at: now, &effects)
        case closeStep where phase == .down:
            lostDescriptorClosed(at: now, surroundings, &effects)
            return
        case closeStep: closeDone(at: now, &effects)
        default: return
        }
        goOn(at: now, surroundings, &effects)
    }

    /// Does what can be done now, however the session stands.
    private mutating func goOn(
        at now: MonotonicInstant, _ surroundings: some SessionSurroundings,
        _ effects: inout SessionEffects
    ) {
        switch phase {
        case .open:
            if !isLost { advance(at: now, surroundings, &effects) }
            if isLost { loseConnection(at: now, surroundings, &effects) }
        case .down:
            continueLoss(at: now, surroundings, &effects)
        case .opening, .closing, .closed, .failed:
            continueClosing(at: now, &effects)
        }
    }

    /// Goes on after a timer.
    public mutating func timerFired(
        _ timer: SessionTimer, at now: MonotonicInstant, _ surroundings: some SessionSurroundings,
        _ effects: inout SessionEffects
    ) {
        present = now
        switch timer {
        case .operation(let number):
            guard operations[number] != nil else { return }
            stop(number, as: .timedOut, &effects)
        case .answer(let number):
            guard operations[number]?.isAnswering == true else { return }
            stop(number, as: .timedOut, &effects)
        case .connect:
            guard phase == .opening else { return }
            openEnded(as: .timedOut, with: .timedOut, at: now, surroundings, &effects)
            return
        case .opening(let tag):
            let moves = opening?.timerFired(tag: tag) ?? []
            perform(moves, at: now, surroundings, &effects)
            openingMayBeOver(at: now, surroundings, &effects)
            return
        case .reconnect:
            attemptIsDue(at: now, surroundings, &effects)
            return
        case .attempt:
            attemptFailed(with: .timedOut, at: now, surroundings, &effects)
            return
        case .idle:
            idleMayBeOver(at: now, &effects)
            return
        case .linger:
            isLingerTimerArmed = false
            endGoodbye(at: now, &effects)
            continueClosing(at: now, &effects)
            return
        case .acceptAgain:
            isAcceptPaused = false
        case .read(let number):
            readTimerFired(number)
        case .line(let timer):
            lineTimerFired(timer, &effects)
        case .gap:
            frames.isTimerArmed = false
        case .lockAgain(let number):
            file?.attempts.append(number)
        case .fileIsStuck(let number):
            endStuck(number, &effects)
        }
        if phase == .open { advance(at: now, surroundings, &effects) }
    }

    /// Whether a timer still has something to end.
    public func expects(_ timer: SessionTimer) -> Bool {
        switch timer {
        case .operation(let number): operations[number] != nil
        case .answer(let number): operations[number]?.isAnswering == true
        case .connect: phase == .opening
        case .opening: opening != nil
        case .idle, .linger: !hasEnded
        case .acceptAgain: phase == .open
        case .read(let number): operations[number]?.readClock != nil
        case .line(let timer): line.armed.contains(timer)
        case .gap: frames.isTimerArmed && !hasEnded
        case .reconnect: phase == .down
        case .attempt(let serial):
            phase == .down && reconnection?.isTrying == true
                && reconnection?.attemptSerial == serial
        case .lockAgain(let number), .fileIsStuck(let number): operations[number] != nil
        }
    }

    /// Looks again: the port may have room.
    public mutating func roomMayHaveCome(
        at now: MonotonicInstant, _ surroundings: some SessionSurroundings,
        _ effects: inout SessionEffects
    ) {
        present = now
        isAwaitingRoom = false
        if phase == .open { advance(at: now, surroundings, &effects) }
    }

    /// Does what can be done now, in every lane.
    mutating func advance(
        at now: MonotonicInstant, _ surroundings: some SessionSurroundings,
        _ effects: inout SessionEffects
    ) {
        guard phase == .open, closing == nil else { return }
        if case .disconnecting(let number) = pipe {
            continueDisconnect(number, &effects)
            return
        }
        prepareLine()
        startControls(&effects)
        switch shape {
        case .listener:
            advanceAccepts(at: now, surroundings, &effects)
        case .stream, .terminal, .datagram, .message:
            var isMoving = true
            while isMoving {
                isMoving = advanceReads(at: now, surroundings, &effects)
                isMoving = advanceWrites(at: now, &effects) || isMoving
            }
            wantInput(&effects)
            advanceLine(&effects)
            advancePipe(&effects)
        case .file:
            advanceFile(at: now, surroundings, &effects)
        }
    }

    mutating func newStep() -> UInt64 {
        defer { nextStep += 1 }
        return nextStep
    }

    // MARK: - Idle

    private mutating func idleMayBeOver(
        at now: MonotonicInstant, _ effects: inout SessionEffects
    ) {
        guard phase.isInUse, closing == nil else { return }
        let due = lastActivity.advanced(milliseconds: configuration.idleTimeoutMilliseconds)
        if due <= now {
            close(.idle, force: false, at: now, &effects)
        } else {
            effects.append(.arm(.idle, at: due))
        }
    }
}
