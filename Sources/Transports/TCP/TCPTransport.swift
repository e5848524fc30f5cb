import DeviceSessions

/// `tcp://host:port`: a stream to a device that listens.
struct TCPTransport: Transport {
    let description = TransportDescription(
        scheme: "tcp", kind: "stream",
        options: [.noDelay, .keepaliveMilliseconds, .bind, .lingerMilliseconds],
        abilities: .stream, controls: [.getSocketOption(.tcp)], isNetwork: true,
        canReconnect: true)

    func plan(
        _ uri: TargetURI, _ options: TransportOptions, _ policy: TargetPolicy
    ) throws(TargetError) -> SessionPlan {
        SessionPlan(
            opening: try TCPTransport.opening(uri, options, policy), options: options)
    }

    /// How a TCP connection to a target is opened, for all transports that begin with one.
    static func opening(
        _ uri: TargetURI, _ options: TransportOptions, _ policy: TargetPolicy
    ) throws(TargetError) -> TCPOpening {
        let target = try NetworkTarget(uri, policy)
        guard target.port != 0 else { throw .invalidURI("port 0 cannot be connected to") }
        if case .literal(let address) = target.host, address.isUnspecified { throw .denied }
        var bind: SocketAddress?
        if let text = options.given.text("bind") {
            guard let address = NetworkTarget.bindAddress(text) else {
                throw .unsupportedOption("bind", reason: "it is an address, or address:port")
            }
            bind = address
        }
        return TCPOpening(
            target: target, policy: policy, bind: bind, options: options.socketOptions)
    }
}

/// `tcp-listen://address:port`: a listener whose `accept` operations bring sessions.
struct TCPListenTransport: Transport {
    let description = TransportDescription(
        scheme: "tcp-listen", kind: "listener",
        options: [.backlog, .noDelay, .keepaliveMilliseconds, .lingerMilliseconds],
        abilities: .listener, isNetwork: true)

    func plan(
        _ uri: TargetURI, _ options: TransportOptions, _ policy: TargetPolicy
    ) throws(TargetError) -> SessionPlan {
        let opening = TCPListenOpening(
            target: try NetworkTarget(uri, policy), policy: policy,
            backlog: options.given.integer("backlog") ?? 128)
        var plan = SessionPlan(opening: opening, options: options)
        plan.accepted = AcceptedKind(transport: "tcp", shape: .stream, abilities: .stream)
        return plan
    }
}

/// A host and port that some rule may admit.
struct NetworkTarget: Sendable {
    enum Host: Sendable {
        case literal(IPAddress)
        case name(String)
    }

    let scheme: String
    let host: Host
    let port: UInt16

    /// Takes the target from a URI.
    ///
    /// A literal that no rule admits, and a name that none could admit, are denied at once; the
    /// addresses of any other name are judged when they are known.
    init(_ uri: TargetURI, _ policy: TargetPolicy) throws(TargetError) {
        guard case .host(let text, let port) = uri.place else {
            throw .invalidURI("\(uri.scheme) needs host:port, not a path")
        }
        scheme = uri.scheme
        self.port = port
        if let address = IPAddress(text) {
            host = .literal(address)
            guard policy.admits(address, port: port, scheme: scheme, resolvedFrom: nil) else {
                throw .denied
            }
        } else {
            guard HostName.isValid(text) else {
                throw .invalidURI("its host is neither an address in the usual form nor a name")
            }
            host = .name(text)
            guard policy.mayAdmit(name: text, port: port, scheme: scheme) else { throw .denied }
        }
    }

    /// The addresses among `resolved` that the rules admit.
    func admitted(_ resolved: [SocketAddress], by policy: TargetPolicy) -> [SocketAddress] {
        guard case .name(let name) = host else { return resolved }
        return resolved.filter { candidate in
            guard let address = candidate.ipAddress else { return false }
            return policy.admits(address, port: port, scheme: scheme, resolvedFrom: name)
        }
    }

    /// Reads an address to connect from.
    static func bindAddress(_ text: String) -> SocketAddress? {
        if let address = IPAddress(text) { return SocketAddress(address, port: 0) }
        guard let uri = try? TargetURI("tcp://" + text), case .host(let host, let port) = uri.place,
            let address = IPAddress(host)
        else { return nil }
        return SocketAddress(address, port: port)
    }
}
