public import DeviceSessions
public import EngineBase
import LinuxSystem

/// The worker threads, each with a driver and a loop of its own.
public final class WorkerPool: Sendable {
    /// Where to leave word for each worker.
    public let inboxes: [WorkerInbox]
    /// The name of the driver that the workers use.
    public let driverName: String
    /// Why they do not use io_uring although it was asked for.
    public let ringRefusal: Errno?
    private let threads: [LinuxThread]

    /// Starts `count` workers.
    ///
    /// - Throws: the error of the system call that a worker could not start without.
    public init(
        count: Int, choice: IODriverChoice, clock: any EngineClock, sessions: SessionDirectory
    ) throws(Errno) {
        // No more jobs can wait than there may be sessions, so none is ever refused.
        let resolver = try BlockingPool(name: "iocpd-names", queueLimit: 65_536)
        // A file on a dead mount holds a thread: so many may be dead before others wait.
        let files = try BlockingPool(name: "iocpd-files", threads: 2...64, queueLimit: 65_536)
        var inboxes: [WorkerInbox] = []
        var threads: [LinuxThread] = []
        var drivers: [any IODriver] = []
        var refusal: Errno?
        if choice == .uring {
            do throws(Errno) {
                for _ in 0..<count {
                    let driver = try UringDriver(resolver: resolver, files: files, clock: clock)
                    drivers.append(driver)
                }
            } catch {
                drivers = []
                refusal = error
            }
        }
        while drivers.count < count {
            drivers.append(try EpollDriver(resolver: resolver, files: files, clock: clock))
        }
        for (index, driver) in drivers.enumerated() {
            let started = StartedWorker(driver, clock, sessions)
            inboxes.append(started.inbox)
            threads.append(
                try LinuxThread(name: "iocpd-worker-\(index)") { started.run() })
        }
        self.inboxes = inboxes
        self.threads = threads
        driverName = drivers.first?.name ?? ""
        ringRefusal = refusal
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
