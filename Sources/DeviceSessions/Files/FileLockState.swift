/// Who has locked what, among the daemon's own sessions: a value, without kernel or clock.
///
/// A lock is asked for, perhaps waits in line, is granted when no other lock of the table stands in
/// its way, and is held once its owner has the kernel's lock as well. It leaves the table only after
/// the kernel has let it go, so whoever is granted it next finds the kernel's free.
struct FileLockState: Sendable {
    private enum Phase: Sendable {
        /// In line behind another one.
        case waiting
        /// Granted; its owner takes the kernel's lock.
        case taking
        case held
    }

    private struct Lock: Sendable {
        let owner: SessionID
        let number: UInt64
        let range: FileRange
        let isExclusive: Bool
        var phase: Phase

        var mode: FileLockStep.Mode { isExclusive ? .exclusive : .shared }

        func isOf(_ owner: SessionID, _ number: UInt64) -> Bool {
            self.number == number && self.owner == owner
        }
    }

    /// The most locks of one file, those in line included.
    let limit: Int
    /// The locks of each file, in the order in which they were asked for.
    private var files: [FileKey: [Lock]] = [:]

    init(limit: Int) { self.limit = limit }

    // MARK: - Asking and ending

    /// Asks for a lock under the number of the operation that does.
    mutating func ask(
        _ request: LockRequest, owner: SessionID, number: UInt64, of file: FileKey
    ) -> LockAnswer {
        var locks = files[file] ?? []
        guard locks.count < limit else { return .full }
        var lock = Lock(
            owner: owner, number: number, range: request.range, isExclusive: request.isExclusive,
            phase: .taking)
        let isBarred = locks.contains { FileLockState.bars($0, lock) }
        guard !isBarred || request.waits else { return .refused }
        if isBarred { lock.phase = .waiting }
        // Taken out first, so that the array is not copied.
        files[file] = nil
        locks.append(lock)
        files[file] = locks
        return isBarred ? .waits : .granted
    }

    /// The kernel's lock has been taken too.
    mutating func hold(owner: SessionID, number: UInt64, of file: FileKey) -> [LockGrant] {
        guard let index = files[file]?.firstIndex(where: { $0.isOf(owner, number) }),
            let range = files[file]?[index].range
        else { return [] }
        files[file]?[index].phase = .held
        return grant(around: range, of: file)
    }

    /// A lock leaves: given up while it waited, or let go by the kernel.
    mutating func remove(owner: SessionID, number: UInt64, of file: FileKey) -> [LockGrant] {
        guard let index = files[file]?.firstIndex(where: { $0.isOf(owner, number) }),
            let lock = files[file]?.remove(at: index)
        else { return [] }
        return grant(around: lock.range, of: file)
    }

    /// Every lock of a session leaves.
    mutating func removeAll(owner: SessionID, of file: FileKey) -> [LockGrant] {
        guard let locks = files[file], locks.contains(where: { $0.owner == owner }) else {
            return []
        }
        files[file]?.removeAll { $0.owner == owner }
        return grant(around: .everything, of: file)
    }

    /// Which lock an unlock of exactly these bytes means: the exclusive one, else the oldest.
    func find(_ range: FileRange, owner: SessionID, of file: FileKey) -> UInt64? {
        let held = (files[file] ?? []).filter {
            $0.owner == owner && $0.range == range && $0.phase == .held
        }
        return (held.first { $0.isExclusive } ?? held.first)?.number
    }

    // MARK: - Looks

    /// Whether another session's lock forbids a read, or a write, of these bytes.
    func bars(_ range: FileRange, isWrite: Bool, owner: SessionID, of file: FileKey) -> Bool {
        files[file]?.contains { lock in
            lock.owner != owner && lock.phase == .held && (isWrite || lock.isExclusive)
                && lock.range.overlaps(range)
        } ?? false
    }

    /// Whether another session holds a lock anywhere in the file.
    func isLockedByOthers(than owner: SessionID, _ file: FileKey) -> Bool {
        files[file]?.contains { $0.owner != owner && $0.phase == .held } ?? false
    }

    /// Whether a session holds a lock.
    func holdsAny(owner: SessionID, of file: FileKey) -> Bool {
        files[file]?.contains { $0.owner == owner && $0.phase == .held } ?? false
    }

    /// How many locks there are, those in line included.
    var count: Int { files.values.reduce(0) { $0 + $1.count } }

    // MARK: - What the kernel must hold

    /// What must be taken of the kernel for a lock that was granted: the bytes that the owner does
    /// not hold that strongly yet.
    func stepsToTake(owner: SessionID, number: UInt64, of file: FileKey) -> [FileLockStep] {
        steps(owner: owner, number: number, of: file) { lock, others in
            others < lock ? lock : nil
        }
    }

    /// What the kernel must let go for a lock that ends: the bytes that no other lock of the owner
    /// holds that strongly.
    func stepsToRelease(owner: SessionID, number: UInt64, of file: FileKey) -> [FileLockStep] {
        steps(owner: owner, number: number, of: file) { lock, others in
            others < lock ? others : nil
        }
    }

    /// Steps over the bytes of a lock: `change` is given its mode and that of the owner's other
    /// locks, and says what the kernel is to hold, `nil` for what it holds already.
    private func steps(
        owner: SessionID, number: UInt64, of file: FileKey,
        _ change: (_ lock: FileLockStep.Mode, _ others: FileLockStep.Mode) -> FileLockStep.Mode?
    ) -> [FileLockStep] {
        let locks = files[file] ?? []
        guard let lock = locks.first(where: { $0.isOf(owner, number) }) else { return [] }
        let others = locks.filter {
            $0.owner == owner && $0.number != number && $0.phase == .held
                && $0.range.overlaps(lock.range)
        }
        var edges = Set([lock.range.start, lock.range.end])
        for other in others {
            for edge in [other.range.start, other.range.end]
            where lock.range.start < edge && edge < lock.range.end {
                edges.insert(edge)
            }
        }
        var steps: [FileLockStep] = []
        let sorted = edges.sorted()
        for (start, end) in zip(sorted, sorted.dropFirst()) {
            let piece = FileRange(start: start, length: end - start)
            let covering = others.lazy.filter { $0.range.overlaps(piece) }.map(\.mode)
            guard let mode = change(lock.mode, covering.max() ?? .none) else { continue }
            if let last = steps.last, last.mode == mode, last.range.end == start {
                steps[steps.count - 1] = FileLockStep(
                    FileRange(start: last.range.start, length: last.range.length + piece.length),
                    mode)
            } else {
                steps.append(FileLockStep(piece, mode))
            }
        }
        return steps
    }

    // MARK: - The line

    /// Whether `other` stands in the way of `lock`.
    ///
    /// Those in line stand in it too: nobody overtakes. A shared lock may lie on an exclusive one
    /// that its own session holds.
    private static func bars(_ other: Lock, _ lock: Lock) -> Bool {
        guard other.isExclusive || lock.isExclusive, other.range.overlaps(lock.range) else {
            return false
        }
        let liesOnItsOwn = !lock.isExclusive && other.owner == lock.owner && other.phase == .held
        return !liesOnItsOwn
    }

    /// Grants what stands in line around `range` and has nothing in its way any more, oldest first.
    private mutating func grant(around range: FileRange, of file: FileKey) -> [LockGrant] {
        guard var locks = files.removeValue(forKey: file), !locks.isEmpty else { return [] }
        var grants: [LockGrant] = []
        for index in locks.indices
        where locks[index].phase == .waiting && locks[index].range.overlaps(range) {
            let isBarred = locks.indices.contains { other in
                other != index && (other < index || locks[other].phase != .waiting)
                    && FileLockState.bars(locks[other], locks[index])
            }
            guard !isBarred else { continue }
            locks[index].phase = .taking
            grants.append(LockGrant(owner: locks[index].owner, number: locks[index].number))
        }
        files[file] = locks
        return grants
    }
}
