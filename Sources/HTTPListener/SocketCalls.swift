import CLinux
import CMicrohttpd
import EngineBase
import Glibc

/// The present moment, in nanoseconds of the monotonic clock.
func monotonicNow() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

/// The same to within a few milliseconds, several times as fast: for deadlines.
func coarseNow() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

/// A descriptor of the listener's own, closed with its last reference.
final class Descriptor: Sendable {
    let number: Int32

    init(_ number: Int32) throws(Errno) {
        guard number >= 0 else { throw .current }
        self.number = number
    }

    deinit { close(number) }
}

/// An eventfd by which a sleeping thread is woken.
final class WakeEvent: Sendable {
    let descriptor: Descriptor

    init() throws(Errno) {
        descriptor = try Descriptor(eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC)))
    }

    func wake() {
        var one: UInt64 = 1
        _ = write(descriptor.number, &one, 8)
    }

    func acknowledge() {
        var count: UInt64 = 0
        _ = read(descriptor.number, &count, 8)
    }

    /// Waits until somebody wakes, and acknowledges it.
    func wait() {
        var watched = pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0)
        poll(&watched, 1, -1)
        acknowledge()
    }
}

/// A thread that is joined once.
final class ListenerThread: Sendable {
    private let handle: pthread_t

    init(name: String, _ body: @escaping @Sendable () -> Void) throws(Errno) {
        // SAFETY: the thread takes this reference back exactly once; without a thread it is taken
        // back below.
        let passed = Unmanaged.passRetained(ThreadBody(body))
        var made = pthread_t()
        let error = pthread_create(&made, nil, runThreadBody, passed.toOpaque())
        guard error == 0 else {
            passed.release()
            throw Errno(error)
        }
        handle = made
        iocpd_name_thread(made, name)
    }

    /// Waits for its end; to be called once.
    func join() { pthread_join(handle, nil) }
}

private final class ThreadBody: Sendable {
    let run: @Sendable () -> Void

    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

private let runThreadBody: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = {
    passed in
    guard let passed else { return nil }
    // SAFETY: it is the reference that the thread's maker retained for it.
    Unmanaged<ThreadBody>.fromOpaque(passed).takeRetainedValue().run()
    return nil
}

/// What an epoll set reports of one descriptor.
struct WatchedEvent {
    /// What the descriptor was added with.
    var token: UInt64
}

/// An epoll set whose descriptors are reported once for each event.
final class WatchSet: Sendable {
    private let descriptor: Descriptor

    init() throws(Errno) {
        descriptor = try Descriptor(epoll_create1(Int32(EPOLL_CLOEXEC)))
    }

    /// Reports whenever `number` can be read.
    func addReadable(_ number: Int32, token: UInt64) throws(Errno) {
        guard control(EPOLL_CTL_ADD, number, EPOLLIN.rawValue, token) else { throw .current }
    }

    /// Reports once when the other side of `number` ends its sending, and when it closes.
    ///
    /// It stays in the set, reported or not, until it is closed. Arriving bytes are no event.
    func addHangup(_ number: Int32, token: UInt64) -> Bool {
        control(EPOLL_CTL_ADD, number, EPOLLRDHUP.rawValue | EPOLLET.rawValue, token)
    }

    /// Reports it once more.
    @discardableResult
    func rearmHangup(_ number: Int32, token: UInt64) -> Bool {
        control(EPOLL_CTL_MOD, number, EPOLLRDHUP.rawValue | EPOLLET.rawValue, token)
    }

    private func control(
        _ operation: Int32,
        _ number: Int32,
        _ events: UInt32,
        _ token: UInt64
    ) -> Bool {
        var event = epoll_event(events: events, data: epoll_data_t(u64: token))
        return epoll_ctl(descriptor.number, operation, number, &event) == 0
    }

    /// Waits for events, -1 milliseconds for ever; there are none when the time has passed.
    func wait(milliseconds: Int32, into events: inout [epoll_event]) -> Int {
        let count = epoll_wait(
            descriptor.number,
            &events,
            Int32(events.count),
            milliseconds
        )
        return max(0, Int(count))
    }
}

/// Words a peer's address.
func describePeer(_ address: UnsafePointer<sockaddr>?) -> (text: String, isUnix: Bool) {
    guard let address else { return ("unix", true) }
    // SAFETY: the family says which structure the address really is.
    switch Int32(address.pointee.sa_family) {
    case AF_INET:
        return UnsafeRawPointer(address).withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
            let host = UInt32(bigEndian: $0.pointee.sin_addr.s_addr)
            let port = UInt16(bigEndian: $0.pointee.sin_port)
            return (
                "\(host >> 24).\(host >> 16 & 255).\(host >> 8 & 255).\(host & 255):\(port)", false
            )
        }
    case AF_INET6:
        return UnsafeRawPointer(address).withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
            var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
            var host = $0.pointee.sin6_addr
            inet_ntop(AF_INET6, &host, &text, socklen_t(text.count))
            let end = text.firstIndex(of: 0) ?? text.endIndex
            let words = String(
                decoding: text[..<end].map { UInt8(bitPattern: $0) },
                as: UTF8.self
            )
            return ("[\(words)]:\(UInt16(bigEndian: $0.pointee.sin6_port))", false)
        }
    default:
        return ("unix", true)
    }
}

/// The address alone, by which a client's connections are counted; `nil` for a Unix peer.
func clientAddressBytes(_ address: UnsafePointer<sockaddr>) -> [UInt8]? {
    // SAFETY: the family says which structure the address really is.
    switch Int32(address.pointee.sa_family) {
    case AF_INET:
        UnsafeRawPointer(address).withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
            withUnsafeBytes(of: $0.pointee.sin_addr) { Array($0) }
        }
    case AF_INET6:
        UnsafeRawPointer(address).withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
            withUnsafeBytes(of: $0.pointee.sin6_addr) { Array($0) }
        }
    default: nil
    }
}

/// The same, of an address of any family.
func clientAddressBytes(of storage: sockaddr_storage) -> [UInt8]? {
    withUnsafePointer(to: storage) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { clientAddressBytes($0) }
    }
}

/// Sends what fits at once, then ends both directions; whoever reads gets the end of the stream.
func sendLastWords(_ bytes: [UInt8], on descriptor: Int32) {
    if !bytes.isEmpty {
        _ = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
    }
    shutdown(descriptor, Int32(SHUT_RDWR))
}
