import ControlAPI
import DeviceSessions
import EngineBase
import Glibc
import HTTPListener
import LinuxSystem
import Logging
import PortEngine
import Synchronization
import Workers

/// Everything that runs, put together in the order in which it depends on each other.
final class DaemonParts: Sendable {
    let service: Service
    let limits: ServiceLimits
    private let server: HTTPServer
    private let workers: WorkerPool
    private let portClock: PortClock
    private let mostConnections = Atomic<Int>(0)

    /// How often to look whether a crowd has gone.
    static let quietCheckMilliseconds = 10_000

    init(_ settings: Settings, _ logger: Logger) throws {
        let processors = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        var limits = settings.limits
        limits.descriptors = try DescriptorLimit.raise()
        DaemonParts.fit(&limits, logger)
        self.limits = limits

        let clock = MonotonicClock()
        let wakeup = try Wakeup()
        var random = SystemRandomNumberGenerator()
        let ports = PortDirectory(
            clock: clock, seed: random.next(), portLimit: limits.maxPorts,
            limits: PortLimits(
                waitingFetches: limits.maxWaitingFetchesPerPort,
                alertsPerConsumer: limits.maxAlertsPerConsumer,
                alertConsumers: limits.maxAlertConsumersPerPort),
            rememberedClosed: limits.rememberedClosed, onEarlierDeadline: { wakeup.wake() })
        portClock = try PortClock(wakeup, ports: ports)
        let sessions = SessionDirectory(
            clock: clock, seed: random.next(), limit: limits.maxSessions,
            rememberedClosed: limits.rememberedClosed,
            fileLocks: FileLockTable(limit: limits.maxLocksPerFile))
        workers = try WorkerPool(
            count: settings.workers ?? processors, choice: settings.ioDriver, clock: clock,
            sessions: sessions)
        DaemonParts.tellDriver(of: workers, logger)
        service = Service(
            identity: ServiceIdentity(version: Version.text, ioDriver: workers.driverName),
            limits: limits,
            ports: ports, sessions: sessions, runners: workers.inboxes, policy: settings.policy,
            processors: processors, allowsRawControls: settings.allowsRawIoctl)

        var names = settings.allowedHosts
        names.append(DaemonParts.hostName())
        for case .tcp(let host, _) in settings.listen { names.append(host) }
        let responder = APIResponder(service: service, allowedHosts: names) { line in
            DaemonParts.log(line, logger)
        }
        var configuration = DaemonParts.listener(settings, limits)
        configuration.threads = settings.httpThreads ?? processors
        configuration.counts = service.listenerCounts
        configuration.log = { logger.warning("http", metadata: ["line": "\($0)"]) }
        server = try HTTPServer(configuration: configuration, responder: responder)
        service.addresses = server.boundAddresses
    }

    private static func tellDriver(of workers: WorkerPool, _ logger: Logger) {
        if let refusal = workers.ringRefusal {
            logger.warning(
                "io_uring was refused, perhaps by this container or a kernel before 6.1; epoll is used",
                metadata: [
                    "errno": "\(refusal.name)",
                    "mend": "allow io_uring in the seccomp profile, or leave io-driver at epoll",
                ])
        }
        logger.info("workers started", metadata: ["io_driver": "\(workers.driverName)"])
    }

    /// Gives memory back to the system once most of a crowd of connections has gone: the allocator
    /// would keep it for the next crowd.
    func returnMemoryIfQuieter() {
        let present = server.connectionCount
        let most = mostConnections.load(ordering: .relaxed)
        guard most > 1_000, present < most / 2 else {
            mostConnections.store(max(most, present), ordering: .relaxed)
            return
        }
        FreeMemory.giveBack()
        mostConnections.store(present, ordering: .relaxed)
    }

    /// Ends everything; replies on their way are given a moment.
    func stop() {
        server.stop()
        workers.stop()
        portClock.stop()
    }

    /// Fits the limits to the descriptors that there are, and says which limit stands in the way.
    private static func fit(_ limits: inout ServiceLimits, _ logger: Logger) {
        // Listeners, threads' descriptors, logs, and the files that blocking workers open.
        let own = 64
        let usable = max(64, limits.descriptors - own)
        let sessions = usable - usable / 8
        if limits.maxSessions > sessions || limits.maxConnections > usable {
            logger.notice(
                "the descriptor limit (ulimit -n) bounds sessions and connections",
                metadata: [
                    "descriptors": .stringConvertible(limits.descriptors),
                    "sessions": .stringConvertible(min(limits.maxSessions, sessions)),
                    "connections": .stringConvertible(min(limits.maxConnections, usable)),
                ])
        }
        limits.maxSessions = min(limits.maxSessions, sessions)
        limits.maxConnections = min(limits.maxConnections, usable)
    }

    private static func listener(
        _ settings: Settings, _ limits: ServiceLimits
    ) -> ListenerConfiguration {
        var configuration = ListenerConfiguration(addresses: settings.listen)
        configuration.socketMode = settings.socketMode
        configuration.connectionLimit = limits.maxConnections
        configuration.connectionsPerClient = limits.maxConnectionsPerClient
        configuration.targetByteLimit = limits.maxTargetBytes
        configuration.queryItemLimit = limits.maxQueryParameters
        configuration.headerFieldLimit = limits.maxHeaderFields
        configuration.headerByteLimit = limits.maxHeaderBytes
        configuration.bodyByteLimit = limits.maxBodyBytes
        configuration.bodiesInFlightByteLimit = limits.maxBodiesInFlightBytes
        configuration.headMilliseconds = limits.headTimeoutMilliseconds
        configuration.bodyMilliseconds = limits.bodyTimeoutMilliseconds
        configuration.idleMilliseconds = limits.idleConnectionTimeoutMilliseconds
        configuration.stalledReplyMilliseconds = limits.replyStallTimeoutMilliseconds
        configuration.longestWaitMilliseconds = limits.maxWaitMilliseconds
        return configuration
    }

    private static func hostName() -> String {
        var bytes = [CChar](repeating: 0, count: 256)
        guard gethostname(&bytes, 255) == 0 else { return "localhost" }
        return String(
            decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func log(_ line: RequestLog, _ logger: Logger) {
        let level: Logger.Level = line.status >= 500 && line.status != 503 ? .warning : .debug
        guard level >= logger.logLevel else { return }
        logger.log(
            level: level, "request",
            metadata: [
                "method": "\(line.method.prefix(16))", "route": "\(line.label ?? "none")",
                "path": "\(line.path.prefix(256))", "status": .stringConvertible(line.status),
                "us": .stringConvertible(Int(line.durationNanoseconds / 1_000)),
                "request_id": "\(line.requestID)", "peer": "\(line.peer)",
                "sent": .stringConvertible(line.isSent),
            ])
    }
}
