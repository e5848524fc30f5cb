public import EngineBase
public import LinuxSystem
public import PortEngine
import Synchronization

/// The thread that makes the deadlines of ports come true: leases, delays, the ends of waits.
public final class PortClock: Sendable {
    private let core: PortClockCore
    private let thread: LinuxThread

    /// Starts the thread.
    ///
    /// `wakeup`: what `ports` wakes when a deadline has become earlier.
    public init(_ wakeup: Wakeup, ports: PortDirectory) throws(Errno) {
        let core = PortClockCore(wakeup: wakeup, ports: ports)
        self.core = core
        thread = try LinuxThread(name: "iocpd-clock") { core.run() }
    }

    /// Ends the thread.
    public func stop() {
        core.isStopping.store(true, ordering: .releasing)
        core.wakeup.wake()
        thread.join()
    }
}

private final class PortClockCore: Sendable {
    let wakeup: Wakeup
    let ports: PortDirectory
    let isStopping = Atomic<Bool>(false)

    init(wakeup: Wakeup, ports: PortDirectory) {
        self.wakeup = wakeup
        self.ports = ports
    }

    func run() {
        while !isStopping.load(ordering: .acquiring) {
            let now = ports.clock.now()
            wakeup.wait(milliseconds: ports.nextDeadline.map { $0.milliseconds(since: now) })
            ports.advance()
        }
    }
}
