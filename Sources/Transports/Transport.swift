public import DeviceSessions

/// What a transport is, for `/v1/info` and for the checks of a request.
public struct TransportDescription: Sendable {
    /// The URI scheme.
    public let scheme: String
    /// What its sessions are: `stream`, `listener` or the like.
    public let kind: String
    /// The members that the query of its URIs may have.
    public let uriParameters: [ParameterRule]
    /// The options that it takes.
    public let options: [ParameterRule]
    /// What its sessions can be asked to do.
    public let abilities: SessionAbilities
    /// For a listener, what the sessions that it brings can be asked to do.
    public let acceptedOperations: [String]
    /// The named controls of its sessions.
    public let controls: [ControlDescription]
    /// Those that there are only where the operator allows them.
    public let rawControls: [ControlDescription]
    /// Whether its targets are addresses, so that loopback is allowed without a rule.
    public let isNetwork: Bool
    /// Whether its sessions can come back after a loss.
    public let canReconnect: Bool

    /// A description with these members.
    public init(
        scheme: String, kind: String, uriParameters: [ParameterRule] = [],
        options: [ParameterRule], abilities: SessionAbilities, acceptedOperations: [String] = [],
        controls: [ControlDescription] = [], rawControls: [ControlDescription] = [],
        isNetwork: Bool, canReconnect: Bool = false
    ) {
        self.scheme = scheme
        self.kind = kind
        self.uriParameters = uriParameters
        self.options = options
        self.abilities = abilities
        self.acceptedOperations = acceptedOperations
        self.controls = controls
        self.rawControls = rawControls
        self.isNetwork = isNetwork
        self.canReconnect = canReconnect
    }
}

/// One named control of a transport's sessions.
///
/// DeviceIoControl by name instead of by number.
public struct ControlDescription: Sendable {
    /// Its name, such as `socket.get_option`.
    public let name: String
    /// The arguments that it takes.
    public let arguments: [ParameterRule]
    /// What the session does for it.
    public let action: @Sendable (Parameters) -> ControlAction
    /// The argument that names an address, which an allow rule must admit.
    public var addressArgument: String?

    /// The control `name`; `action` is given arguments that obey the rules.
    public init(
        _ name: String, arguments: [ParameterRule] = [],
        _ action: @escaping @Sendable (Parameters) -> ControlAction
    ) {
        self.name = name
        self.arguments = arguments
        self.action = action
    }
}

/// What a session may be opened with, besides its URI.
public struct TransportOptions: Sendable {
    /// The options of the transport.
    public var given = Parameters()
    /// Whether keepalive is on at all.
    public var keepalive = true

    /// No option given.
    public init() {}

    /// What stream sockets are made with.
    var socketOptions: SocketOptions {
        SocketOptions(
            noDelay: given.boolean("no_delay") ?? true,
            keepaliveMilliseconds: keepalive ? given.integer("keepalive_ms") ?? 15_000 : nil)
    }

    /// What sockets of datagrams are made with.
    var datagramOptions: SocketOptions {
        SocketOptions(
            noDelay: false, keepaliveMilliseconds: nil,
            broadcast: given.boolean("broadcast") ?? false)
    }
}

/// A way to reach devices: one folder, and one line in ``TransportRegistry``.
public protocol Transport: Sendable {
    /// What it is.
    var description: TransportDescription { get }

    /// Judges a target and its options, and says how it would be opened. Nothing is opened yet.
    ///
    /// `uri` has no query members but those of the description, and `options` obey its rules.
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
    /// What the session can be asked to do; `nil`: what its transport's description says.
    public var abilities: SessionAbilities?
    /// What an accept brings, for a listener.
    public var accepted: AcceptedKind?
    /// What the session demands of its peer, as it is shown.
    public var demands: PeerDemands?
    /// Options of the sockets that it makes, or that an accept brings.
    public let socketOptions: SocketOptions
    /// Timers of reads that bring none of their own, on a serial line.
    public var readTimers: ReadTimers?
    /// How long written bytes may linger at close.
    public let lingerMilliseconds: Int

    init(opening: any SessionOpening, options: TransportOptions) {
        self.opening = opening
        socketOptions = options.socketOptions
        lingerMilliseconds = options.given.integer("linger_ms") ?? 1_000
    }
}
