import DequeModule
public import EngineBase
import PortEngine

/// Locks of a file: first the daemon's table, which decides among sessions, then the kernel's lock,
/// which keeps other programs out.
///
/// The kernel's lock is taken without waiting. While another program has it, it is tried again after
/// 50 ms, then ever later, up to 500 ms. A lock that waits is not in the lane: what was accepted
/// behind it goes on.
extension DeviceSession {
    private static let firstPause = 50
    private static let longestPause = 500

    // MARK: - Lock

    /// A lock heads the lane.
    mutating func startLock(
        _ number: UInt64, _ request: LockRequest, _ effects: inout SessionEffects
    ) {
        guard let file else { return }
        switch file.locks.ask(request, owner: id, number: number, of: file.key) {
        case .granted:
            takeLock(number, &effects)
        case .waits:
            self.file?.leave(number)
            operations[number]?.progress = .running
        case .refused:
            finish(number, .failed, error: .lockViolation, &effects)
        case .full:
            finish(number, .failed, error: .tooManyLocks, &effects)
        }
    }

    /// The table has granted a lock that waited in line.
    public mutating func lockGranted(
        _ number: UInt64, at now: MonotonicInstant, _ surroundings: some SessionSurroundings,
        _ effects: inout SessionEffects
    ) {
        present = now
        guard operations[number] != nil else { return }
        file?.attempts.append(number)
        if phase == .open { advance(at: now, surroundings, &effects) }
    }

    /// Takes of the kernel what a lock needs and the session does not have yet.
    mutating func takeLock(_ number: UInt64, _ effects: inout SessionEffects) {
        guard let file, operations[number] != nil else { return }
        let steps = file.locks.stepsToTake(owner: id, number: number, of: file.key)
        if steps.isEmpty {
            hold(number, &effects)
            finish(number, .ok, &effects)
        } else {
            runFile(.take(number), .lockFile(steps), &effects)
        }
    }

    mutating func takeDone(
        _ number: UInt64, _ result: StepResult, at now: MonotonicInstant,
        _ effects: inout SessionEffects
    ) {
        guard let file else { return }
        if case .control(.locked(true)) = result {
            hold(number, &effects)
            if closing != nil {
                operations[number]?.controlResult = .done
            } else if operations[number] != nil {
                finish(number, .ok, &effects)
            } else {
                // Its time was over: it must not be left behind.
                let steps = file.locks.stepsToRelease(owner: id, number: number, of: file.key)
                runFile(.undo(number), .unlockFile(steps), &effects)
            }
            return
        }
        guard closing == nil, let pending = operations[number] else {
            letGo(number, &effects)
            return
        }
        var isStopping = false
        if case .stopping = pending.progress { isStopping = true }
        if case .control(.locked(false)) = result, !isStopping {
            lockIsTaken(number, pending, at: now, &effects)
        } else {
            letGo(number, &effects)
            let isConflict = if case .control = result { true } else { false }
            finishFile(number, pending, isConflict ? .failed(.cancelled) : result, &effects)
        }
    }

    /// Another program has the kernel's lock.
    private mutating func lockIsTaken(
        _ number: UInt64, _ pending: PendingOperation, at now: MonotonicInstant,
        _ effects: inout SessionEffects
    ) {
        guard case .lock(let request) = pending.operation.kind, request.waits else {
            letGo(number, &effects)
            finish(number, .failed, error: .lockViolation, &effects)
            return
        }
        let last = file?.pauses[number]
        let pause = last.map { min($0 * 2, DeviceSession.longestPause) } ?? DeviceSession.firstPause
        file?.leave(number)
        file?.pauses[number] = pause
        effects.append(.arm(.lockAgain(number), at: now.advanced(milliseconds: pause)))
    }

    private mutating func hold(_ number: UInt64, _ effects: inout SessionEffects) {
        guard let file else { return }
        tell(file.locks.hold(owner: id, number: number, of: file.key), &effects)
    }

    /// A lock leaves the table: the kernel has let it go, or never had it.
    mutating func letGo(_ number: UInt64, _ effects: inout SessionEffects) {
        guard let file else { return }
        tell(file.locks.remove(owner: id, number: number, of: file.key), &effects)
    }

    private func tell(_ grants: [LockGrant], _ effects: inout SessionEffects) {
        if !grants.isEmpty { effects.append(.tellGrants(grants)) }
    }

    // MARK: - Unlock

    /// An unlock heads the lane.
    mutating func startUnlock(
        _ number: UInt64, _ range: FileRange, _ effects: inout SessionEffects
    ) {
        guard let file else { return }
        guard let lock = file.locks.find(range, owner: id, of: file.key) else {
            finish(number, .failed, error: .notLocked, &effects)
            return
        }
        let steps = file.locks.stepsToRelease(owner: id, number: lock, of: file.key)
        if steps.isEmpty {
            letGo(lock, &effects)
            finish(number, .ok, &effects)
        } else {
            runFile(.release(number, lock: lock), .unlockFile(steps), &effects)
        }
    }

    mutating func releaseDone(
        _ number: UInt64, lock: UInt64, _ result: StepResult, _ effects: inout SessionEffects
    ) {
        var isReleased = false
        if case .control(.locked) = result { isReleased = true }
        if isReleased { letGo(lock, &effects) }
        guard let pending = operations[number] else { return }
        if closing != nil {
            if case .failed(.cancelled) = result { return }
            operations[number]?.controlResult = isReleased ? .done : result
        } else if isReleased {
            finish(number, .ok, &effects)
        } else {
            finishFile(number, pending, result, &effects)
        }
    }

    // MARK: - Close

    /// Lets the kernel's locks go before the file is closed; whether that takes a step.
    ///
    /// A close alone would do, but not at a moment that anybody could name: whoever is granted a lock
    /// next must find the kernel's free.
    mutating func releasesLocks(_ effects: inout SessionEffects) -> Bool {
        guard let file, !file.hasLetGo else { return false }
        self.file?.hasLetGo = true
        guard file.locks.holdsAny(owner: id, of: file.key) else {
            letAllGo(&effects)
            return false
        }
        runFile(.releaseAll, .unlockFile([FileLockStep(.everything, .none)]), &effects)
        return true
    }

    mutating func letAllGo(_ effects: inout SessionEffects) {
        guard let file else { return }
        tell(file.locks.removeAll(owner: id, of: file.key), &effects)
    }
}
