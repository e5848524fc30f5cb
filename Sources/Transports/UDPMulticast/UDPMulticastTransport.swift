import DeviceSessions

/// `udp-multicast://group:port?interface=eth0`: what anybody sends to a multicast group.
///
/// The socket is bound to the group's own address, so that nothing else reaches it.
struct UDPMulticastTransport: Transport {
    private static let interface = ParameterRule(
        "interface",
        .text(codePoints: 1...15, wording: "must be the name of an interface") { text in
            text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x2F }
        })

    let description = TransportDescription(
        scheme: "udp-multicast", kind: "datagram", uriParameters: [interface], options: [],
        abilities: SessionAbilities(
            operations: ["read", "control"], isByteStream: false, canShutOutput: false),
        controls: [.getSocketOption(.udp)], isNetwork: true)

    func plan(
        _ uri: TargetURI, _ options: TransportOptions, _ policy: TargetPolicy
    ) throws(TargetError) -> SessionPlan {
        let target = try NetworkTarget(uri, policy)
        guard case .literal(let group) = target.host, group.isMulticast else {
            throw .invalidURI("it needs a multicast address, as in udp-multicast://239.1.2.3:5000")
        }
        guard target.port != 0 else { throw .invalidURI("port 0 belongs to no group") }
        let opening = UDPMulticastOpening(
            group: group, port: target.port, interface: uri.parameters.text("interface"),
            options: options.datagramOptions)
        return SessionPlan(opening: opening, options: options)
    }
}

extension IPAddress {
    fileprivate var isMulticast: Bool {
        switch self {
        case .v4(let bits): bits >> 28 == 0xE
        case .v6(let high, _): high >> 56 == 0xFF
        }
    }
}
