public import DeviceSessions
public import EngineBase
import LinuxSystem

/// The worker threads, each with a driver and a loop of its own.
public final class WorkerPool: Sendable {
    /// Where to leave word for each worker.
    public let inboxes: [WorkerInbox]
    private let threads: [LinuxThread]

    /// Starts `count` workers over epoll.
    ///
    /// - Throws: the error of the system call that a worker could not start without.
    public init(
        count: Int, clock: any EngineClock, sessions: SessionDirectory
    ) throws(Errno) {
        // No more jobs can wait than there may be sessions, so none is ever refused.
        let resolver = try BlockingPool(name: "iocpd-names", queueLimit: 65_536)
        // A file on a dead mount holds a thread: so many may be dead before others wait.
        let files = try BlockingPool(name: "iocpd-files", threads: 2...64, queueLimit: 65_536)
        var inboxes: [WorkerInbox] = []
        var threads: [LinuxThread] = []
        for index in 0..<count {
            let driver = try EpollDriver(resolver: resolver, files: files, clock: clock)
            let started = StartedWorker(driver, clock, sessions)
            inboxes.append(started.inbox)
            threads.append(
                try LinuxThread(name: "iocpd-worker-\(index)") { started.run() })
        }
        self.inboxes = inboxes
        self.threads = threads
    }

    /// Ends the workers and waits until they have.
    public func stop() {
        for inbox in inboxes { inbox.stop() }
        for thread in threads { thread.join() }
    }
}

/// Carries a loop into its thread.
private final class StartedWorker: @unchecked Sendable {
    let inbox: WorkerInbox
    // SAFETY: made before the thread starts and used by that thread alone from then on.
    private let loop: WorkerLoop

    init(_ driver: any IODriver, _ clock: any EngineClock, _ sessions: SessionDirectory) {
        loop = WorkerLoop(driver: driver, clock: clock, sessions: sessions)
        inbox = loop.inbox
    }

    func run() { loop.run() }
}
