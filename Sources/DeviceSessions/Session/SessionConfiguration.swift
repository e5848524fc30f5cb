public import EngineBase
public import PortEngine

/// What a session is opened with; an accepted session has its listener's.
public struct SessionConfiguration: Sendable {
    /// The target as the client wrote it.
    public var uri: String
    /// The name of its transport, such as `tcp`.
    public var transport: String
    /// The key that every entry of the session carries.
    ///
    /// Completion key.
    public var key: ClientText?
    /// The most operations that may be pending.
    public var maxPending: Int
    /// The most bytes of accepted writes that may be pending.
    public var maxPendingBytes: Int
    /// How long it may be idle; 0 is for ever.
    public var idleTimeoutMilliseconds: Int
    /// How long the open may take.
    public var connectTimeoutMilliseconds: Int
    /// How long bytes that were `ok` may linger in the kernel at close.
    public var lingerMilliseconds: Int
    /// Options of the sockets that it makes.
    public var socketOptions: SocketOptions
    /// What it demands of its peer, where the transport can.
    public var demands: PeerDemands?
    /// When it tries to come back after its connection was lost; `nil`: it does not.
    public var reconnect: ReconnectPolicy?
    /// How its input is cut into frames, where a read says nothing else.
    public var framing: Framing?
    /// What its accepts bring, for a listener.
    public var accepted: AcceptedKind?
    /// Timers of its reads and transacts that bring none of their own, on a serial line.
    public var readTimers: ReadTimers?

    /// A configuration with these values.
    public init(
        uri: String, transport: String, key: ClientText? = nil, maxPending: Int = 1_024,
        maxPendingBytes: Int = 16 * 1_024 * 1_024, idleTimeoutMilliseconds: Int = 0,
        connectTimeoutMilliseconds: Int = 5_000, lingerMilliseconds: Int = 1_000,
        socketOptions: SocketOptions = SocketOptions()
    ) {
        self.uri = uri
        self.transport = transport
        self.key = key
        self.maxPending = maxPending
        self.maxPendingBytes = maxPendingBytes
        self.idleTimeoutMilliseconds = idleTimeoutMilliseconds
        self.connectTimeoutMilliseconds = connectTimeoutMilliseconds
        self.lingerMilliseconds = lingerMilliseconds
        self.socketOptions = socketOptions
    }
}

/// What an open descriptor is used as.
public enum SessionShape: Hashable, Sendable {
    /// Bytes in order, both ways.
    case stream
    /// A serial line that can report these events: a stream that is always read ahead.
    case terminal(reports: LineEvents)
    /// Datagrams, each by itself; there is no connection that could end.
    case datagram
    /// Messages in order over a connection.
    case message
    /// Brings sessions by `accept`.
    case listener
    /// Bytes at offsets, one operation at a time.
    case file(FileKey)
}

/// Where a session is in its life.
public enum SessionPhase: String, Sendable, CaseIterable {
    case opening, open, down, closing, closed, failed

    /// Whether operations are accepted.
    public var isInUse: Bool {
        switch self {
        case .opening, .open, .down: true
        case .closing, .closed, .failed: false
        }
    }
}

/// Why a session is closed, and so what its last entries say.
public enum CloseReason: Sendable {
    /// A client asked for it.
    case deleted
    /// Nothing happened for its `idle_timeout_ms`.
    case idle
    /// The daemon is stopping.
    case draining
    /// Its port was closed by force.
    case portClosed
}

/// What a session has done so far.
public struct SessionCounters: Sendable {
    /// Bytes taken from the device.
    public var bytesReceived = 0
    /// Bytes that the kernel took for the device.
    public var bytesSent = 0
    /// Bytes that came and were thrown away unread.
    public var bytesDiscarded = 0
    /// Operations that have ended.
    public var operationsCompleted = 0
    /// Those of them that failed.
    public var operationsFailed = 0
    /// How often the connection was lost and came back.
    public var reconnects = 0
    /// Clients that a listener took.
    public var accepted = 0
    /// How often an accept had to pause because something ran out.
    public var acceptPauses = 0
    /// Datagrams that the kernel dropped for want of room; `nil` where there are none.
    public var datagramsDropped: Int?

    /// Counters at zero.
    public init() {}
}

/// What a GET shows of a session; published by its worker.
public struct SessionSnapshot: Sendable {
    /// Where it is in its life.
    public var phase = SessionPhase.opening
    /// The other end.
    public var peer: String?
    /// This end; of a listener, where it listens.
    public var local: String?
    /// How the connection is secured, once it is.
    public var security: ConnectionSecurity?
    /// How the input stands.
    public var input: String?
    /// How the output stands.
    public var output: String?
    /// The events that a serial line can report, once it is open.
    public var reportableEvents: LineEvents?
    /// The last failure, also of operations that give no entry.
    public var lastError: EntryError?
    /// What it has done.
    public var counters = SessionCounters()

    /// The snapshot of a session that has just been accepted.
    public init() {}
}

/// What a GET shows of a pending operation.
public struct OperationStatus: Sendable {
    /// Where it is.
    public enum State: String, Sendable, CaseIterable {
        case queued, running, paused, stopping
    }

    /// The operation's number.
    public var number: UInt64
    /// The word for what it does.
    public var name: String
    /// The client's own string.
    public var context: ClientText?
    /// Where it is.
    public var state: State
    /// For a paused read: `credit` or `port`.
    public var pausedBy: String?
    /// The data entries that it may still give, where that is limited.
    public var credit: Int?
}
