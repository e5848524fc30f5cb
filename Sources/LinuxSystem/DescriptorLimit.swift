public import EngineBase
import Glibc

/// How many descriptors the process may have open.
public enum DescriptorLimit {
    /// Raises the limit as far as an unprivileged process may, and returns what it is then.
    ///
    /// - Throws: what getrlimit or setrlimit said; the old limit stays.
    public static func raise() throws(Errno) -> Int {
        var limit = try read()
        if limit.rlim_cur != limit.rlim_max {
            limit.rlim_cur = limit.rlim_max
            try write(limit)
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// The limit that holds now.
    public static func current() throws(Errno) -> Int {
        Int(clamping: try read().rlim_cur)
    }

    /// Sets the limit, at most to the hard one.
    public static func set(to count: Int) throws(Errno) {
        var limit = try read()
        limit.rlim_cur = min(rlim_t(count), limit.rlim_max)
        try write(limit)
    }

    private static func read() throws(Errno) -> rlimit {
        var limit = rlimit()
        try check { getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) }
        return limit
    }

    private static func write(_ limit: rlimit) throws(Errno) {
        var limit = limit
        try check { setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) }
    }
}
