import ArgumentParser

/// Every setting as a flag.
///
/// Values are judged later, together with those of variables and the file.
struct SettingFlags: ParsableArguments {
    @Option(help: "A TOML file with settings, named as the flags are.")
    var config: String?

    @Option(help: "Where to listen: host:port or unix:/path; repeatable. Default localhost:4627.")
    var listen: [String] = []

    @Option(help: "The mode of Unix listening sockets, in octal. Default 0600.")
    var socketMode: String?

    @Option(
        help: """
            What sessions may be opened to, such as tcp://10.0.0.0/8:4000-4999, tcp://plc.lab or \
            unix:///run/devices; repeatable. Default: loopback addresses, and no path.
            """)
    var allowTarget: [String] = []

    @Option(help: "A host name that requests may name; repeatable, * is any.")
    var allowHost: [String] = []

    @Option(help: "Threads that do the devices' I/O. Default: the number of processors.")
    var workers: String?

    @Option(help: "Threads that serve HTTP. Default: the number of processors.")
    var httpThreads: String?

    @Option(
        help: """
            How those threads do it: epoll, uring (io_uring, Linux 6.1; epoll where it is refused) or auto, \
            which is epoll. Default: auto.
            """)
    var ioDriver: String?

    @Option(help: "json or text. Default: text on a terminal, else json.")
    var logFormat: String?

    @Option(
        help: "trace, debug, info, notice, warning or error; debug logs each request. Default info."
    )
    var logLevel: String?

    @Flag(help: "Listen on other addresses than loopback without TLS and tokens.")
    var insecure = false

    @Flag(help: "Let clients send any ioctl to the serial lines that they may open.")
    var allowRawIoctl = false

    @OptionGroup(title: "Limits (see /v1/info)")
    var limits: LimitFlags

    /// The settings given, by name.
    var given: [String: [String]] {
        var given: [String: [String]] = [:]
        func add(_ name: String, _ values: [String]) {
            if !values.isEmpty { given[name] = values }
        }
        add("listen", listen)
        add("allow-target", allowTarget)
        add("allow-host", allowHost)
        add("socket-mode", socketMode.map { [$0] } ?? [])
        add("workers", workers.map { [$0] } ?? [])
        add("http-threads", httpThreads.map { [$0] } ?? [])
        add("io-driver", ioDriver.map { [$0] } ?? [])
        add("log-format", logFormat.map { [$0] } ?? [])
        add("log-level", logLevel.map { [$0] } ?? [])
        if insecure { given["insecure"] = ["true"] }
        if allowRawIoctl { given["allow-raw-ioctl"] = ["true"] }
        for (name, value) in limits.given { add(name, [value]) }
        return given
    }
}

/// One flag for each limit that `/v1/info` tells and that can be set.
struct LimitFlags: ParsableArguments {
    @Option(help: "Bytes of a request's body.") var maxBodyBytes: String?
    @Option(help: "Levels of a JSON body.") var maxDepth: String?
    @Option(help: "Bytes of a request target.") var maxTargetBytes: String?
    @Option(help: "Query parameters of a request.") var maxQueryParameters: String?
    @Option(help: "Header fields of a request.") var maxHeaderFields: String?
    @Option(help: "Bytes of header fields.") var maxHeaderBytes: String?
    @Option(help: "Time for a request's head.") var headTimeoutMs: String?
    @Option(help: "Time for a request's body.") var bodyTimeoutMs: String?
    @Option(help: "Time between two requests of a connection.") var idleConnectionTimeoutMs: String?
    @Option(help: "Time for which a client may take nothing of its reply.")
    var replyStallTimeoutMs: String?
    @Option(help: "HTTP connections.") var maxConnections: String?
    @Option(help: "HTTP connections of one client; 0 is no limit.")
    var maxConnectionsPerClient: String?
    @Option(help: "Bytes of all bodies that are being read.") var maxBodiesInFlightBytes: String?
    @Option(help: "The longest wait of a fetch or inline operation.") var maxWaitMs: String?
    @Option(help: "Ports.") var maxPorts: String?
    @Option(help: "Sessions.") var maxSessions: String?
    @Option(help: "Fetches that wait on one port.") var maxWaitingFetchesPerPort: String?
    @Option(help: "A port's capacity.") var maxCapacity: String?
    @Option(help: "A port's concurrency.") var maxConcurrency: String?
    @Option(help: "Entries of one fetch.") var maxFetchEntries: String?
    @Option(help: "Bytes of one fetch.") var maxFetchBytes: String?
    @Option(help: "A lease, an extension, a delay.") var maxLeaseMs: String?
    @Option(help: "Ids in a list of a settle.") var maxSettleIds: String?
    @Option(help: "Packets of one request.") var maxPacketsPerRequest: String?
    @Option(help: "Operations of one request.") var maxOperationsPerRequest: String?
    @Option(help: "Alerts kept for one consumer.") var maxAlertsPerConsumer: String?
    @Option(help: "Consumers with alerts on one port.") var maxAlertConsumersPerPort: String?
    @Option(help: "Bytes of an alert.") var maxAlertBytes: String?
    @Option(help: "A session's max_pending.") var maxPendingOperations: String?
    @Option(help: "Bytes of a session's pending writes.") var maxPendingBytes: String?
    @Option(help: "Bytes of one read.") var maxReadBytes: String?
    @Option(help: "Bytes of a delimiter.") var maxUntilBytes: String?
    @Option(help: "Locks of one file, waiting ones included.") var maxLocksPerFile: String?
    @Option(help: "Idempotency keys remembered.") var maxIdempotencyKeys: String?
    @Option(help: "Closed ports, and sessions, remembered.") var rememberedClosed: String?
    @Option(help: "The longest that a stop may take.") var drainTimeoutMs: String?

    /// The limits given, by name.
    var given: [String: String] {
        let all: [(String, String?)] = [
            ("max-body-bytes", maxBodyBytes), ("max-depth", maxDepth),
            ("max-target-bytes", maxTargetBytes), ("max-query-parameters", maxQueryParameters),
            ("max-header-fields", maxHeaderFields), ("max-header-bytes", maxHeaderBytes),
            ("head-timeout-ms", headTimeoutMs), ("body-timeout-ms", bodyTimeoutMs),
            ("idle-connection-timeout-ms", idleConnectionTimeoutMs),
            ("reply-stall-timeout-ms", replyStallTimeoutMs), ("max-connections", maxConnections),
            ("max-connections-per-client", maxConnectionsPerClient),
            ("max-bodies-in-flight-bytes", maxBodiesInFlightBytes), ("max-wait-ms", maxWaitMs),
            ("max-ports", maxPorts), ("max-sessions", maxSessions),
            ("max-waiting-fetches-per-port", maxWaitingFetchesPerPort),
            ("max-capacity", maxCapacity), ("max-concurrency", maxConcurrency),
            ("max-fetch-entries", maxFetchEntries), ("max-fetch-bytes", maxFetchBytes),
            ("max-lease-ms", maxLeaseMs), ("max-settle-ids", maxSettleIds),
            ("max-packets-per-request", maxPacketsPerRequest),
            ("max-operations-per-request", maxOperationsPerRequest),
            ("max-alerts-per-consumer", maxAlertsPerConsumer),
            ("max-alert-consumers-per-port", maxAlertConsumersPerPort),
            ("max-alert-bytes", maxAlertBytes), ("max-pending-operations", maxPendingOperations),
            ("max-pending-bytes", maxPendingBytes), ("max-read-bytes", maxReadBytes),
            ("max-until-bytes", maxUntilBytes), ("max-idempotency-keys", maxIdempotencyKeys),
            ("max-locks-per-file", maxLocksPerFile),
            ("remembered-closed", rememberedClosed), ("drain-timeout-ms", drainTimeoutMs),
        ]
        return all.reduce(into: [:]) { given, pair in given[pair.0] = pair.1 }
    }
}
