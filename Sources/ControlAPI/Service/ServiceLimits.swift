/// Every limit of the daemon, with its default.
///
/// `/v1/info` tells them, and each has a flag.
public struct ServiceLimits: Sendable {
    /// Bytes of a request's body.
    public var maxBodyBytes = 16 << 20
    /// Nesting of a JSON body.
    public var maxDepth = 32
    /// Bytes of a request target.
    public var maxTargetBytes = 8 << 10
    /// Query parameters of a request.
    public var maxQueryParameters = 64
    /// Header fields of a request.
    public var maxHeaderFields = 100
    /// Bytes of them.
    public var maxHeaderBytes = 16 << 10
    /// Time for a request's head.
    public var headTimeoutMilliseconds = 10_000
    /// Time for a request's body.
    public var bodyTimeoutMilliseconds = 60_000
    /// Time between requests of a connection.
    public var idleConnectionTimeoutMilliseconds = 75_000
    /// Time for which a client may take no byte of its reply.
    public var replyStallTimeoutMilliseconds = 30_000
    /// HTTP connections, fewer where descriptors are short.
    public var maxConnections = 20_000
    /// HTTP connections of one address; 0 is no limit.
    public var maxConnectionsPerClient = 0
    /// Bytes of all bodies that are being read.
    public var maxBodiesInFlightBytes = 256 << 20
    /// Wait of a fetch or an inline operation.
    public var maxWaitMilliseconds = 50_000
    /// Ports.
    public var maxPorts = 10_000
    /// Sessions, fewer where descriptors are short.
    public var maxSessions = 20_000
    /// Fetches that wait on one port.
    public var maxWaitingFetchesPerPort = 20_000
    /// A port's `capacity`.
    public var maxCapacity = 10_000_000
    /// A port's `concurrency`.
    public var maxConcurrency = 1_024
    /// A fetch's `max`.
    public var maxFetchEntries = 4_096
    /// A fetch's `max_bytes`.
    public var maxFetchBytes = 64 << 20
    /// A lease, an extension, or a delay.
    public var maxLeaseMilliseconds = 43_200_000
    /// Ids in each list of a settle.
    public var maxSettleIDs = 4_096
    /// Packets in one request.
    public var maxPacketsPerRequest = 10_000
    /// Operations in one request.
    public var maxOperationsPerRequest = 1_024
    /// Alerts kept for one consumer.
    public var maxAlertsPerConsumer = 64
    /// Consumers of one port with alerts kept.
    public var maxAlertConsumersPerPort = 1_024
    /// Bytes of an alert's data.
    public var maxAlertBytes = 4_096
    /// A session's `max_pending`.
    public var maxPendingOperations = 65_536
    /// Bytes of a session's accepted and unsent writes.
    public var maxPendingBytes = 16 << 20
    /// A read's `max_bytes` or `exactly`.
    public var maxReadBytes = 16 << 20
    /// Bytes of `until`.
    public var maxUntilBytes = 256
    /// Locks of one file, those that wait included.
    public var maxLocksPerFile = 4_096
    /// Idempotency keys that are remembered.
    public var maxIdempotencyKeys = 65_536
    /// Closed ports, and closed sessions, that answer 410.
    public var rememberedClosed = 65_536
    /// Time for stopping.
    public var drainTimeoutMilliseconds = 8_000
    /// File descriptors that the daemon may have open; found at start.
    public var descriptors = 0

    /// The default limits.
    public init() {}

    /// Each limit with the name that `/v1/info` has for it.
    public static var all:
        [(name: String, path: any WritableKeyPath<ServiceLimits, Int> & Sendable)]
    {
        [
            ("max_body_bytes", \.maxBodyBytes), ("max_depth", \.maxDepth),
            ("max_target_bytes", \.maxTargetBytes),
            ("max_query_parameters", \.maxQueryParameters),
            ("max_header_fields", \.maxHeaderFields), ("max_header_bytes", \.maxHeaderBytes),
            ("head_timeout_ms", \.headTimeoutMilliseconds),
            ("body_timeout_ms", \.bodyTimeoutMilliseconds),
            ("idle_connection_timeout_ms", \.idleConnectionTimeoutMilliseconds),
            ("reply_stall_timeout_ms", \.replyStallTimeoutMilliseconds),
            ("max_connections", \.maxConnections),
            ("max_connections_per_client", \.maxConnectionsPerClient),
            ("max_bodies_in_flight_bytes", \.maxBodiesInFlightBytes),
            ("max_wait_ms", \.maxWaitMilliseconds), ("max_ports", \.maxPorts),
            ("max_sessions", \.maxSessions),
            ("max_waiting_fetches_per_port", \.maxWaitingFetchesPerPort),
            ("max_capacity", \.maxCapacity), ("max_concurrency", \.maxConcurrency),
            ("max_fetch_entries", \.maxFetchEntries), ("max_fetch_bytes", \.maxFetchBytes),
            ("max_lease_ms", \.maxLeaseMilliseconds), ("max_settle_ids", \.maxSettleIDs),
            ("max_packets_per_request", \.maxPacketsPerRequest),
            ("max_operations_per_request", \.maxOperationsPerRequest),
            ("max_alerts_per_consumer", \.maxAlertsPerConsumer),
            ("max_alert_consumers_per_port", \.maxAlertConsumersPerPort),
            ("max_alert_bytes", \.maxAlertBytes),
            ("max_pending_operations", \.maxPendingOperations),
            ("max_pending_bytes", \.maxPendingBytes), ("max_read_bytes", \.maxReadBytes),
            ("max_until_bytes", \.maxUntilBytes),
            ("max_locks_per_file", \.maxLocksPerFile),
            ("max_idempotency_keys", \.maxIdempotencyKeys),
            ("remembered_closed", \.rememberedClosed),
            ("drain_timeout_ms", \.drainTimeoutMilliseconds), ("descriptors", \.descriptors),
        ]
    }
}
