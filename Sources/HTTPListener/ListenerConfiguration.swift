/// How an ``HTTPServer`` listens, and what it puts up with.
public struct ListenerConfiguration: Sendable {
    /// Where to listen; at least one.
    public var addresses: [ListenAddress]
    /// The access mode of Unix sockets.
    public var socketMode: UInt32 = 0o600
    /// How many threads serve connections, over all addresses.
    public var threads = 2
    /// The most connections that a thread serves before another thread is started.
    ///
    /// To wake one waiting client takes time for each that waits on the same thread.
    public var connectionsPerThread = 1024

    /// The most connections at a time; further clients wait in the kernel's queue.
    public var connectionLimit = 20_000
    /// The most connections of one client by its address; 0 is no limit.
    ///
    /// More are closed without a reply. Those over Unix sockets are not counted.
    public var connectionsPerClient = 0

    /// The longest request target, in bytes.
    public var targetByteLimit = 8 << 10
    /// The most items of a query.
    public var queryItemLimit = 64
    /// The most header fields.
    public var headerFieldLimit = 100
    /// The most bytes of header fields: names, values, and four for each as on the wire.
    public var headerByteLimit = 16 << 10
    /// The longest body, in bytes.
    public var bodyByteLimit = 16 << 20
    /// The most bytes of all the bodies in flight.
    public var bodiesInFlightByteLimit = 256 << 20
    /// What libmicrohttpd may use for a connection's head and reply header.
    public var connectionMemoryBytes = 32 << 10

    /// How long a request's head may take.
    public var headMilliseconds = 10_000
    /// How long a request's body may take.
    public var bodyMilliseconds = 60_000
    /// How long a connection may be idle between two requests.
    public var idleMilliseconds = 75_000
    /// How long a client may take no byte of its reply.
    public var stalledReplyMilliseconds = 30_000
    /// The longest that the responder will keep an exchange waiting.
    public var longestWaitMilliseconds = 50_000
    /// How long ``HTTPServer/stop()`` waits for replies on their way.
    public var stopMilliseconds = 1_000

    /// The header fields that requests keep, in lower case.
    public var headersOfInterest = [
        "accept", "content-encoding", "content-type", "expect", "idempotency-key", "iocpd-lock",
        "origin", "sec-fetch-site",
    ]

    /// Where the listener counts what it has open.
    public var counts = ListenerCounts()

    /// Takes the lines that libmicrohttpd and the listener log, at most ten a second.
    public var log: @Sendable (String) -> Void = { _ in }

    /// A configuration with the default limits.
    public init(addresses: [ListenAddress]) {
        self.addresses = addresses
    }
}
