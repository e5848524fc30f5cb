import CLinux
public import EngineBase
import Glibc

/// The families of sockets that are made.
public enum SocketDomain: Sendable {
    case ipv4, ipv6, unix
}

/// The types of sockets that are made.
public enum SocketType: Sendable {
    case stream, datagram, sequencedPacket
}

/// Making sockets and bringing them to the point where bytes can flow.
extension OwnedDescriptor {
    /// A socket that does not block and is not inherited.
    public static func socket(
        _ domain: SocketDomain,
        _ type: SocketType
    ) throws(Errno) -> OwnedDescriptor {
        let family =
            switch domain {
            case .ipv4: AF_INET
            case .ipv6: AF_INET6
            case .unix: AF_UNIX
            }
        let kind =
            switch type {
            case .stream: SOCK_STREAM
            case .datagram: SOCK_DGRAM
            case .sequencedPacket: SOCK_SEQPACKET
            }
        let flags = kind.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue
        return OwnedDescriptor(
            owning: try checked { Glibc.socket(family, Int32(bitPattern: flags), 0) }
        )
    }

    /// Gives the socket an address of its own.
    public func bind(to address: RawSocketAddress) throws(Errno) {
        try address.withPointer { (pointer, length) throws(Errno) in
            try check { Glibc.bind(rawValue, pointer, length) }
        }
    }

    /// Makes it a listener that holds at most `backlog` waiting connections.
    public func listen(backlog: Int) throws(Errno) {
        try check { Glibc.listen(rawValue, Int32(clamping: backlog)) }
    }

    /// Starts to connect.
    ///
    /// - Returns: whether it is connected already; otherwise the socket becomes writable when
    ///   there is an outcome, which ``takeSocketError()`` tells.
    public func connect(to address: RawSocketAddress) throws(Errno) -> Bool {
        do {
            try address.withPointer { (pointer, length) throws(Errno) in
                guard Glibc.connect(rawValue, pointer, length) != 0 else { return }
                throw Errno.current
            }
            return true
        } catch {
            // An interrupted connect goes on by itself, like one in progress.
            if error == .inProgress || error == .interrupted { return false }
            throw error
        }
    }

    /// Takes the next waiting connection: not blocking, not inherited, with its peer's address.
    public func accept() throws(Errno) -> (SharedDescriptor, RawSocketAddress) {
        var peer = RawSocketAddress()
        let raw = try peer.withMutablePointer { (pointer, length) throws(Errno) in
            try checked { iocpd_accept(rawValue, pointer, length) }
        }
        return (SharedDescriptor(OwnedDescriptor(owning: raw)), peer)
    }

    /// Ends the sending side: the peer sees the end of the stream.
    public func shutdownOutput() throws(Errno) {
        try check { Glibc.shutdown(rawValue, Int32(SHUT_WR)) }
    }

    /// The socket's own address.
    public func localAddress() throws(Errno) -> RawSocketAddress {
        var address = RawSocketAddress()
        try address.withMutablePointer { (pointer, length) throws(Errno) in
            try check { getsockname(rawValue, pointer, length) }
        }
        return address
    }

    /// The address of the socket's peer.
    public func peerAddress() throws(Errno) -> RawSocketAddress {
        var address = RawSocketAddress()
        try address.withMutablePointer { (pointer, length) throws(Errno) in
            try check { getpeername(rawValue, pointer, length) }
        }
        return address
    }
}
