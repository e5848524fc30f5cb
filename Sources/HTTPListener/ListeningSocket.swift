import CLinux
import EngineBase
import Glibc

/// A socket that accepts connections.
final class ListeningSocket: Sendable {
    let descriptor: Descriptor
    /// `127.0.0.1:4627`, `[::1]:4627` or `unix:/path`.
    let address: String
    private let socketFile: SocketFile?

    private init(descriptor: Descriptor, address: String, socketFile: SocketFile? = nil) {
        self.descriptor = descriptor
        self.address = address
        self.socketFile = socketFile
    }

    /// Removes the socket file, if it is still this socket's.
    func removeFile() { socketFile?.remove() }

    /// Opens the sockets that an address stands for; at least one.
    static func open(
        _ address: ListenAddress,
        socketMode: UInt32
    ) throws(ListenerError) -> [ListeningSocket] {
        switch address {
        case .unix(let path):
            return [try openUnix(path: path, mode: socketMode)]
        case .tcp("localhost", let port):
            return try openLoopback(port: port)
        case .tcp(let host, let port):
            return try openResolved(host: host, port: port)
        }
    }

    // MARK: TCP

    /// Opens the port on both loopback addresses, or on IPv4's alone where there is no IPv6.
    private static func openLoopback(port: UInt16) throws(ListenerError) -> [ListeningSocket] {
        // A port that the kernel picks for one address may be taken on the other.
        for attempt in 1...16 {
            let first = try openResolved(host: "127.0.0.1", port: port)
            guard let v4 = first.first, let picked = UInt16(v4.address.split(separator: ":")[1])
            else { return first }
            do throws(ListenerError) {
                return first + (try openResolved(host: "::1", port: picked))
            } catch .cannotListen(_, .addressNotAvailable), .cannotListen(_, Errno(EAFNOSUPPORT)) {
                return first
            } catch .cannotListen(_, .addressInUse) where port == 0 && attempt < 16 {
                continue
            }
        }
        throw .cannotListen("localhost:\(port)", .addressInUse)
    }

    private static func openResolved(
        host: String,
        port: UInt16
    ) throws(ListenerError) -> [ListeningSocket] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
        var found: UnsafeMutablePointer<addrinfo>?
        let error = getaddrinfo(host, String(port), &hints, &found)
        guard error == 0, let found else {
            throw .nameUnknown(host, why: String(cString: gai_strerror(error)))
        }
        defer { freeaddrinfo(found) }
        var sockets: [ListeningSocket] = []
        var next: UnsafeMutablePointer<addrinfo>? = found
        while let entry = next {
            next = entry.pointee.ai_next
            guard let address = entry.pointee.ai_addr else { continue }
            let wanted = describePeer(address).text
            do throws(Errno) {
                let socket = try bound(
                    family: entry.pointee.ai_family,
                    address,
                    entry.pointee.ai_addrlen
                )
                sockets.append(socket)
            } catch {
                throw .cannotListen(wanted, error)
            }
        }
        return sockets
    }

    private static func bound(
        family: Int32,
        _ address: UnsafePointer<sockaddr>,
        _ length: socklen_t
    ) throws(Errno) -> ListeningSocket {
        let descriptor = try streamSocket(family)
        var on: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        setsockopt(descriptor.number, SOL_SOCKET, SO_REUSEADDR, &on, size)
        if family == AF_INET6 {
            setsockopt(descriptor.number, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &on, size)
        }
        guard bind(descriptor.number, address, length) == 0, listen(descriptor.number, 4096) == 0
        else { throw .current }
        var storage = sockaddr_storage()
        var storageLength = socklen_t(MemoryLayout<sockaddr_storage>.size)
        // SAFETY: the kernel writes an address of the socket's family into storage made for any.
        let text = try withUnsafeMutableBytes(of: &storage) { bytes throws(Errno) -> String in
            guard let base = bytes.baseAddress else { throw .invalidArgument }
            let address = base.assumingMemoryBound(to: sockaddr.self)
            guard getsockname(descriptor.number, address, &storageLength) == 0 else {
                throw .current
            }
            return describePeer(address).text
        }
        return ListeningSocket(descriptor: descriptor, address: text)
    }

    private static func streamSocket(_ family: Int32) throws(Errno) -> Descriptor {
        let type = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
        return try Descriptor(socket(family, Int32(type), 0))
    }

    // MARK: Unix

    private static func openUnix(
        path: String,
        mode: UInt32
    ) throws(ListenerError) -> ListeningSocket {
        do throws(Errno) {
            try SocketFile.removeDead(path: path)
        } catch .addressInUse {
            throw .socketInUse(path: path)
        } catch .notSocket {
            throw .notSocket(path: path)
        } catch {
            throw .cannotListen("unix:\(path)", error)
        }
        do throws(Errno) {
            let descriptor = try streamSocket(AF_UNIX)
            // The file gets the mode that the socket has, so that it is never wider, not even
            // between bind and chmod; the chmod is for what the umask took away.
            guard fchmod(descriptor.number, mode) == 0,
                SocketFile.withAddress(of: path, { bind(descriptor.number, $0, $1) }) == 0
            else { throw .current }
            guard let file = SocketFile(path: path) else { throw .current }
            guard chmod(path, mode) == 0, listen(descriptor.number, 4096) == 0 else {
                let error = Errno.current
                file.remove()
                throw error
            }
            return ListeningSocket(
                descriptor: descriptor,
                address: "unix:\(path)",
                socketFile: file
            )
        } catch {
            throw .cannotListen("unix:\(path)", error)
        }
    }
}

/// The file of a Unix socket, told apart from a later one of the same path.
struct SocketFile: Sendable {
    let path: String
    private let device: dev_t
    private let node: ino_t

    /// The file that is there now.
    init?(path: String) {
        var facts = stat()
        guard lstat(path, &facts) == 0 else { return nil }
        self.path = path
        device = facts.st_dev
        node = facts.st_ino
    }

    /// Removes it, unless another file has taken its place.
    func remove() {
        guard let present = SocketFile(path: path), present.device == device,
            present.node == node
        else { return }
        unlink(path)
    }

    /// Removes a socket file on which nobody answers.
    ///
    /// - Throws: `.addressInUse` if somebody does, `.notSocket` for another kind of file.
    static func removeDead(path: String) throws(Errno) {
        var facts = stat()
        guard lstat(path, &facts) == 0 else {
            guard errno == ENOENT else { throw .current }
            return
        }
        guard facts.st_mode & S_IFMT == S_IFSOCK else { throw .notSocket }
        let type = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
        let probe = try Descriptor(socket(AF_UNIX, Int32(type), 0))
        // A full queue (EAGAIN) is an answer too; only a refusal says that nobody listens.
        guard withAddress(of: path, { connect(probe.number, $0, $1) }) != 0,
            errno == ECONNREFUSED
        else { throw .addressInUse }
        guard unlink(path) == 0 || errno == ENOENT else { throw .current }
    }

    /// Calls `body` with the address that a path has.
    static func withAddress<Result>(
        of path: String,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { room in
            for (index, byte) in path.utf8.prefix(room.count - 1).enumerated() {
                room[index] = byte
            }
        }
        // SAFETY: a sockaddr_un begins as every sockaddr does, and its length goes with it.
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
