import DeviceSessions
import PortEngine

/// A session at its worker.
final class RunningSession {
    let handle: SessionHandle
    let slot: UInt64
    var core: DeviceSession
    /// Operations that have ended in this turn.
    var ended = EndedOperations()
    /// Whether a step was answered whose answer is put off to the next turn.
    var hasDeferred = false
    /// Whether the turn's end must publish how it stands.
    var isTouched = false
    /// Whether half a write has gone out and nobody has been told yet.
    var isTearUntold = false
    /// The listener that brought it, which may have its next client too.
    var listener: SessionHandle?
    /// The entry of an inline open that failed, until the session's last entry joins it.
    var failedInlineOpen: CompletionEntry?

    init(handle: SessionHandle, slot: UInt64, core: consuming DeviceSession) {
        self.handle = handle
        self.slot = slot
        self.core = core
    }
}

/// What a timer is for.
struct SessionAlarm: Sendable {
    let session: UInt64
    let timer: SessionTimer
}

/// The sessions of one worker.
///
/// A slot that is used again has another generation, so that nothing late can hit the wrong
/// session.
struct SessionTable {
    private var sessions: [RunningSession?] = []
    private var generations: [UInt32] = []
    private var free: [Int] = []
    private var slots: [SessionID: UInt64] = [:]

    var count: Int { slots.count }

    subscript(slot: UInt64) -> RunningSession? {
        let index = Int(slot & 0xFFFF_FFFF)
        guard index < sessions.count, let session = sessions[index], session.slot == slot else {
            return nil
        }
        return session
    }

    func find(_ handle: SessionHandle) -> RunningSession? {
        slots[handle.id].flatMap { self[$0] }
    }

    mutating func add(_ handle: SessionHandle, _ core: consuming DeviceSession) -> RunningSession {
        let index = free.popLast() ?? sessions.count
        if index == sessions.count {
            sessions.append(nil)
            generations.append(0)
        }
        let slot = UInt64(generations[index]) << 32 | UInt64(index)
        let session = RunningSession(handle: handle, slot: slot, core: core)
        sessions[index] = session
        slots[handle.id] = slot
        return session
    }

    mutating func remove(_ session: RunningSession) {
        let index = Int(session.slot & 0xFFFF_FFFF)
        guard self[session.slot] === session else { return }
        sessions[index] = nil
        generations[index] &+= 1
        free.append(index)
        slots[session.handle.id] = nil
    }
}
