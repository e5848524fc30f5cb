import Glibc

/// A non-blocking socket that accepts connections for one role.
struct ListeningSocket {
    let descriptor: Int32
    let role: Connection.Role
    /// What to print and to connect to, such as `tcp://127.0.0.1:5025`.
    let uri: String
    /// The socket file to remove at the end, if it is one.
    let path: String?

    /// Listens on TCP; port 0 picks a free one.
    static func tcp(
        _ endpoint: Endpoint,
        role: Connection.Role
    ) throws(InstrumentProblem) -> ListeningSocket {
        let descriptor = try openSocket(endpoint.isIPv6 ? AF_INET6 : AF_INET)
        var yes: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, size)
        if endpoint.isIPv6 {
            setsockopt(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &yes, size)
        }
        let name = endpoint.uri(boundPort: endpoint.port)
        if endpoint.isIPv6, let address = endpoint.socketAddress6() {
            try bindAndListen(descriptor, to: address, named: name)
        } else if let address = endpoint.socketAddress4() {
            try bindAndListen(descriptor, to: address, named: name)
        }
        return ListeningSocket(
            descriptor: descriptor,
            role: role,
            uri: endpoint.uri(boundPort: boundPort(descriptor)),
            path: nil
        )
    }

    /// Listens on a Unix stream socket; a socket file that is already there is replaced.
    static func unix(
        _ path: String,
        role: Connection.Role
    ) throws(InstrumentProblem) -> ListeningSocket {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        let room = MemoryLayout.size(ofValue: address.sun_path)
        // One byte stays for the terminating zero.
        guard bytes.count < room, !bytes.contains(0) else {
            throw .usage("\(path) is longer than the \(room - 1) bytes of a socket path")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        removeSocketFile(path)
        let descriptor = try openSocket(AF_UNIX)
        try bindAndListen(descriptor, to: address, named: "unix://\(path)")
        return ListeningSocket(
            descriptor: descriptor,
            role: role,
            uri: "unix://\(path)",
            path: path
        )
    }

    /// Closes the socket and removes its file.
    func shut() {
        close(descriptor)
        if let path { Self.removeSocketFile(path) }
    }

    /// Removes a path only if it is a socket: never a file that somebody named by mistake.
    private static func removeSocketFile(_ path: String) {
        var status = stat()
        if lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK {
            unlink(path)
        }
    }

    private static func openSocket(_ family: Int32) throws(InstrumentProblem) -> Int32 {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(family, type, 0)
        guard descriptor >= 0 else { throw .system("cannot open a socket", errno: errno) }
        return descriptor
    }

    private static func bindAndListen<Address>(
        _ descriptor: Int32,
        to address: Address,
        named name: String
    ) throws(InstrumentProblem) {
        let failure = withUnsafeBytes(of: address) { bytes -> Int32 in
            let base = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self)
            if bind(descriptor, base, socklen_t(bytes.count)) != 0 { return errno }
            // The kernel cuts this to its own maximum.
            return listen(descriptor, 4096) == 0 ? 0 : errno
        }
        guard failure == 0 else {
            close(descriptor)
            throw .system("cannot listen on \(name)", errno: failure)
        }
    }

    private static func boundPort(_ descriptor: Int32) -> UInt16 {
        var address = sockaddr_in6()
        var size = socklen_t(MemoryLayout<sockaddr_in6>.size)
        withUnsafeMutableBytes(of: &address) { bytes in
            let base = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self)
            _ = getsockname(descriptor, base, &size)
        }
        // IPv4 and IPv6 addresses have the port at the same place.
        return UInt16(bigEndian: address.sin6_port)
    }
}
