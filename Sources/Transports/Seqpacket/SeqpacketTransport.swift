import DeviceSessions

/// `unix-seqpacket:///path`: messages to and from a program that listens on a Unix socket.
///
/// A named pipe in message mode.
struct SeqpacketTransport: Transport {
    let description = TransportDescription(
        scheme: "unix-seqpacket", kind: "message", options: [.lingerMilliseconds],
        abilities: .message, controls: [.getSocketOption(.unix)], isNetwork: false,
        canReconnect: true)

    func plan(
        _ uri: TargetURI, _ options: TransportOptions, _ policy: TargetPolicy
    ) throws(TargetError) -> SessionPlan {
        let (path, target) = try unixTarget(uri, policy)
        let opening = UnixOpening(
            path: path, target: target, kind: .sequencedPacket, shape: .message)
        return SessionPlan(opening: opening, options: options)
    }
}

/// `unix-seqpacket-listen:///path`: a listener whose `accept` operations bring such sessions.
struct SeqpacketListenTransport: Transport {
    let description = TransportDescription(
        scheme: "unix-seqpacket-listen", kind: "listener",
        options: [.backlog, .mode, .lingerMilliseconds], abilities: .listener,
        acceptedOperations: SessionAbilities.messagePipe.operations, isNetwork: false)

    func plan(
        _ uri: TargetURI, _ options: TransportOptions, _ policy: TargetPolicy
    ) throws(TargetError) -> SessionPlan {
        let (path, target) = try unixTarget(uri, policy)
        let mode = options.given.text("mode").flatMap { UInt32($0, radix: 8) } ?? 0o660
        let opening = UnixListenOpening(
            path: path, target: target, mode: mode,
            backlog: options.given.integer("backlog") ?? 128, kind: .sequencedPacket)
        var plan = SessionPlan(opening: opening, options: options)
        plan.accepted = AcceptedKind(
            transport: "unix-seqpacket", shape: .message, abilities: .messagePipe)
        return plan
    }
}

extension SessionAbilities {
    /// Those of a connection of messages.
    static let message = SessionAbilities(
        operations: ["read", "write", "transact", "control"], isByteStream: false,
        canShutOutput: false, longestRead: 1_048_576)

    /// Those of one that a listener brought: it can change its client.
    static let messagePipe = SessionAbilities(
        operations: message.operations + ["disconnect", "accept"], isByteStream: false,
        canShutOutput: false, longestRead: 1_048_576)

    /// Those of a stream that a Unix listener brought.
    static let streamPipe = SessionAbilities(
        operations: SessionAbilities.stream.operations + ["disconnect", "accept"])
}
