import DeviceSessions
import PortEngine

/// What a session sees of its surroundings: its port and the directory.
struct WorkerSurroundings: SessionSurroundings {
    let port: CompletionPort
    let sessions: SessionDirectory

    var portAcceptsPayload: Bool { port.acceptsPayload }

    var mayAddSession: Bool { sessions.mayAdd }

    func reservePlace() -> Bool {
        do {
            try port.reserve(1)
            return true
        } catch {
            return false
        }
    }
}
