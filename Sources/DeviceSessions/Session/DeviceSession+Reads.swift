import EngineBase
import PortEngine

/// What a read's goal comes to with the bytes that are there.
enum ReadVerdict {
    /// More bytes must come.
    case wait
    /// It is complete with the first `size` bytes.
    case complete(size: Int, EntryStatus, EntryError?)
}

extension DeviceSession {
    /// How far the input may run ahead of the reads.
    static let readAhead = 65_536

    // MARK: - The read lane

    /// Serves the standing read and the head of the read lane; says whether anything moved.
    mutating func advanceReads(
        at now: MonotonicInstant, _ surroundings: some SessionSurroundings,
        _ effects: inout SessionEffects
    ) -> Bool {
        var hasMoved = false
        while true {
            serveStanding(at: now, surroundings, &effects)
            guard let number = readLane.first, let pending = operations[number] else {
                return hasMoved
            }
            if case .stopping = pending.progress { return hasMoved }
            switch pending.operation.kind {
            case .read(let read) where read.repeats:
                guard standing == nil else { return hasMoved }
                readLane.removeFirst()
                standing = number
                scanned = 0
                operations[number]?.progress = .running
            case .read(let read):
                operations[number]?.progress = .running
                guard complete(number, read.goal, surroundings, &effects) else { return hasMoved }
            case .transact(let transact):
                guard pending.isAnswering,
                    complete(number, transact.goal, surroundings, &effects)
                else { return hasMoved }
            case .write, .accept, .control, .lock, .unlock, .waitEvent, .disconnect:
                return hasMoved
            }
            hasMoved = true
        }
    }

    /// Ends a read or a transact if its goal is met; says whether it ended.
    private mutating func complete(
        _ number: UInt64, _ goal: ReadGoal, _ surroundings: some SessionSurroundings,
        _ effects: inout SessionEffects
    ) -> Bool {
        if shape.isPacketed { return completePacket(number, goal, surroundings, &effects) }
        guard let pending = operations[number],
            case .complete(let size, let status, let error) = timedVerdict(number, goal, &effects)
        else { return false }
        // Ends and errors carry what is there and are never held up; plain data waits for room.
        if status == .ok, size > 0, case .port = pending.operation.delivery,
            !surroundings.portAcceptsPayload
        {
            operations[number]?.progress = .paused(by: "port")
            awaitRoom(&effects)
            return false
        }
        // What follows a frame that timers cut short is skipped, as behind a time-out.
        let isCut = operations[number]?.readClock?.hasCut == true
        let data = takeResult(goal, size, isCut ? .timedOut : status, for: number)
        finish(
            number, status, bytes: data.count, data: data, error: error, &effects)
        return true
    }

    /// Takes what a read gives; what is skipped behind an unfinished frame shows in its entry.
    private mutating func takeResult(
        _ goal: ReadGoal, _ size: Int, _ status: EntryStatus, for number: UInt64
    ) -> [UInt8] {
        guard status != .ok else { return take(size) }
        let (data, skipped) = takeUnfinished(goal, size)
        operations[number]?.discarded += skipped
        return data
    }

    // MARK: - The standing read

    /// Gives the standing read what has arrived, entry by entry, as credit and room allow.
    private mutating func serveStanding(
        at now: MonotonicInstant, _ surroundings: some SessionSurroundings,
        _ effects: inout SessionEffects
    ) {
        // From the first byte of a transact to its end, what arrives is its answer.
        if let head = readLane.first, operations[head]?.hasBegun == true { return }
        if shape.isPacketed { return servePackets(surroundings, &effects) }
        while let number = standing, let pending = operations[number],
            case .read(let read) = pending.operation.kind,
            case .complete(let size, let status, let error) = verdict(on: read.goal)
        {
            let isEnd =
                status == .endOfStream
                || (status == .failed && !inputState.isOpen
                    && error?.code != EntryError.frameTooLong.code)
                || error?.code == EntryError.frameImpossible.code
            if isEnd {
                let data = takeResult(read.goal, size, status, for: number)
                finish(number, status, bytes: data.count, data: data, error: error, &effects)
                return
            }
            if pending.credit == 0 {
                operations[number]?.progress = .paused(by: "credit")
                return
            }
            guard surroundings.portAcceptsPayload, surroundings.reservePlace() else {
                operations[number]?.progress = .paused(by: "port")
                awaitRoom(&effects)
                return
            }
            operations[number]?.progress = .running
            if let credit = pending.credit { operations[number]?.credit = credit - 1 }
            let data = takeResult(read.goal, size, status, for: number)
            let entry = self.entry(
                of: operations[number] ?? pending, status, bytes: data.count, data: data,
                error: error, isLast: false)
            operations[number]?.discarded = 0
            effects.append(.standingEntry(entry))
        }
    }

    mutating func awaitRoom(_ effects: inout SessionEffects) {
        guard !isAwaitingRoom else { return }
        isAwaitingRoom = true
        effects.append(.awaitRoom)
    }

    // MARK: - Goals

    /// What a goal comes to with the bytes that are there, and with how the input stands.
    mutating func verdict(on goal: ReadGoal) -> ReadVerdict {
        switch goal {
        case .readiness:
            return input.isEmpty ? endVerdict : .complete(size: 0, .ok, nil)
        case .available(let limit):
            return input.isEmpty ? endVerdict : .complete(size: min(limit, input.count), .ok, nil)
        case .exactly(let size):
            return input.count >= size ? .complete(size: size, .ok, nil) : endVerdict
        case .until(let delimiter, let limit):
            let end = input.end(of: delimiter, from: scanned)
            // A frame that was found may have to wait for room, and must be found again then.
            if end == nil { scanned = max(scanned, input.count - delimiter.count + 1) }
            if let end, end <= limit { return .complete(size: end, .ok, nil) }
            if end != nil || input.count >= limit {
                return .complete(size: limit, .failed, .frameTooLong)
            }
            return endVerdict
        case .frame(let form, let limit):
            return verdict(onFrame: form, limit: limit)
        }
    }

    /// The end of the input, with all bytes that came before it, or nothing yet.
    var endVerdict: ReadVerdict {
        // A lost connection ends all that is pending, in the order of acceptance.
        if isLost { return .wait }
        return switch inputState {
        case .open, .shut: .wait
        case .endOfStream: .complete(size: input.count, .endOfStream, nil)
        case .failed(let error): .complete(size: input.count, .failed, error)
        }
    }

    /// The bytes that a read which ends early has gathered; they leave the buffer.
    mutating func gathered(for number: UInt64) -> [UInt8] {
        guard let goal = operations[number]?.operation.kind.readGoal else { return [] }
        switch goal {
        case .readiness: return []
        case .available(let limit): return take(limit)
        case .exactly(let size): return take(size)
        case .until(let delimiter, let limit):
            // A frame that only waited for room is given as what it is.
            return take(min(input.end(of: delimiter, from: 0) ?? limit, limit))
        case .frame(let form, let limit):
            let size = unfinishedFrameSize(form, limit: limit)
            return takeResult(goal, size, .timedOut, for: number)
        }
    }

    mutating func take(_ size: Int) -> [UInt8] {
        scanned = 0
        guard size > 0, !input.isEmpty else { return [] }
        let taken = input.take(size)
        frames.took(taken.count)
        return taken
    }

    // MARK: - Demand

    /// Asks the driver for bytes if somebody waits for them; else the device waits.
    mutating func wantInput(_ effects: inout SessionEffects) {
        if shape.isPacketed { return wantPacket(&effects) }
        armGap(&effects)
        guard receiveStep == nil, probeStep == nil, inputState.isOpen, let descriptor,
            isInputWanted
        else { return }
        let step = newStep()
        receiveStep = step
        let room = DeviceSession.readAhead - input.count
        let limit = isLine && room > 0 ? room : DeviceSession.readAhead
        effects.append(.submit(step: step, .receive(descriptor, limit: limit)))
    }

    private var isInputWanted: Bool {
        // What a line's kernel still has at a hang-up is lost, so it is read ahead always.
        if isLine && (input.count < DeviceSession.readAhead || line.isHungUp) { return true }
        if isEndSought { return true }
        if let number = readLane.first, let pending = operations[number] {
            switch pending.operation.kind {
            case .read:
                if case .running = pending.progress { return true }
            case .transact:
                if pending.isAnswering {
                    if case .paused = pending.progress { return false }
                    return true
                }
                // Behind a standing read it is that read which takes what the look saw.
                if standing == nil, seenInput != nil { return true }
            case .write, .accept, .control, .lock, .unlock, .waitEvent, .disconnect:
                break
            }
        }
        guard let standing, let pending = operations[standing] else { return false }
        if case .paused = pending.progress { return input.count < DeviceSession.readAhead }
        return true
    }

    // MARK: - Completions

    mutating func receiveDone(_ result: StepResult, at now: MonotonicInstant) {
        receiveStep = nil
        switch isLineEnd(result) ? .received([]) : result {
        case .received(let bytes):
            guard !bytes.isEmpty else {
                inputState = connectionError.map { .failed($0) } ?? .endOfStream
                lineMayBeOver()
                return
            }
            lastActivity = now
            snapshot.counters.bytesReceived += bytes.count
            if wire == nil { receivedInput += bytes.count }
            line.watch.note(.rxChar)
            let isFull = isEndSought && input.count >= DeviceSession.readAhead
            if closing == nil && (isFull || reconnection?.hasOverflown == true) {
                reconnection?.discard(bytes.count)
            } else if closing == nil {
                takeIn(bytes, at: now)
            } else {
                closing?.discarded += bytes.count
            }
        case .failed(.cancelled):
            return
        case .failed(let errno):
            let error = EntryError(errno)
            connectionError = connectionError ?? error
            inputState = .failed(connectionError ?? error)
            if outputState.isOpen { outputState = .failed(error) }
            snapshot.lastError = error
        default:
            preconditionFailure("a receive gave \(result)")
        }
    }
}
