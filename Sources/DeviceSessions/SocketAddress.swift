/// Where a socket is or goes: an IP address with a port, or a Unix socket.
public enum SocketAddress: Hashable, Sendable {
    /// An IPv4 address, its four bytes as one number with the first byte highest, and a port.
    case ipv4(UInt32, port: UInt16)

    /// An IPv6 address as two halves, first bytes highest, a port, and a scope (0: none).
    case ipv6(high: UInt64, low: UInt64, port: UInt16, scope: UInt32)

    /// A Unix socket by its path; the empty path is a peer that never bound a name.
    case unix(path: String)

    /// A Unix socket through a descriptor that was opened, and checked, before.
    case unixHandle(DescriptorSlot)
}
