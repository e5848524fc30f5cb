import CLinux
public import EngineBase
import Glibc

/// What sockets of datagrams have and others have not.
extension OwnedDescriptor {
    /// Datagrams that came in and were dropped for want of room, since the socket was made.
    ///
    /// It is the count of SO_RXQ_OVFL, asked for (SO_MEMINFO) rather than taken from the next
    /// datagram, which would tell it one datagram late.
    public func droppedDatagrams() throws(Errno) -> UInt32 {
        // The kernel's SK_MEMINFO_DROPS, the last of nine.
        let index = 8
        var counts = [UInt32](repeating: 0, count: index + 1)
        var size = socklen_t(counts.count * MemoryLayout<UInt32>.size)
        try check { getsockopt(rawValue, SOL_SOCKET, SO_MEMINFO, &counts, &size) }
        return counts[index]
    }

    /// Joins a multicast group, or leaves it; without an interface the kernel picks one.
    ///
    /// - Throws: ENODEV for an interface that is not there, EADDRINUSE for a group that the socket
    ///   has joined already, EADDRNOTAVAIL for one that it has not.
    public func setMembership(
        of group: RawSocketAddress,
        isMember: Bool,
        onInterface interface: String?
    ) throws(Errno) {
        var request = group_req()
        if let interface {
            request.gr_interface = if_nametoindex(interface)
            guard request.gr_interface != 0 else { throw Errno(ENODEV) }
        }
        request.gr_group = group.storage
        let isIPv6 = Int32(group.storage.ss_family) == AF_INET6
        let level = Int32(isIPv6 ? IPPROTO_IPV6 : IPPROTO_IP)
        let name = isMember ? MCAST_JOIN_GROUP : MCAST_LEAVE_GROUP
        let size = socklen_t(MemoryLayout<group_req>.size)
        try check { setsockopt(rawValue, level, name, &request, size) }
    }
}
