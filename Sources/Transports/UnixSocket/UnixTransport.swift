import DeviceSessions

/// `unix:///path`: a stream to a program that listens on a Unix socket.
struct UnixTransport: Transport {
    let description = TransportDescription(
        scheme: "unix", kind: "stream", options: ["linger_ms"],
        operations: ["read", "write", "transact"], isNetwork: false)

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
        scheme: "unix-listen", kind: "listener", options: ["backlog", "mode", "linger_ms"],
        operations: ["accept"], isNetwork: false)

    func plan(
        _ uri: TargetURI, _ options: TransportOptions, _ policy: TargetPolicy
    ) throws(TargetError) -> SessionPlan {
        let (path, target) = try unixTarget(uri, policy)
        let digits = options.mode ?? "0660"
        guard (1...4).contains(digits.utf8.count),
            digits.utf8.allSatisfy({ (48...55).contains($0) }),
            let mode = UInt32(digits, radix: 8), mode <= 0o777
        else {
            throw .unsupportedOption("mode", reason: "it is octal digits such as 0660")
        }
        let opening = UnixListenOpening(
            path: path, target: target, mode: mode, backlog: options.backlog ?? 128)
        return SessionPlan(opening: opening, options: options)
    }
}

/// The path of a Unix socket's URI, and where an allow rule has it.
private func unixTarget(
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
