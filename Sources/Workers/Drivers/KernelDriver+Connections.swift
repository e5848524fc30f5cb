import DeviceSessions
import EngineBase
import Glibc
import LinuxSystem

/// Connecting, and accepting those who connect.
extension KernelDriver {
    /// A Unix listener whose backlog is full is `.failed(.again)`: no event will tell when there is
    /// room, so it is for the session to try again.
    func connect(
        _ record: DescriptorRecord,
        to address: SocketAddress,
        _ token: StepToken
    ) -> StepOutcome {
        guard record.input == nil else { return .done(.failed(.busy)) }
        let isConnected: Bool
        do throws(Errno) {
            let raw = try kernelAddress(address)
            if case .datagram = record.opened.role {
                _ = try record.opened.descriptor.owned.connect(to: raw)
                return .done(.connected)
            }
            record.forgetReadiness()
            isConnected = try record.opened.descriptor.owned.connect(to: raw)
            // Not before: a socket that never began to connect reports a hang-up.
            try register(record)
        } catch {
            return .done(.failed(error))
        }
        guard !isConnected else {
            record.isWritable = true
            return .done(connectedUnlessToItself(record))
        }
        record.input = PendingInput(token: token, kind: .connect)
        places[token] = .input(record.slot)
        expectReadiness(of: record)
        return .pending
    }

    func finishConnect(_ record: DescriptorRecord) throws(Errno) -> StepResult? {
        guard record.isWritable else { return nil }
        if let error = try record.opened.descriptor.owned.takeSocketError() {
            record.forgetReadiness()
            return .failed(error)
        }
        do throws(Errno) {
            _ = try record.opened.descriptor.owned.peerAddress()
        } catch .notConnected {
            guard record.sawHangup else {
                record.isWritable = false
                return nil
            }
            throw .connectionReset
        }
        return connectedUnlessToItself(record)
    }

    /// A connect to a local port that nobody listens on can end up at the socket itself.
    private func connectedUnlessToItself(_ record: DescriptorRecord) -> StepResult {
        guard case .stream(let family) = record.opened.role, family != .unix,
            let local = try? record.opened.descriptor.owned.localAddress().meaning,
            let peer = try? record.opened.descriptor.owned.peerAddress().meaning
        else { return .connected }
        return local == peer ? .failed(.connectionRefused) : .connected
    }

    func accept(
        _ record: DescriptorRecord,
        _ options: SocketOptions
    ) throws(Errno) -> StepResult? {
        guard record.isReadable else { return nil }
        guard case .listener(let kind, let family) = record.opened.role else {
            throw .invalidArgument
        }
        let (accepted, peer) = try nextConnection(record)
        let opened = OpenedDescriptor(
            descriptor: accepted,
            role: OpenedDescriptor.role(kind, family),
            socketFile: nil
        )
        // An option that a connection refuses because it is over already shows at its first use.
        try? SocketOpening.apply(options, to: opened)
        return .accepted(try adoptWatched(opened), peer: acceptedPeer(peer))
    }

    private func nextConnection(
        _ record: DescriptorRecord
    ) throws(Errno) -> (SharedDescriptor, RawSocketAddress) {
        var attempts = 0
        while true {
            do throws(Errno) {
                return try record.opened.descriptor.owned.accept()
            } catch {
                attempts += 1
                guard KernelDriver.endsOneConnectionOnly.contains(error), attempts < 1000 else {
                    throw error
                }
            }
        }
    }

    /// Errors of a connection that was over before it was accepted; the next one may be well.
    private static let endsOneConnectionOnly: Set<Errno> = [
        .connectionAborted, .protocolError, .networkUnreachable, .hostUnreachable, .notPermitted,
        .timedOut, Errno(ENETDOWN), Errno(ENOPROTOOPT), Errno(EHOSTDOWN), Errno(ENONET),
    ]

    private func acceptedPeer(_ peer: RawSocketAddress) -> SocketAddress {
        guard let meaning = peer.meaning else { return .unix(path: "") }
        // A client's own name, if it bound one, is not checked by anybody.
        if case .unix = meaning { return .unix(path: "") }
        return SocketAddress(meaning)
    }

    /// The form that socket calls take.
    func kernelAddress(_ address: SocketAddress) throws(Errno) -> RawSocketAddress {
        switch address {
        case .ipv4(let number, let port):
            return RawSocketAddress(ipv4: number, port: port)
        case .ipv6(let high, let low, let port, let scope):
            return RawSocketAddress(ipv6High: high, low: low, port: port, scope: scope)
        case .unix(let path):
            return try RawSocketAddress(unixPath: path)
        case .unixHandle(let slot):
            guard let record = table[slot], case .handle = record.opened.role else {
                throw .badDescriptor
            }
            return try RawSocketAddress(unixPath: record.opened.descriptor.owned.descriptorPath)
        }
    }
}
