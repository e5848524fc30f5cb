public import DeviceSessions

extension ControlDescription {
    /// `udp.join_group`: datagrams to that multicast group are received from now on.
    ///
    /// IP_ADD_MEMBERSHIP.
    static let joinGroup = membership("udp.join_group", isJoin: true)

    /// `udp.leave_group`: they are not any more.
    ///
    /// IP_DROP_MEMBERSHIP.
    static let leaveGroup = membership("udp.leave_group", isJoin: false)

    private static func membership(_ name: String, isJoin: Bool) -> ControlDescription {
        var control = ControlDescription(
            name,
            arguments: [
                ParameterRule(
                    "group",
                    .text(codePoints: 4...39, wording: "must be a multicast address") { text in
                        MulticastGroup(text) != nil
                    }, isRequired: true),
                ParameterRule(
                    "interface",
                    .text(codePoints: 1...15, wording: "must be the name of an interface") { text in
                        text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x2F }
                    }),
            ]
        ) { arguments in
            // The rule has admitted it.
            let group = arguments.text("group").flatMap { MulticastGroup($0) }
            let address = group?.address ?? .v4(0)
            return .kernel(
                .membership(
                    isJoin: isJoin, address, interface: arguments.text("interface")),
                takesTurn: false)
        }
        control.addressArgument = "group"
        return control
    }
}

/// A multicast address in one of its usual forms.
struct MulticastGroup {
    let address: IPAddress

    /// Reads a dotted quad from 224.0.0.0 to 239.255.255.255, or groups that begin with `ff`.
    init?(_ text: String) {
        guard let address = IPAddress(text) else { return nil }
        switch address {
        case .v4(let bits): guard bits >> 28 == 0xE, !text.utf8.contains(0x3A) else { return nil }
        case .v6(let high, _):
            guard high >> 56 == 0xFF, !text.utf8.contains(0x2E) else { return nil }
        }
        self.address = address
    }
}

extension TargetPolicy {
    /// Whether sessions of `scheme` may belong to a multicast group; `port` is theirs, 0 if the
    /// kernel has picked it.
    public func admits(group: IPAddress, port: UInt16, scheme: String) -> Bool {
        if port != 0 { return admits(group, port: port, scheme: scheme, resolvedFrom: nil) }
        return rules.contains { rule in
            guard rule.scheme == scheme,
                case .address(let prefix, let length, _) = rule.place
            else { return false }
            return group.hasPrefix(prefix, length: length)
        }
    }
}
