import DeviceSessions
import LinuxSystem

extension SocketAddress {
    /// The address that the kernel or the resolver gave.
    init(_ meaning: RawSocketAddress.Meaning) {
        switch meaning {
        case .ipv4(let address, let port):
            self = .ipv4(address, port: port)
        case .ipv6(let high, let low, let port, let scope):
            self = .ipv6(high: high, low: low, port: port, scope: scope)
        case .unix(let path):
            self = .unix(path: path)
        }
    }
}

extension SocketDomain {
    /// The kernel's word for a family of ours.
    init(_ family: SocketFamily) {
        switch family {
        case .ipv4: self = .ipv4
        case .ipv6: self = .ipv6
        case .unix: self = .unix
        }
    }
}

extension SocketType {
    /// The kernel's word for a kind of ours.
    init(_ kind: SocketKind) {
        switch kind {
        case .stream: self = .stream
        case .datagram: self = .datagram
        case .sequencedPacket: self = .sequencedPacket
        }
    }
}
