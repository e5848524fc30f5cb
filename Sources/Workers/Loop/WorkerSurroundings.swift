import DeviceSessions
import PortEngine

/// What a session sees of its surroundings: its port and the directory.
struct WorkerSurroundings: SessionSurroundings {
    let port: CompletionPort
    let sessions: SessionDirectory

    var portAcceptsPayload: Bool { port.acceptsPayload }

    var mayAddSession: Bool { sessions.mayAdd }

    var fileLocks: FileLockTable { sessions.fileLocks }

    /// Why a session that begins now must end at once: whoever closed all sessions did not see it.
    var reasonToEnd: CloseReason? {
        if sessions.isDraining { return .draining }
        do {
            try port.reserve(0)
            return nil
        } catch {
            return .portClosed
        }
    }

    func reservePlace() -> Bool {
        do {
            try port.reserve(1)
            return true
        } catch {
            return false
        }
    }
}
