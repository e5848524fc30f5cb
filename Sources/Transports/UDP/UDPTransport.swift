import DeviceSessions

/// `udp://host:port`: datagrams to and from one device.
struct UDPTransport: Transport {
    let description = TransportDescription(
        scheme: "udp", kind: "datagram", options: [.bind, .broadcast],
        abilities: SessionAbilities(
            operations: ["read", "write", "transact", "control"], isByteStream: false,
            canShutOutput: false),
        controls: [.getSocketOption(.udp), .joinGroup, .leaveGroup], isNetwork: true)

    func plan(
        _ uri: TargetURI, _ options: TransportOptions, _ policy: TargetPolicy
    ) throws(TargetError) -> SessionPlan {
        let target = try NetworkTarget(uri, policy)
        guard target.port != 0 else { throw .invalidURI("port 0 cannot be sent to") }
        if case .literal(let address) = target.host, address.isUnspecified { throw .denied }
        let bind = try options.bindAddress()
        let opening = TCPOpening(
            target: target, policy: policy, bind: bind, options: options.datagramOptions,
            kind: .datagram, shape: .datagram)
        return SessionPlan(opening: opening, options: options)
    }
}

/// `udp-listen://address:port`: datagrams from and to anybody; writes say where they go.
struct UDPListenTransport: Transport {
    let description = TransportDescription(
        scheme: "udp-listen", kind: "datagram", options: [.broadcast],
        abilities: SessionAbilities(
            operations: ["read", "write", "control"], isByteStream: false, sendsTo: true,
            canShutOutput: false),
        controls: [.getSocketOption(.udp), .joinGroup, .leaveGroup], isNetwork: true)

    func plan(
        _ uri: TargetURI, _ options: TransportOptions, _ policy: TargetPolicy
    ) throws(TargetError) -> SessionPlan {
        let socketOptions = options.datagramOptions
        let opening = TCPListenOpening(
            target: try NetworkTarget(uri, policy), policy: policy, shape: .datagram
        ) { address in
            .socket(.datagram, family: address.networkFamily, bind: address, socketOptions)
        }
        return SessionPlan(opening: opening, options: options)
    }
}

extension TransportOptions {
    /// The address of the `bind` option.
    fileprivate func bindAddress() throws(TargetError) -> SocketAddress? {
        guard let text = given.text("bind") else { return nil }
        guard let address = NetworkTarget.bindAddress(text) else {
            throw .unsupportedOption("bind", reason: "it is an address, or address:port")
        }
        return address
    }
}

extension SocketAddress {
    /// The family of an IP address's sockets.
    fileprivate var networkFamily: SocketFamily {
        if case .ipv4 = self { .ipv4 } else { .ipv6 }
    }
}
