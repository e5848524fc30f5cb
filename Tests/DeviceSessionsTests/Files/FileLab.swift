import DeviceSessions
import EngineBase
import PortEngine
import Testing

/// Sessions of one file that share a table of locks; grants are told as workers do.
final class FileLab {
    static let key = FileKey(device: 8, inode: 15)
    let locks: FileLockTable
    private(set) var sessions: [SessionBench] = []

    init(_ count: Int = 2, limit: Int = 4_096) {
        locks = FileLockTable(limit: limit)
        for index in 0..<count {
            let bench = SessionBench(
                opening: .file(FileLab.key), id: FileLab.id(index), fileLocks: locks)
            bench.opens()
            _ = bench.told()
            sessions.append(bench)
        }
    }

    static func id(_ index: Int) -> SessionID { SessionID(UInt64(100 + index)) }

    subscript(index: Int) -> SessionBench { sessions[index] }

    /// Tells sessions of the locks that came to the head of their lines.
    func tellGrants() {
        while let teller = sessions.first(where: { !$0.grants.isEmpty }) {
            let grants = teller.grants
            teller.grants = []
            for grant in grants {
                let index = sessions.indices.first { FileLab.id($0) == grant.owner }
                guard let index else {
                    Issue.record("a lock was granted to nobody")
                    continue
                }
                sessions[index].lockGranted(grant.number)
            }
        }
    }
}

extension SessionBench {
    /// The kernel takes the lock that is out, or another program has it.
    func locks(_ isHeld: Bool = true, sourceLocation: SourceLocation = #_sourceLocation) {
        answer("take", .control(.locked(isHeld)), sourceLocation: sourceLocation)
    }

    /// The kernel lets go what is out.
    func unlocks(sourceLocation: SourceLocation = #_sourceLocation) {
        answer("release", .control(.locked(false)), sourceLocation: sourceLocation)
    }

    /// The steps of the control on locks that is out.
    var lockSteps: [FileLockStep] {
        for step in steps {
            switch step.step {
            case .control(_, .lockFile(let steps)), .control(_, .unlockFile(let steps)):
                return steps
            default: continue
            }
        }
        return []
    }
}

extension OperationKind {
    static func readAt(_ offset: UInt64, _ goal: ReadGoal = .available(limit: 100)) -> Self {
        .read(ReadRequest(goal, offset: offset))
    }

    static func writeAt(_ offset: UInt64?, _ text: String) -> Self {
        .write(WriteRequest(Array(text.utf8), offset: offset))
    }

    static func lock(
        _ start: UInt64, _ length: UInt64, exclusive: Bool = true, wait: Bool = false
    ) -> Self {
        .lock(
            LockRequest(
                FileRange(start: start, length: length), isExclusive: exclusive, waits: wait))
    }

    static func unlock(_ start: UInt64, _ length: UInt64) -> Self {
        .unlock(FileRange(start: start, length: length))
    }

    static let size = Self.control(.kernel(.fileSize, takesTurn: true))
    static let sync = Self.control(.kernel(.syncFile, takesTurn: true))
}

extension StepResult {
    static func text(_ text: String) -> StepResult { .received(Array(text.utf8)) }
}
