import DequeModule
import EngineBase
import PortEngine

/// What only the session of a file has.
struct FileState: Sendable {
    /// What the one step that is out is for.
    enum Job: Sendable {
        /// A read, a write or a control of this operation.
        case transfer(UInt64)
        /// Where the file ends, before a write goes there.
        case size(UInt64)
        /// The kernel's lock for this operation.
        case take(UInt64)
        /// Lets the kernel's lock of operation `lock` go, for the unlock `number`.
        case release(UInt64, lock: UInt64)
        /// Lets the kernel's lock of an operation go that ended before it was taken.
        case undo(UInt64)
        /// Lets all go before the file is closed.
        case releaseAll

        /// The operation whose entry it brings.
        var number: UInt64? {
            switch self {
            case .transfer(let number), .size(let number), .take(let number),
                .release(let number, _):
                number
            case .undo, .releaseAll: nil
            }
        }
    }

    struct Running: Sendable {
        let step: UInt64
        let job: Job
    }

    /// Which file it is.
    let key: FileKey
    /// The locks of all files.
    let locks: FileLockTable
    /// Operations in the order of acceptance; the first one may be running.
    var lane: Deque<UInt64>
    /// The step that the kernel has; there is never more than one.
    var running: Running?
    /// Locks that no session stands in the way of, to be taken of the kernel.
    var attempts = Deque<UInt64>()
    /// How long the locks that wait for another program paused last, in milliseconds.
    var pauses: [UInt64: Int] = [:]
    /// Whether the kernel's locks have been let go for the close.
    var hasLetGo = false

    mutating func leave(_ number: UInt64) {
        pauses[number] = nil
        if lane.first == number {
            lane.removeFirst()
        } else if let index = lane.firstIndex(of: number) {
            lane.remove(at: index)
        }
    }
}

/// Files: one operation at a time, in the order of acceptance, each in the blocking pool.
///
/// What runs in the kernel cannot be called back. Its entry waits for it, but for a time-out: then
/// the operation ends without it, and the next one starts when the kernel has given it back.
extension DeviceSession {
    /// Takes the operations that were accepted before it was known to be a file.
    mutating func becomeFile(_ key: FileKey, _ locks: FileLockTable) {
        file = FileState(key: key, locks: locks, lane: Deque(operations.numbers))
        readLane = []
        writeLane = []
        waitingControls = []
    }

    /// Starts what can be started: a lock that became free, else the head of the lane.
    mutating func advanceFile(
        at now: MonotonicInstant, _ surroundings: some SessionSurroundings,
        _ effects: inout SessionEffects
    ) {
        while file?.running == nil {
            if let number = file?.attempts.popFirst() {
                takeLock(number, &effects)
                continue
            }
            guard let number = file?.lane.first, let pending = operations[number],
                startFile(number, pending, surroundings, &effects)
            else { return }
        }
    }

    /// Starts the head of the lane, or ends it at once; false if it has to wait.
    private mutating func startFile(
        _ number: UInt64, _ pending: PendingOperation, _ surroundings: some SessionSurroundings,
        _ effects: inout SessionEffects
    ) -> Bool {
        switch pending.operation.kind {
        case .read(let read):
            return startFileRead(number, read, surroundings, &effects)
        case .write(let write):
            startFileWrite(number, pending, write, &effects)
        case .control(.kernel(let request, _)):
            runFile(.transfer(number), request, &effects)
        case .lock(let request):
            startLock(number, request, &effects)
        case .unlock(let range):
            startUnlock(number, range, &effects)
        default:
            preconditionFailure("a file's session accepted a \(pending.operation.kind.name)")
        }
        return true
    }

    /// Gives the kernel the one step that may be out.
    mutating func runFile(
        _ job: FileState.Job, _ step: KernelStep, _ effects: inout SessionEffects
    ) {
        let number = newStep()
        file?.running = FileState.Running(step: number, job: job)
        if let operation = job.number { operations[operation]?.progress = .running }
        effects.append(.submit(step: number, step))
    }

    /// The same for a control.
    mutating func runFile(
        _ job: FileState.Job, _ request: ControlRequest, _ effects: inout SessionEffects
    ) {
        guard let descriptor else { preconditionFailure("an open file has no descriptor") }
        runFile(job, .control(descriptor, request), &effects)
    }

    // MARK: - Reads

    private mutating func startFileRead(
        _ number: UInt64, _ read: ReadRequest, _ surroundings: some SessionSurroundings,
        _ effects: inout SessionEffects
    ) -> Bool {
        guard let file, let descriptor, let offset = read.offset else { return false }
        guard let wanted = read.goal.fileLimit else {
            finish(number, .ok, &effects)
            return true
        }
        // No byte lies behind the largest offset, and the kernel refuses to look there.
        let limit = Int(min(UInt64(wanted), FileRange.largestOffset - offset))
        guard limit > 0 else {
            finish(number, .endOfStream, error: .endOfFile, &effects)
            return true
        }
        let range = FileRange(start: offset, length: UInt64(limit))
        guard !file.locks.bars(range, isWrite: false, owner: id, of: file.key) else {
            finish(number, .failed, error: .lockViolation, &effects)
            return true
        }
        guard surroundings.portAcceptsPayload else {
            operations[number]?.progress = .paused(by: "port")
            awaitRoom(&effects)
            return false
        }
        runFile(.transfer(number), .readAt(descriptor, offset: offset, limit: limit), &effects)
        return true
    }

    // MARK: - Writes

    private mutating func startFileWrite(
        _ number: UInt64, _ pending: PendingOperation, _ write: WriteRequest,
        _ effects: inout SessionEffects
    ) {
        guard let file else { return }
        guard !write.bytes.isEmpty else { return finish(number, .ok, &effects) }
        if pending.hasBegun { return goOnWriting(number, write, from: pending.sent, &effects) }
        guard let offset = write.offset else {
            // Where the end is matters only if a lock may lie there.
            if file.locks.isLockedByOthers(than: id, file.key) {
                runFile(.size(number), .fileSize, &effects)
            } else {
                goOnWriting(number, write, from: 0, &effects)
            }
            return
        }
        beginWriting(number, write, at: offset, &effects)
    }

    /// Begins a write at a known place, if nothing stands in its way there.
    private mutating func beginWriting(
        _ number: UInt64, _ write: WriteRequest, at offset: UInt64,
        _ effects: inout SessionEffects
    ) {
        guard let file else { return }
        let length = UInt64(write.bytes.count)
        guard length <= FileRange.largestOffset - offset else {
            finish(number, .failed, error: EntryError(.fileTooLarge), &effects)
            return
        }
        let range = FileRange(start: offset, length: length)
        guard !file.locks.bars(range, isWrite: true, owner: id, of: file.key) else {
            finish(number, .failed, error: .lockViolation, &effects)
            return
        }
        goOnWriting(number, write, from: 0, &effects)
    }

    private mutating func goOnWriting(
        _ number: UInt64, _ write: WriteRequest, from start: Int,
        _ effects: inout SessionEffects
    ) {
        guard let descriptor else { return }
        operations[number]?.hasBegun = true
        let rest = start == 0 ? write.bytes : Array(write.bytes[start...])
        let offset = write.offset.map { $0 + UInt64(start) }
        runFile(
            .transfer(number), .writeAt(descriptor, offset: offset, bytes: rest), &effects)
    }

    // MARK: - Completions

    /// Goes on after the step that was out.
    mutating func fileDone(
        _ result: StepResult, at now: MonotonicInstant, _ effects: inout SessionEffects
    ) {
        guard let running = file?.running else { return }
        file?.running = nil
        switch running.job {
        case .transfer(let number): transferDone(number, result, &effects)
        case .size(let number): sizeDone(number, result, &effects)
        case .take(let number): takeDone(number, result, at: now, &effects)
        case .release(let number, let lock): releaseDone(number, lock: lock, result, &effects)
        case .undo(let number): letGo(number, &effects)
        case .releaseAll: letAllGo(&effects)
        }
    }

    private mutating func sizeDone(
        _ number: UInt64, _ result: StepResult, _ effects: inout SessionEffects
    ) {
        guard let pending = operations[number], closing == nil,
            case .write(let write) = pending.operation.kind
        else { return }
        if case .stopping(let status) = pending.progress {
            finish(number, status, &effects)
        } else if case .control(.number(let size)) = result {
            beginWriting(number, write, at: UInt64(size), &effects)
        } else {
            finishFile(number, pending, result, &effects)
        }
    }

    private mutating func transferDone(
        _ number: UInt64, _ result: StepResult, _ effects: inout SessionEffects
    ) {
        // Without one, its time was over: nobody waits for what became of it.
        guard let pending = operations[number] else { return }
        if case .sent(let count) = result, count > 0 {
            pending.sent += count
            snapshot.counters.bytesSent += count
            lastActivity = present
            let sent = pending.sent
            // A session that closes ends all that is pending, in the order of acceptance.
            guard closing == nil else { return }
            if sent == pending.operation.kind.payloadBytes {
                finish(number, .ok, bytes: sent, &effects)
            } else if case .stopping(let status) = pending.progress {
                finish(number, status, bytes: sent, &effects)
            }
            return
        }
        guard closing == nil else {
            if case .failed(.cancelled) = result { return }
            operations[number]?.controlResult = result
            return
        }
        finishFile(number, pending, result, &effects)
    }

    /// Ends a file operation with what the kernel gave for it.
    mutating func finishFile(
        _ number: UInt64, _ pending: PendingOperation, _ result: StepResult,
        _ effects: inout SessionEffects
    ) {
        switch (pending.operation.kind, result) {
        case (_, .failed(.cancelled)):
            var status = EntryStatus.cancelled
            if case .stopping(let why) = pending.progress { status = why }
            finish(number, status, bytes: pending.sent, &effects)
        case (.read(let read), .received(let bytes)):
            let (status, size, error) = read.goal.fileVerdict(on: bytes)
            snapshot.counters.bytesReceived += size
            let data = size == bytes.count ? bytes : Array(bytes[..<size])
            finish(number, status, bytes: size, data: data, error: error, &effects)
        case (.write, .failed(let errno)):
            finish(
                number, .failed, bytes: pending.sent, error: EntryError(errno), &effects)
        case (.write, _):
            // Nothing was taken, and no error told: it would be so for ever.
            finish(
                number, .failed, bytes: pending.sent, error: EntryError(.inputOutput), &effects)
        default:
            finishControl(number, pending, result, &effects)
        }
    }

    // MARK: - Cancel, time-out, close

    /// Ends a file operation early, unless the kernel has it: that one ends when it comes back, or
    /// when its time is over.
    mutating func stopFile(
        _ number: UInt64, as status: EntryStatus, _ effects: inout SessionEffects
    ) {
        guard let pending = operations[number] else { return }
        guard let running = file?.running, running.job.number == number else {
            if case .lock = pending.operation.kind { letGo(number, &effects) }
            finish(number, status, bytes: pending.sent, &effects)
            return
        }
        if case .stopping = pending.progress {
            // It could not be called back before.
        } else {
            operations[number]?.progress = .stopping(status)
            effects.append(.cancelStep(running.step))
        }
        // If the driver could call it back, it says so before this moment.
        if status == .timedOut {
            effects.append(.arm(.fileIsStuck(number), at: present.advanced(milliseconds: 1)))
        }
    }

    /// Ends an operation whose time is over and which the kernel still has.
    mutating func endStuck(_ number: UInt64, _ effects: inout SessionEffects) {
        guard closing == nil, let pending = operations[number],
            let running = file?.running, running.job.number == number
        else { return }
        switch (running.job, pending.operation.kind) {
        case (.transfer, .write), (.release, _):
            snapshot.lastError = .outcomeUnknown
            finish(
                number, .indeterminate, bytes: pending.sent, error: .outcomeUnknown, &effects)
        default:
            finish(number, .timedOut, &effects)
        }
    }

    /// Begins to end what is pending: locks that wait leave their lines.
    mutating func stopFileForClose(_ effects: inout SessionEffects) {
        guard let file else { return }
        if let running = file.running { effects.append(.cancelStep(running.step)) }
        for number in operations.numbers where number != file.running?.job.number {
            guard case .lock = operations[number]?.operation.kind else { continue }
            letGo(number, &effects)
        }
    }
}

extension ReadGoal {
    /// The bytes that it reads of a file; `nil` for a read of none.
    fileprivate var fileLimit: Int? {
        switch self {
        case .readiness: nil
        case .available(let limit), .until(_, let limit), .frame(_, let limit): limit
        case .exactly(let size): size
        }
    }

    /// What it comes to with the bytes that a file had for it: fewer than wanted only at its end.
    fileprivate func fileVerdict(on bytes: [UInt8]) -> (EntryStatus, size: Int, EntryError?) {
        let count = bytes.count
        switch self {
        // No session of files has frames.
        case .readiness, .available, .frame:
            return count > 0 ? (.ok, count, nil) : (.endOfStream, 0, .endOfFile)
        case .exactly(let size):
            return count == size ? (.ok, count, nil) : (.endOfStream, count, .endOfFile)
        case .until(let delimiter, let limit):
            var buffer = InputBuffer()
            buffer.append(bytes)
            if let end = buffer.end(of: delimiter, from: 0) { return (.ok, end, nil) }
            return count < limit
                ? (.endOfStream, count, .endOfFile) : (.failed, count, .frameTooLong)
        }
    }
}
