public import DeviceSessions
import EngineBase

/// Where other threads leave word for a worker: one mark for each session with messages, so that it
/// is bounded by the number of sessions and nothing can be refused.
public final class WorkerInbox: SessionRunner {
    private struct Word {
        var marked: [SessionHandle] = []
        var starting: [(SessionHandle, any SessionOpening)] = []
        var isStopping = false
        var isTold = false
    }

    private let word = Guarded(Word())
    private let wakeup: any DriverWakeup

    init(wakeup: any DriverWakeup) { self.wakeup = wakeup }

    /// The session has messages.
    public func attend(to session: SessionHandle) {
        leave { $0.marked.append(session) }
    }

    /// The session shall be opened.
    public func start(_ session: SessionHandle, _ opening: any SessionOpening) {
        leave { $0.starting.append((session, opening)) }
    }

    /// The worker shall end its loop.
    public func stop() {
        leave { $0.isStopping = true }
    }

    /// Takes what was left.
    func take() -> (
        starting: [(SessionHandle, any SessionOpening)], marked: [SessionHandle], isStopping: Bool
    ) {
        word.withLock { word in
            defer {
                word.marked = []
                word.starting = []
                word.isTold = false
            }
            return (word.starting, word.marked, word.isStopping)
        }
    }

    private func leave(_ change: (inout Word) -> Void) {
        let mustWake = word.withLock { word in
            change(&word)
            defer { word.isTold = true }
            return !word.isTold
        }
        if mustWake { wakeup.wake() }
    }
}
