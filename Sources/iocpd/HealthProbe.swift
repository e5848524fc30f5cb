import Glibc
import HTTPListener

/// Asks a daemon on this machine whether it is ready.
enum HealthProbe {
    private static let seconds = 3

    static func isReady(_ address: ListenAddress) -> Bool {
        switch address {
        case .unix(let path):
            return ask(unixSocket(path))
        case .tcp(let host, let port):
            // Whoever listens on all addresses answers on loopback too.
            let name = host == "0.0.0.0" ? "127.0.0.1" : host == "::" ? "::1" : host
            var hints = addrinfo()
            hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
            var list: UnsafeMutablePointer<addrinfo>?
            guard getaddrinfo(name, String(port), &hints, &list) == 0 else { return false }
            defer { freeaddrinfo(list) }
            var next = list
            while let info = next?.pointee {
                if ask(connected(info.ai_family, info.ai_addr, info.ai_addrlen)) { return true }
                next = info.ai_next
            }
            return false
        }
    }

    private static func unixSocket(_ path: String) -> Int32? {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return nil }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                connected(AF_UNIX, address, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    private static func connected(
        _ family: Int32, _ address: UnsafePointer<sockaddr>?, _ length: socklen_t
    ) -> Int32? {
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        var limit = timeval(tv_sec: seconds, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
        guard connect(descriptor, address, length) == 0 else {
            close(descriptor)
            return nil
        }
        return descriptor
    }

    private static func ask(_ descriptor: Int32?) -> Bool {
        guard let descriptor else { return false }
        defer { close(descriptor) }
        let request = Array("GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n".utf8)
        guard write(descriptor, request, request.count) == request.count else { return false }
        var reply = [UInt8](repeating: 0, count: 64)
        let count = read(descriptor, &reply, reply.count)
        let line = String(decoding: reply.prefix(max(count, 0)), as: UTF8.self)
        return line.hasPrefix("HTTP/1.") && line.dropFirst(8).hasPrefix(" 200")
    }
}
