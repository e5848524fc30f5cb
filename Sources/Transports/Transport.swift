public import DeviceSessions

/// What a transport is, for `/v1/info` and for the checks of a request.
public struct TransportDescription: Hashable, Sendable {
    /// The URI scheme.
    public let scheme: String
    /// `stream` or `listener`.
    public let kind: String
    /// The names of the options that it takes.
    public let options: [String]
    /// The names of the operations that its sessions have.
    public let operations: [String]
    /// Whether its targets are addresses, so that loopback is allowed without a rule.
    public let isNetwork: Bool

    /// A description with these members.
    public init(
        scheme: String, kind: String, options: [String], operations: [String], isNetwork: Bool
    ) {
        self.scheme = scheme
        self.kind = kind
        self.options = options
        self.operations = operations
        self.isNetwork = isNetwork
    }
}

/// What a session may be opened with, besides its URI.
public struct TransportOptions: Sendable {
    /// TCP_NODELAY; on if not said otherwise.
    public var noDelay: Bool?
    /// Idle time before the first keepalive probe.
    public var keepaliveMilliseconds: Int?
    /// The address to connect from: `address` or `address:port`.
    public var bind: String?
    /// How long written bytes may linger at close.
    public var lingerMilliseconds: Int?
    /// How many clients may wait for an accept.
    public var backlog: Int?
    /// The mode of a listening socket's file, in octal digits.
    public var mode: String?
    /// Whether keepalive is on at all.
    public var keepalive = true
    /// The names of the options that the request gave.
    public var given: [String] = []

    /// No option given.
    public init() {}

    /// What the sockets are made with.
    var socketOptions: SocketOptions {
        SocketOptions(
            noDelay: noDelay ?? true,
            keepaliveMilliseconds: keepalive ? keepaliveMilliseconds ?? 15_000 : nil)
    }
}

/// A way to reach devices: one folder, and one line in ``TransportRegistry``.
public protocol Transport: Sendable {
    /// What it is.
    var description: TransportDescription { get }

    /// Judges a target and its options, and says how it would be opened. Nothing is opened yet.
    ///
    /// - Throws: `.invalidURI`, `.denied`, `.unsupportedOption`.
    func plan(
        _ uri: TargetURI, _ options: TransportOptions, _ policy: TargetPolicy
    ) throws(TargetError) -> SessionPlan
}

/// How a session will be opened.
public struct SessionPlan: Sendable {
    /// The steps.
    public let opening: any SessionOpening
    /// Options of the sockets that it makes, or that an accept brings.
    public let socketOptions: SocketOptions
    /// How long written bytes may linger at close.
    public let lingerMilliseconds: Int

    init(opening: any SessionOpening, options: TransportOptions) {
        self.opening = opening
        socketOptions = options.socketOptions
        lingerMilliseconds = options.lingerMilliseconds ?? 1_000
    }
}
