import DeviceSessions
import EngineBase
import Glibc
import LinuxSystem

/// Making sockets that no file system is needed for.
enum SocketOpening {
    /// A socket with its options set, not yet bound or connected.
    static func socket(
        _ kind: SocketKind,
        _ family: SocketFamily,
        _ options: SocketOptions
    ) throws(Errno) -> OpenedDescriptor {
        let made = SharedDescriptor(try .socket(SocketDomain(family), SocketType(kind)))
        let opened = OpenedDescriptor(
            descriptor: made,
            role: OpenedDescriptor.role(kind, family),
            socketFile: nil
        )
        try apply(options, to: opened)
        return opened
    }

    /// A listening socket at `address`.
    static func listener(
        at address: RawSocketAddress,
        family: SocketFamily,
        backlog: Int
    ) throws(Errno) -> OpenedDescriptor {
        let made = SharedDescriptor(try .socket(SocketDomain(family), .stream))
        try made.owned.setReuseAddress()
        try made.owned.bind(to: address)
        try made.owned.listen(backlog: backlog)
        return OpenedDescriptor(
            descriptor: made,
            role: .listener(.stream, family),
            socketFile: nil
        )
    }

    /// Sets the options that the descriptor's kind knows.
    static func apply(
        _ options: SocketOptions,
        to opened: OpenedDescriptor
    ) throws(Errno) {
        let socket = opened.descriptor
        switch opened.role {
        case .stream(.unix), .datagram(.unix), .handle, .file, .terminal, .listener:
            break
        case .stream:
            if options.noDelay { try socket.owned.setNoDelay() }
            if let idle = options.keepaliveMilliseconds {
                try socket.owned.setKeepalive(idleMilliseconds: idle)
            }
        case .datagram:
            if options.broadcast { try socket.owned.setBroadcast() }
        case .sequencedPacket:
            try socket.owned.setPassCredentials()
        }
    }
}

extension OwnedDescriptor {
    /// What the kernel keeps for a socket option.
    func value(of option: SocketOptionName) throws(Errno) -> Int {
        switch option {
        case .receiveBufferBytes: try socketLevelOption(SO_RCVBUF)
        case .sendBufferBytes: try socketLevelOption(SO_SNDBUF)
        case .keepalive: try socketLevelOption(SO_KEEPALIVE)
        case .noDelay: try sendsAtOnce() ? 1 : 0
        }
    }
}
