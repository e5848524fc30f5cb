import DeviceSessions
import EngineBase
import LinuxSystem
import Synchronization

/// What a job in the blocking pool gave.
enum JobOutcome: Sendable {
    case result(StepResult)
    /// A descriptor, which still has to get a slot; it closes itself if nobody takes it.
    case opened(OpenedDescriptor)
}

/// Whether a job may still be called back.
final class JobTicket: Sendable {
    private enum Phase {
        static let queued = 0
        static let running = 1
        static let cancelled = 2
    }

    private let phase = Atomic(Phase.queued)

    /// Claims the job for the thread that runs it; false if it was called back.
    func begin() -> Bool {
        move(to: Phase.running)
    }

    /// Calls the job back; false if it runs already.
    func cancel() -> Bool {
        move(to: Phase.cancelled)
    }

    private func move(to next: Int) -> Bool {
        phase.compareExchange(
            expected: Phase.queued,
            desired: next,
            ordering: .acquiringAndReleasing
        ).exchanged
    }
}

/// Where finished jobs leave what they gave for the driver that asked.
final class JobMailbox: Sendable {
    private let outcomes = Guarded<[(job: UInt64, outcome: JobOutcome)]>([])
    private let wakeup: Wakeup

    init(wakeup: Wakeup) { self.wakeup = wakeup }

    func post(_ outcome: JobOutcome, of job: UInt64) {
        outcomes.withLock { $0.append((job, outcome)) }
        wakeup.wake()
    }

    func takeAll() -> [(job: UInt64, outcome: JobOutcome)] {
        outcomes.withLock { held in
            let taken = held
            held = []
            return taken
        }
    }
}
