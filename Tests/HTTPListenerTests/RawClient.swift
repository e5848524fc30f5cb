import CLinux
import Glibc

/// A client that says exactly what it is told to, and reads replies with a deadline.
final class RawClient {
    struct Reply {
        var status: Int
        var fields: [String: String]
        var body: [UInt8]

        var text: String { String(decoding: body, as: UTF8.self) }
        var closes: Bool { fields["connection"]?.lowercased() == "close" }
    }

    enum Failure: Error { case connect(Int32), send(Int32), timedOut, closed, notHTTP(String) }

    private(set) var descriptor: Int32
    private var received: [UInt8] = []

    /// Connects to an address as the server words it.
    init(_ address: String, receiveBufferBytes: Int32? = nil) throws {
        if address.hasPrefix("unix:") {
            descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            var target = sockaddr_un()
            target.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &target.sun_path) { room in
                for (index, byte) in address.dropFirst(5).utf8.enumerated() { room[index] = byte }
            }
            try connect(to: &target)
            return
        }
        let colon = address.lastIndex(of: ":") ?? address.startIndex
        let port = UInt16(address[address.index(after: colon)...]) ?? 0
        if address.hasPrefix("[") {
            descriptor = socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
            var target = sockaddr_in6()
            target.sin6_family = sa_family_t(AF_INET6)
            target.sin6_port = port.bigEndian
            target.sin6_addr = in6addr_loopback
            try connect(to: &target)
        } else {
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            if var size = receiveBufferBytes {
                setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, 4)
            }
            var target = sockaddr_in()
            target.sin_family = sa_family_t(AF_INET)
            target.sin_port = port.bigEndian
            target.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            try connect(to: &target)
        }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    private func connect<Address>(to address: inout Address) throws {
        let length = socklen_t(MemoryLayout<Address>.size)
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, length)
            }
        }
        guard result == 0 else { throw Failure.connect(errno) }
    }

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Failure.send(errno) }
            rest = rest.dropFirst(count)
        }
    }

    /// A request in one piece, with a Host field.
    func request(
        _ method: String,
        _ target: String,
        fields: [String] = [],
        body: String? = nil
    ) throws {
        var lines = ["\(method) \(target) HTTP/1.1", "Host: test"] + fields
        if let body { lines.append("Content-Length: \(body.utf8.count)") }
        try send(lines.joined(separator: "\r\n") + "\r\n\r\n" + (body ?? ""))
    }

    /// Ends this side's sending.
    func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    func disconnect() {
        close(descriptor)
        descriptor = -1
    }

    /// Ends the connection by a reset.
    func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        disconnect()
    }

    /// Reads some more; `false` at the end of the stream.
    private func readMore(until end: Int64) throws -> Bool {
        let left = (end - now()) / 1_000_000
        guard left > 0 else { throw Failure.timedOut }
        var watched = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&watched, 1, Int32(left)) > 0 else { throw Failure.timedOut }
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        let count = recv(descriptor, &piece, piece.count, 0)
        guard count > 0 else { return false }
        received += piece[..<count]
        return true
    }

    /// Whether there is anything to read.
    var hasBytes: Bool {
        var watched = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return !received.isEmpty || poll(&watched, 1, 0) > 0
    }

    /// Reads one whole reply.
    func reply(within seconds: Double = 5, to method: String = "GET") throws -> Reply {
        let end = now() + Int64(seconds * 1e9)
        let blank = Array("\r\n\r\n".utf8)
        var headEnd: Int?
        while headEnd == nil {
            headEnd = (0..<max(0, received.count - 3)).first {
                Array(received[$0..<$0 + 4]) == blank
            }
            if headEnd == nil, try !readMore(until: end) { throw Failure.closed }
        }
        let head = String(decoding: received[..<(headEnd ?? 0)], as: UTF8.self)
        received.removeFirst((headEnd ?? 0) + 4)
        let lines = head.split(separator: "\r\n", omittingEmptySubsequences: false)
        let words = lines[0].split(separator: " ")
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else {
            throw Failure.notHTTP(head)
        }
        if status == 100 { return Reply(status: 100, fields: [:], body: []) }
        var fields: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            fields[parts[0].lowercased()] = parts[1].trimmingBlanks
        }
        let length = method == "HEAD" ? 0 : Int(fields["content-length"] ?? "0") ?? 0
        while received.count < length { if try !readMore(until: end) { throw Failure.closed } }
        let body = Array(received[..<length])
        received.removeFirst(length)
        return Reply(status: status, fields: fields, body: body)
    }

    /// Waits until the server has closed; `false` if it does not, or says something more.
    func isClosedByServer(within seconds: Double = 5) -> Bool {
        let end = now() + Int64(seconds * 1e9)
        guard received.isEmpty else { return false }
        do {
            return try !readMore(until: end)
        } catch {
            return false
        }
    }

    private func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}

extension Substring {
    var trimmingBlanks: String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
