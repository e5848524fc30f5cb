import DeviceSessions

/// `unix:///path`: a stream to a program that listens on a Unix socket.
struct UnixTransport: Transport {
    let description = TransportDescription(
        scheme: "unix", kind: "stream", options: [.lingerMilliseconds], abilities: .stream,
        controls: [.getSocketOption(.unix)], isNetwork: false, canReconnect: true)

    func plan(
        _ uri: TargetURI, _ options: TransportOptions, _ policy: TargetPolicy
    ) throws(TargetError) -> SessionPlan {
        let (path, target) = try unixTarget(uri, policy)
        return SessionPlan(opening: UnixOpening(path: path, target: target), options: options)
    }
}

/// `unix-listen:///path`: a listener whose `accept` operations bring sessions.
struct UnixListenTransport: Transport {
    let description = TransportDescription(
        scheme: "unix-listen", kind: "listener", options: [.backlog, .mode, .lingerMilliseconds],
        abilities: .listener, acceptedOperations: SessionAbilities.streamPipe.operations,
        isNetwork: false)

    func plan(
        _ uri: TargetURI, _ options: TransportOptions, _ policy: TargetPolicy
    ) throws(TargetError) -> SessionPlan {
        let (path, target) = try unixTarget(uri, policy)
        let mode = options.given.text("mode").flatMap { UInt32($0, radix: 8) } ?? 0o660
        let opening = UnixListenOpening(
            path: path, target: target, mode: mode,
            backlog: options.given.integer("backlog") ?? 128)
        var plan = SessionPlan(opening: opening, options: options)
        plan.accepted = AcceptedKind(transport: "unix", shape: .stream, abilities: .streamPipe)
        return plan
    }
}

/// The path of a Unix socket's URI, and where an allow rule has it.
func unixTarget(
    _ uri: TargetURI, _ policy: TargetPolicy
) throws(TargetError) -> (String, PathTarget) {
    guard case .path(let path) = uri.place else {
        throw .invalidURI("\(uri.scheme) needs an absolute path, as in \(uri.scheme):///run/x.sock")
    }
    guard path.utf8.count <= 107 else {
        throw .invalidURI("the path of a Unix socket has at most 107 bytes")
    }
    guard let target = policy.target(for: path, scheme: uri.scheme) else { throw .denied }
    return (path, target)
}
