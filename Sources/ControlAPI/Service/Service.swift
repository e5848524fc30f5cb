public import DeviceSessions
public import EngineBase
public import HTTPListener
public import PortEngine
import Synchronization
public import Transports

/// What the daemon says of itself in `/v1/info`.
public struct ServiceIdentity: Sendable {
    /// The program's version.
    public var version: String
    /// The name of the I/O driver.
    public var ioDriver: String

    /// An identity with these members.
    public init(version: String, ioDriver: String) {
        self.version = version
        self.ioDriver = ioDriver
    }
}

/// The daemon without its HTTP face: ports, sessions, workers, rules and limits.
public final class Service: Sendable {
    let identity: ServiceIdentity
    let limits: ServiceLimits
    /// The clock of everything.
    public let clock: any EngineClock
    /// What the HTTP face has open.
    public let listenerCounts = ListenerCounts()
    let ports: PortDirectory
    let sessions: SessionDirectory
    let idempotency: IdempotencyStore
    let metrics: ServiceMetrics
    let processors: Int
    /// Whether sessions have the controls that can do anything to a device, such as `ioctl`.
    let allowsRawControls: Bool
    private let runners: [any SessionRunner]
    private let policy: Guarded<TargetPolicy>
    private let nextRunner = Atomic<Int>(0)
    private let draining = Atomic<Bool>(false)
    private let listening = Guarded<[String]>([])

    /// A service over its parts.
    public init(
        identity: ServiceIdentity, limits: ServiceLimits, ports: PortDirectory,
        sessions: SessionDirectory, runners: [any SessionRunner], policy: TargetPolicy,
        processors: Int, allowsRawControls: Bool = false
    ) {
        self.identity = identity
        self.limits = limits
        clock = ports.clock
        self.ports = ports
        self.sessions = sessions
        self.runners = runners
        self.policy = Guarded(policy)
        self.processors = processors
        self.allowsRawControls = allowsRawControls
        idempotency = IdempotencyStore(limit: limits.maxIdempotencyKeys)
        metrics = ServiceMetrics()
    }

    /// The worker for the next session: they take turns.
    func nextSessionRunner() -> any SessionRunner {
        let turn = nextRunner.wrappingAdd(1, ordering: .relaxed).oldValue
        return runners[turn % runners.count]
    }

    /// The rules for targets.
    var targetPolicy: TargetPolicy { policy.withLock { $0 } }

    /// Replaces the rules for targets; open sessions stay as they are.
    public func setTargetPolicy(_ new: TargetPolicy) { policy.withLock { $0 = new } }

    /// Where the HTTP face listens.
    public var addresses: [String] {
        get { listening.withLock { $0 } }
        set { listening.withLock { $0 = newValue } }
    }

    // MARK: - The end

    /// Whether the daemon is stopping.
    public var isDraining: Bool { draining.load(ordering: .acquiring) }

    /// Begins to stop: nothing new is taken, waiters are told, sessions are closed.
    public func startDraining() {
        guard !draining.exchange(true, ordering: .acquiringAndReleasing) else { return }
        ports.startDraining()
        for session in sessions.all() { session.close(.draining, force: false) }
    }

    /// Whether nothing is left that somebody may want: no session, no entry.
    public var isDrained: Bool { sessions.count == 0 && ports.portsHoldingEntries == 0 }

    /// Entries that are still there, for the last log line.
    public var entriesHeld: Int {
        var entries = 0
        var cursor: String?
        while true {
            let (page, hasMore) = ports.list(after: cursor, limit: 1_000)
            for port in page { entries += port.status().counts.entries }
            guard hasMore else { return entries }
            cursor = page.last?.name.rawValue
        }
    }
}
