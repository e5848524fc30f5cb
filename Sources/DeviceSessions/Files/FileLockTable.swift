import EngineBase

/// The locks of all files that sessions have open, shared by all workers.
///
/// It decides among the daemon's sessions; the kernel's locks, which each session takes in addition,
/// keep other programs out. Any thread may call it. Grants that a call brings are for whoever made it
/// to tell, once no lock is held.
public final class FileLockTable: Sendable {
    private let state: Guarded<FileLockState>

    /// An empty table, for at most `limit` locks a file, those that wait included.
    public init(limit: Int = 4_096) { state = Guarded(FileLockState(limit: limit)) }

    /// How many locks there are, those that wait included.
    public var count: Int { state.withLock { $0.count } }

    func ask(
        _ request: LockRequest, owner: SessionID, number: UInt64, of file: FileKey
    ) -> LockAnswer {
        state.withLock { $0.ask(request, owner: owner, number: number, of: file) }
    }

    func hold(owner: SessionID, number: UInt64, of file: FileKey) -> [LockGrant] {
        state.withLock { $0.hold(owner: owner, number: number, of: file) }
    }

    func remove(owner: SessionID, number: UInt64, of file: FileKey) -> [LockGrant] {
        state.withLock { $0.remove(owner: owner, number: number, of: file) }
    }

    func removeAll(owner: SessionID, of file: FileKey) -> [LockGrant] {
        state.withLock { $0.removeAll(owner: owner, of: file) }
    }

    func find(_ range: FileRange, owner: SessionID, of file: FileKey) -> UInt64? {
        state.withLock { $0.find(range, owner: owner, of: file) }
    }

    func bars(_ range: FileRange, isWrite: Bool, owner: SessionID, of file: FileKey) -> Bool {
        state.withLock { $0.bars(range, isWrite: isWrite, owner: owner, of: file) }
    }

    func isLockedByOthers(than owner: SessionID, _ file: FileKey) -> Bool {
        state.withLock { $0.isLockedByOthers(than: owner, file) }
    }

    func holdsAny(owner: SessionID, of file: FileKey) -> Bool {
        state.withLock { $0.holdsAny(owner: owner, of: file) }
    }

    func stepsToTake(owner: SessionID, number: UInt64, of file: FileKey) -> [FileLockStep] {
        state.withLock { $0.stepsToTake(owner: owner, number: number, of: file) }
    }

    func stepsToRelease(owner: SessionID, number: UInt64, of file: FileKey) -> [FileLockStep] {
        state.withLock { $0.stepsToRelease(owner: owner, number: number, of: file) }
    }
}
