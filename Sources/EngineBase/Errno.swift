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
    /// EACCES.
    public static let accessDenied = Errno(EACCES)
    /// EADDRINUSE.
    public static let addressInUse = Errno(EADDRINUSE)
    /// EADDRNOTAVAIL.
    public static let addressNotAvailable = Errno(EADDRNOTAVAIL)
    /// EAGAIN.
    public static let again = Errno(EAGAIN)
    /// EBADF.
    public static let badDescriptor = Errno(EBADF)
    /// EPIPE.
    public static let brokenPipe = Errno(EPIPE)
    /// EBUSY.
    public static let busy = Errno(EBUSY)
    /// ECANCELED.
    public static let cancelled = Errno(ECANCELED)
    /// ECONNABORTED.
    public static let connectionAborted = Errno(ECONNABORTED)
    /// ECONNREFUSED.
    public static let connectionRefused = Errno(ECONNREFUSED)
    /// ECONNRESET.
    public static let connectionReset = Errno(ECONNRESET)
    /// EXDEV.
    public static let crossesDevice = Errno(EXDEV)
    /// ENFILE.
    public static let fileTableFull = Errno(ENFILE)
    /// EHOSTUNREACH.
    public static let hostUnreachable = Errno(EHOSTUNREACH)
    /// EINPROGRESS.
    public static let inProgress = Errno(EINPROGRESS)
    /// EIO.
    public static let inputOutput = Errno(EIO)
    /// EINTR.
    public static let interrupted = Errno(EINTR)
    /// EINVAL.
    public static let invalidArgument = Errno(EINVAL)
    /// EISDIR.
    public static let isDirectory = Errno(EISDIR)
    /// EMSGSIZE.
    public static let messageTooLong = Errno(EMSGSIZE)
    /// ENETUNREACH.
    public static let networkUnreachable = Errno(ENETUNREACH)
    /// ENOBUFS.
    public static let noBufferSpace = Errno(ENOBUFS)
    /// ENOMEM.
    public static let noMemory = Errno(ENOMEM)
    /// ENOTCONN.
    public static let notConnected = Errno(ENOTCONN)
    /// ENOENT.
    public static let notFound = Errno(ENOENT)
    /// EPERM.
    public static let notPermitted = Errno(EPERM)
    /// ENOTSOCK.
    public static let notSocket = Errno(ENOTSOCK)
    /// EOPNOTSUPP.
    public static let notSupported = Errno(EOPNOTSUPP)
    /// ENOTTY.
    public static let notTerminal = Errno(ENOTTY)
    /// EPROTO.
    public static let protocolError = Errno(EPROTO)
    /// EROFS.
    public static let readOnlyFileSystem = Errno(EROFS)
    /// ETIMEDOUT.
    public static let timedOut = Errno(ETIMEDOUT)
    /// ELOOP.
    public static let tooManyLinks = Errno(ELOOP)
    /// EMFILE.
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
