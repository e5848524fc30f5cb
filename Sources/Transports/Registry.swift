import DeviceSessions

/// All transports, by scheme.
public enum TransportRegistry {
    /// One line each.
    public static let all: [any Transport] = [
        TCPTransport(),
        TCPListenTransport(),
        TLSTransport(),
        UnixTransport(),
        UnixListenTransport(),
        FileTransport(),
        SerialTransport(),
        SeqpacketTransport(),
        SeqpacketListenTransport(),
        UDPTransport(),
        UDPListenTransport(),
        UDPMulticastTransport(),
    ]

    /// Judges a session's target and options.
    ///
    /// - Throws: `.invalidURI` for a scheme that no transport has, and what the transport throws.
    public static func plan(
        _ text: String, _ options: TransportOptions, _ policy: TargetPolicy
    ) throws(TargetError) -> (TransportDescription, SessionPlan) {
        var uri = try TargetURI(text)
        guard let transport = transport(uri.scheme) else {
            let schemes = all.map(\.description.scheme).joined(separator: ", ")
            throw .invalidURI("its scheme is none of \(schemes)")
        }
        let description = transport.description
        try uri.judgeQuery(by: description.uriParameters)
        for name in options.given.names
        where !description.options.contains(where: { $0.name == name }) {
            let known = description.options.map(\.name).joined(separator: ", ")
            throw .unsupportedOption(name, reason: "\(uri.scheme) takes \(known)")
        }
        return (description, try transport.plan(uri, options, policy))
    }

    /// The transport of a scheme.
    public static func transport(_ scheme: String) -> (any Transport)? {
        all.first { $0.description.scheme == scheme }
    }

    /// The options of all transports, each name once.
    public static let options: [ParameterRule] = {
        var rules: [ParameterRule] = []
        for rule in all.flatMap(\.description.options)
        where !rules.contains(where: { $0.name == rule.name }) {
            rules.append(rule)
        }
        return rules
    }()

    /// The controls of all transports, each name once.
    public static let controls: [ControlDescription] = {
        var controls: [ControlDescription] = []
        for control in all.flatMap(\.description.controls)
        where !controls.contains(where: { $0.name == control.name }) {
            controls.append(control)
        }
        return controls
    }()

    /// The named controls of a transport's sessions; `raw`: those too that an operator must allow.
    public static func controls(of scheme: String, raw: Bool) -> [ControlDescription] {
        guard let description = transport(scheme)?.description else { return [] }
        return description.controls + (raw ? description.rawControls : [])
    }

    /// The controls that an operator must allow, each name once.
    public static let rawControls = all.flatMap(\.description.rawControls)

    /// The names of all operations, in the order in which transports list them.
    public static var operationNames: [String] {
        var names: [String] = []
        let descriptions = all.map(\.description)
        for name in descriptions.flatMap({ $0.abilities.operations + $0.acceptedOperations })
        where !names.contains(name) {
            names.append(name)
        }
        return names
    }

    /// The schemes whose targets are addresses.
    public static var networkSchemes: [String] {
        all.map(\.description).filter(\.isNetwork).map(\.scheme)
    }
}
