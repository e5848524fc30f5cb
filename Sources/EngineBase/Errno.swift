import Glibc

/// A kernel error number, as a system call left it.
public struct Errno: Error, Hashable, Sendable {
    /// The number, such as 104.
    public var rawValue: Int32

    /// An error with this number.
    public init(_ rawValue: Int32) { self.rawValue = rawValue }

    /// The error that the last failed call of this thread left.
    public static var current: Errno { Errno(errno) }

    // The errors that the code tells apart; the rest travel by number.
    public static let accessDenied = Errno(EACCES)
    public static let addressInUse = Errno(EADDRINUSE)
    public static let addressNotAvailable = Errno(EADDRNOTAVAIL)
    public static let again = Errno(EAGAIN)
    public static let badDescriptor = Errno(EBADF)
    public static let brokenPipe = Errno(EPIPE)
    public static let busy = Errno(EBUSY)
    public static let cancelled = Errno(ECANCELED)
    public static let connectionAborted = Errno(ECONNABORTED)
    public static let connectionRefused = Errno(ECONNREFUSED)
    public static let connectionReset = Errno(ECONNRESET)
    public static let crossesDevice = Errno(EXDEV)
    public static let fileTableFull = Errno(ENFILE)
    public static let hostUnreachable = Errno(EHOSTUNREACH)
    public static let inProgress = Errno(EINPROGRESS)
    public static let interrupted = Errno(EINTR)
    public static let invalidArgument = Errno(EINVAL)
    public static let isDirectory = Errno(EISDIR)
    public static let messageTooLong = Errno(EMSGSIZE)
    public static let networkUnreachable = Errno(ENETUNREACH)
    public static let noBufferSpace = Errno(ENOBUFS)
    public static let noMemory = Errno(ENOMEM)
    public static let notConnected = Errno(ENOTCONN)
    public static let notFound = Errno(ENOENT)
    public static let notPermitted = Errno(EPERM)
    public static let notSocket = Errno(ENOTSOCK)
    public static let notSupported = Errno(EOPNOTSUPP)
    public static let notTerminal = Errno(ENOTTY)
    public static let protocolError = Errno(EPROTO)
    public static let readOnlyFileSystem = Errno(EROFS)
    public static let timedOut = Errno(ETIMEDOUT)
    public static let tooManyLinks = Errno(ELOOP)
    public static let tooManyOpenFiles = Errno(EMFILE)

    /// The name that the C headers give the number, such as `ECONNRESET`; `E104` for a rare one.
    public var name: String { Errno.names[rawValue] ?? "E\(rawValue)" }

    private static let names: [Int32: String] = [
        EACCES: "EACCES", EADDRINUSE: "EADDRINUSE", EADDRNOTAVAIL: "EADDRNOTAVAIL",
        EAFNOSUPPORT: "EAFNOSUPPORT", EAGAIN: "EAGAIN", EALREADY: "EALREADY", EBADF: "EBADF",
        EBUSY: "EBUSY", ECANCELED: "ECANCELED", ECONNABORTED: "ECONNABORTED",
        ECONNREFUSED: "ECONNREFUSED", ECONNRESET: "ECONNRESET", EDQUOT: "EDQUOT",
        EEXIST: "EEXIST", EFAULT: "EFAULT", EFBIG: "EFBIG", EHOSTDOWN: "EHOSTDOWN",
        EHOSTUNREACH: "EHOSTUNREACH", EINPROGRESS: "EINPROGRESS", EINTR: "EINTR",
        EINVAL: "EINVAL", EIO: "EIO", EISCONN: "EISCONN", EISDIR: "EISDIR", ELOOP: "ELOOP",
        EMFILE: "EMFILE", EMSGSIZE: "EMSGSIZE", ENAMETOOLONG: "ENAMETOOLONG",
        ENETDOWN: "ENETDOWN", ENETRESET: "ENETRESET", ENETUNREACH: "ENETUNREACH",
        ENFILE: "ENFILE", ENOBUFS: "ENOBUFS", ENODEV: "ENODEV", ENOENT: "ENOENT",
        ENOLCK: "ENOLCK", ENOMEM: "ENOMEM", ENOPROTOOPT: "ENOPROTOOPT", ENOSPC: "ENOSPC",
        ENOTCONN: "ENOTCONN", ENOTDIR: "ENOTDIR", ENOTSOCK: "ENOTSOCK", ENOTTY: "ENOTTY",
        ENXIO: "ENXIO", EOPNOTSUPP: "EOPNOTSUPP", EPERM: "EPERM", EPIPE: "EPIPE",
        EPROTO: "EPROTO", EPROTONOSUPPORT: "EPROTONOSUPPORT", EPROTOTYPE: "EPROTOTYPE",
        EROFS: "EROFS", ESHUTDOWN: "ESHUTDOWN", ESPIPE: "ESPIPE", ETIMEDOUT: "ETIMEDOUT",
        ETXTBSY: "ETXTBSY", EXDEV: "EXDEV",
    ]
}
