/// What a port is made with.
public struct PortSettings: Hashable, Sendable {
    /// How many consumers may run at once; `nil` is no limit.
    ///
    /// NumberOfConcurrentThreads.
    public var concurrencyLimit: Int?
    /// The most entries and reserved places together.
    public var capacity: Int
    /// The most bytes of payload in those entries.
    public var capacityBytes: Int
    /// How long a lease lasts where the fetch does not say.
    public var leaseMilliseconds: Int
    /// How often an entry is handed out before it goes to the dead letters; 0 is no limit.
    public var maxDeliveries: Int

    /// Settings with these values.
    public init(
        concurrencyLimit: Int? = nil, capacity: Int = 131_072,
        capacityBytes: Int = 64 * 1024 * 1024, leaseMilliseconds: Int = 30_000,
        maxDeliveries: Int = 0
    ) {
        self.concurrencyLimit = concurrencyLimit
        self.capacity = capacity
        self.capacityBytes = capacityBytes
        self.leaseMilliseconds = leaseMilliseconds
        self.maxDeliveries = maxDeliveries
    }
}

/// Limits of every port, as `/v1/info` tells them.
public struct PortLimits: Hashable, Sendable {
    /// Fetches that may wait at once.
    public var waitingFetches: Int
    /// Alerts kept for one consumer.
    public var alertsPerConsumer: Int
    /// Consumers with kept alerts.
    public var alertConsumers: Int

    /// Limits with these values.
    public init(
        waitingFetches: Int = 20_000, alertsPerConsumer: Int = 64, alertConsumers: Int = 1_024
    ) {
        self.waitingFetches = waitingFetches
        self.alertsPerConsumer = alertsPerConsumer
        self.alertConsumers = alertConsumers
    }
}

/// A port's live counts.
///
/// They are kept, never computed.
public struct PortCounts: Hashable, Sendable {
    /// Entries that could be taken now.
    public var queued = 0
    /// Entries that wait out the delay of a nack.
    public var delayed = 0
    /// Entries that a lease holds or that are on their way to a client.
    public var leased = 0
    /// Entries past `maxDeliveries`.
    public var deadLetters = 0
    /// Places promised to accepted operations and open sessions.
    public var reserved = 0
    /// Payload bytes of all entries held.
    public var bytes = 0
    /// Fetches that wait.
    public var waiting = 0
    /// Slots of the concurrency limit in use.
    public var running = 0
    /// Open sessions tied to the port.
    public var sessions = 0

    /// Packets posted.
    public var postedTotal = 0
    /// Entries that operations and sessions gave.
    public var completedTotal = 0
    /// Entries that are done, consumed ones included.
    public var ackedTotal = 0
    /// Entries that left with a `consume` reply.
    public var consumedTotal = 0
    /// Entries handed out more than once.
    public var redeliveredTotal = 0
    /// Dead letters that were thrown away.
    public var discardedTotal = 0
    /// Replies with entries or alerts that could not be handed to the client's socket.
    public var undeliveredTotal = 0
    /// Entries whose lease ran out.
    public var expiredTotal = 0

    /// All counts at zero.
    public init() {}

    /// What counts against `capacity`.
    public var occupied: Int { queued + delayed + leased + deadLetters + reserved }

    /// Entries held, wherever they are.
    public var entries: Int { queued + delayed + leased + deadLetters }
}
