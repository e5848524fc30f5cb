import DeviceSessions
import EngineBase
import Glibc
import Testing

/// A peer outside the driver, on a blocking socket.
final class RawPeer {
    let descriptor: Int32

    init(connectedTo address: SocketAddress, _ type: __socket_type = SOCK_STREAM) throws {
        switch address {
        case .ipv4(let number, let port):
            descriptor = socket(AF_INET, Int32(type.rawValue), 0)
            var raw = sockaddr_in()
            raw.sin_family = sa_family_t(AF_INET)
            raw.sin_port = port.bigEndian
            raw.sin_addr.s_addr = number.bigEndian
            try connect(to: raw)
        case .unix(let path):
            descriptor = socket(AF_UNIX, Int32(type.rawValue), 0)
            var raw = sockaddr_un()
            raw.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &raw.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
            try connect(to: raw)
        case .ipv6, .unixHandle:
            throw Errno.invalidArgument
        }
    }

    deinit { close(descriptor) }

    private func connect<Raw>(to address: Raw) throws {
        let size = socklen_t(MemoryLayout<Raw>.size)
        let result = withUnsafeBytes(of: address) { bytes in
            Glibc.connect(
                descriptor,
                bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self),
                size
            )
        }
        guard result == 0 else { throw Errno.current }
    }

    func send(_ bytes: [UInt8], flags: Int32 = 0) {
        #expect(Glibc.send(descriptor, bytes, bytes.count, flags) == bytes.count)
    }

    /// Sends bytes and, with them, another descriptor (SCM_RIGHTS).
    func send(_ bytes: [UInt8], passing other: Int32) {
        // A header of 16 bytes, the descriptor, and padding.
        var control: [UInt64] = [20, 0, UInt64(UInt32(bitPattern: other))]
        control[1] = UInt64(SOL_SOCKET) | UInt64(1) << 32
        var bytes = bytes
        let count = bytes.withUnsafeMutableBytes { data in
            control.withUnsafeMutableBytes { room in
                var vector = iovec(iov_base: data.baseAddress, iov_len: data.count)
                return withUnsafeMutablePointer(to: &vector) { vectors in
                    var header = msghdr()
                    header.msg_iov = vectors
                    header.msg_iovlen = 1
                    header.msg_control = room.baseAddress
                    header.msg_controllen = room.count
                    return sendmsg(descriptor, &header, 0)
                }
            }
        }
        #expect(count == bytes.count)
    }

    /// Bytes that the other side's kernel has not acknowledged.
    var unsentBytes: Int32 {
        var count: Int32 = -1
        _ = ioctl(descriptor, UInt(0x5411), &count)
        return count
    }
}
