import CLinux
import Glibc

/// Level-triggered epoll: which descriptors can be read or written.
final class Readiness {
    /// One thing that happened.
    struct Event {
        let token: UInt64
        let isReadable: Bool
        /// Both directions are gone, or the connection broke.
        let isBroken: Bool
    }

    struct Interest: OptionSet {
        let rawValue: UInt32
        static let read = Interest(rawValue: EPOLLIN.rawValue)
        static let write = Interest(rawValue: EPOLLOUT.rawValue)
    }

    private let descriptor: Int32
    private var ready = [epoll_event](repeating: epoll_event(), count: 256)

    init() throws(InstrumentProblem) {
        descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard descriptor >= 0 else { throw .system("cannot create an epoll set", errno: errno) }
    }

    deinit {
        close(descriptor)
    }

    /// Starts to watch; closing the watched descriptor ends it.
    ///
    /// - Returns: false if the kernel refused, for want of memory or watches.
    func add(_ watched: Int32, token: UInt64, interest: Interest) -> Bool {
        control(EPOLL_CTL_ADD, watched, token, interest)
    }

    func change(_ watched: Int32, token: UInt64, interest: Interest) {
        _ = control(EPOLL_CTL_MOD, watched, token, interest)
    }

    /// Waits until something is ready, a signal comes or the time is over.
    ///
    /// - Parameter milliseconds: -1 waits for ever.
    /// - Returns: what happened; nothing after a signal or when the time was over.
    /// - Throws: a system problem if the kernel refuses to wait.
    func wait(milliseconds: Int32) throws(InstrumentProblem) -> [Event] {
        var mask = StopSignal.maskWhileWaiting
        let count = epoll_pwait(descriptor, &ready, Int32(ready.count), milliseconds, &mask)
        guard count >= 0 else {
            if errno == EINTR { return [] }
            throw .system("cannot wait for events", errno: errno)
        }
        return ready[..<Int(count)].map { event in
            Event(
                token: event.data.u64,
                isReadable: event.events & EPOLLIN.rawValue != 0,
                isBroken: event.events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0
            )
        }
    }

    private func control(
        _ action: Int32,
        _ watched: Int32,
        _ token: UInt64,
        _ interest: Interest
    ) -> Bool {
        var event = epoll_event(events: interest.rawValue, data: epoll_data_t(u64: token))
        return epoll_ctl(descriptor, action, watched, &event) == 0
    }
}
