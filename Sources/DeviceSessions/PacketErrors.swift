public import EngineBase
public import PortEngine

extension EntryError {
    /// The error of a datagram that the kernel's `errno` ended, or of one sent before it.
    public init(ofDatagram errno: Errno) {
        switch errno {
        case .connectionRefused:
            self = .portUnreachable
        case .accessDenied:
            self.init(errno)
            message = "The kernel refuses it; a broadcast needs options.broadcast."
        default:
            self.init(errno)
        }
    }

    /// There was more than a read asked for.
    public static let moreData = EntryError(
        code: "more_data", message: "There was more than max_bytes; message_bytes says how much.",
        win32: 234)

    /// An earlier datagram came to a host where nothing has that port.
    public static let portUnreachable = EntryError(
        code: "port_unreachable",
        message: "A datagram sent earlier came to a port that nothing has.",
        errno: Errno.connectionRefused.rawValue, errnoName: Errno.connectionRefused.name,
        win32: 1234)

    /// A message that is longer than any that is taken, and was dropped.
    public static let messageTooLongToTake = EntryError(
        code: EntryError.frameTooLong.code,
        message: "A message of more than 1 MiB came, and was dropped.",
        win32: EntryError.frameTooLong.win32)

    /// The session was disconnected, and has no client.
    public static let pipeNotConnected = EntryError(
        code: "pipe_not_connected",
        message: "The session was disconnected; accept brings its next client.", win32: 233)

    /// An accept, and the session still has its client.
    public static let pipeConnected = EntryError(
        code: "pipe_connected",
        message: "The session has a client; disconnect it before the next accept.", win32: 535)

    /// An accept, and the client that has gone was not disconnected.
    public static let pipeClosing = EntryError(
        code: "broken_pipe",
        message: "The client has gone; disconnect the session before the next accept.", win32: 232)

    /// An accept of a session whose listener is closed.
    public static let listenerClosed = EntryError(
        code: "listener_closed",
        message: "The listener that this session came from is closed: no client will come.",
        win32: 6)
}
