import DeviceSessions

/// All transports, by scheme.
public enum TransportRegistry {
    /// One line each.
    public static let all: [any Transport] = [
        TCPTransport(),
        TCPListenTransport(),
        UnixTransport(),
        UnixListenTransport(),
    ]

    /// Judges a session's target and options.
    ///
    /// - Throws: `.invalidURI` for a scheme that no transport has, and what the transport throws.
    public static func plan(
        _ text: String, _ options: TransportOptions, _ policy: TargetPolicy
    ) throws(TargetError) -> (TransportDescription, SessionPlan) {
        let uri = try TargetURI(text)
        guard let transport = all.first(where: { $0.description.scheme == uri.scheme }) else {
            let schemes = all.map(\.description.scheme).joined(separator: ", ")
            throw .invalidURI("its scheme is none of \(schemes)")
        }
        let description = transport.description
        for name in options.given where !description.options.contains(name) {
            let known = description.options.joined(separator: ", ")
            throw .unsupportedOption(name, reason: "\(uri.scheme) takes \(known)")
        }
        return (description, try transport.plan(uri, options, policy))
    }

    /// The names of all operations, in the order in which transports list them.
    public static var operationNames: [String] {
        var names: [String] = []
        for name in all.flatMap(\.description.operations) where !names.contains(name) {
            names.append(name)
        }
        return names
    }

    /// The schemes whose targets are addresses.
    public static var networkSchemes: [String] {
        all.map(\.description).filter(\.isNetwork).map(\.scheme)
    }
}
