import Glibc

extension Wakeup {
    /// Waits until somebody asks, or the time is over; for a thread that waits for nothing else.
    ///
    /// - Parameter milliseconds: the longest wait; `nil` is for ever.
    public func wait(milliseconds: Int?) {
        var watched = pollfd(fd: descriptor.rawValue, events: Int16(POLLIN), revents: 0)
        _ = poll(&watched, 1, milliseconds.map { Int32(clamping: max($0, 0)) } ?? -1)
        if watched.revents != 0 { acknowledge() }
    }
}
