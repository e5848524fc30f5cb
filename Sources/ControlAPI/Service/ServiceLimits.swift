/// Every limit of the daemon, with its default. `/v1/info` tells them, and each has a flag.
public struct ServiceLimits: Sendable {
    public var maxBodyBytes = 16 << 20
    public var maxDepth = 32
    public var maxTargetBytes = 8 << 10
    public var maxQueryParameters = 64
    public var maxHeaderFields = 100
    public var maxHeaderBytes = 16 << 10
    public var headTimeoutMilliseconds = 10_000
    public var bodyTimeoutMilliseconds = 60_000
    public var idleConnectionTimeoutMilliseconds = 75_000
    public var replyStallTimeoutMilliseconds = 30_000
    public var maxConnections = 20_000
    public var maxConnectionsPerClient = 0
    public var maxBodiesInFlightBytes = 256 << 20
    public var maxWaitMilliseconds = 50_000
    public var maxPorts = 10_000
    public var maxSessions = 20_000
    public var maxWaitingFetchesPerPort = 20_000
    public var maxCapacity = 10_000_000
    public var maxConcurrency = 1_024
    public var maxFetchEntries = 4_096
    public var maxFetchBytes = 64 << 20
    public var maxLeaseMilliseconds = 43_200_000
    public var maxSettleIDs = 4_096
    public var maxPacketsPerRequest = 10_000
    public var maxOperationsPerRequest = 1_024
    public var maxAlertsPerConsumer = 64
    public var maxAlertConsumersPerPort = 1_024
    public var maxAlertBytes = 4_096
    public var maxPendingOperations = 65_536
    public var maxPendingBytes = 16 << 20
    public var maxReadBytes = 16 << 20
    public var maxUntilBytes = 256
    public var maxIdempotencyKeys = 65_536
    public var rememberedClosed = 65_536
    public var drainTimeoutMilliseconds = 8_000
    /// Descriptors that the process may have; found at start.
    public var descriptors = 0

    /// The default limits.
    public init() {}

    /// Each limit with the name that `/v1/info` has for it.
    public static var all: [(name: String, path: any WritableKeyPath<ServiceLimits, Int> & Sendable)] {
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
            ("max_idempotency_keys", \.maxIdempotencyKeys),
            ("remembered_closed", \.rememberedClosed),
            ("drain_timeout_ms", \.drainTimeoutMilliseconds), ("descriptors", \.descriptors),
        ]
    }
}
