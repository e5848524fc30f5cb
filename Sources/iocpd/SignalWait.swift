import Glibc

/// Signals as something to wait for: they are blocked in every thread and taken by the main one.
enum SignalWait {
    /// Blocks the daemon's signals; to be called before any thread is started.
    static func block() {
        signal(SIGPIPE, SIG_IGN)
        // A write past the limit of file sizes shall be its own failure, and not the daemon's end.
        signal(SIGXFSZ, SIG_IGN)
        var set = wanted
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// The next signal, or `nil` if none came in `milliseconds`; `nil` of them is for ever.
    static func next(milliseconds: Int?) -> Int32? {
        var set = wanted
        guard let milliseconds else {
            var number: Int32 = 0
            return sigwait(&set, &number) == 0 ? number : nil
        }
        var limit = timespec(
            tv_sec: milliseconds / 1_000, tv_nsec: milliseconds % 1_000 * 1_000_000)
        let number = sigtimedwait(&set, nil, &limit)
        return number > 0 ? number : nil
    }

    private static var wanted: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for number in [SIGTERM, SIGINT, SIGHUP] { sigaddset(&set, number) }
        return set
    }
}
