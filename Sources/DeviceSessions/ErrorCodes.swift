public import EngineBase
public import PortEngine

extension EntryError {
    /// The error of an entry that the kernel's `errno` ended.
    public init(_ errno: Errno) {
        let known = EntryError.byErrno[errno] ?? EntryError.ofFiles[errno]
        self.init(
            code: known?.code ?? "io_error",
            message: known?.message ?? "The kernel refused the call.",
            errno: errno.rawValue, errnoName: errno.name, win32: known?.win32 ?? 1117)
    }

    struct Meaning: Sendable {
        let code: String
        let win32: Int
        let message: String
    }

    private static let byErrno: [Errno: Meaning] = [
        .accessDenied: Meaning(
            code: "access_denied", win32: 5, message: "The daemon may not open this target."),
        .notPermitted: Meaning(
            code: "access_denied", win32: 5, message: "The daemon may not open this target."),
        .addressInUse: Meaning(
            code: "address_in_use", win32: 10048,
            message: "Another program, or another session, has this address."),
        .addressNotAvailable: Meaning(
            code: "address_not_available", win32: 10049,
            message: "This machine does not have that address."),
        .brokenPipe: Meaning(
            code: "broken_pipe", win32: 232, message: "The peer takes no more bytes."),
        .connectionAborted: Meaning(
            code: "connection_aborted", win32: 1236, message: "The connection was aborted."),
        .connectionRefused: Meaning(
            code: "connection_refused", win32: 1225,
            message: "Nothing listens there, or it refuses connections."),
        .connectionReset: Meaning(
            code: "connection_reset", win32: 64, message: "The peer reset the connection."),
        .fileTableFull: Meaning(
            code: "too_many_open_files", win32: 4, message: "The machine is out of descriptors."),
        .hostUnreachable: Meaning(
            code: "host_unreachable", win32: 1232, message: "No route leads to the host."),
        .messageTooLong: Meaning(
            code: "message_too_long", win32: 10040,
            message: "It is longer than the socket can send in one piece."),
        .networkUnreachable: Meaning(
            code: "network_unreachable", win32: 1231, message: "No route leads to the network."),
        .notFound: Meaning(code: "not_found", win32: 2, message: "There is nothing at this path."),
        .notSocket: Meaning(
            code: "not_a_socket", win32: 10038, message: "What is at this path is no socket."),
        .timedOut: Meaning(
            code: "connection_timed_out", win32: 121,
            message: "The peer has not answered for too long."),
        .tooManyOpenFiles: Meaning(
            code: "too_many_open_files", win32: 4, message: "The daemon is out of descriptors."),
    ]

    /// The peer of an unanswered name: it does not resolve.
    public static func nameNotResolved(_ words: String) -> EntryError {
        EntryError(
            code: "name_not_resolved", message: "The name does not resolve: \(words).",
            win32: 11001)
    }

    /// Cancelled by request, or by the client's own close.
    public static let operationAborted = EntryError(
        code: "operation_aborted", message: "It was cancelled, or its session was closed.",
        win32: 995)

    /// Its time was over.
    public static let timedOut = EntryError(
        code: "timed_out", message: "Its time was over before it was complete.", win32: 258)

    /// The session was idle for longer than it may be.
    public static let idleTimeout = EntryError(
        code: "idle_timeout", message: "The session was idle for its idle_timeout_ms.", win32: 995)

    /// The daemon is stopping.
    public static let serviceDraining = EntryError(
        code: "service_draining", message: "The daemon is stopping.", win32: 995)

    /// A write before it went out only in part, so it was not begun.
    public static let writeTorn = EntryError(
        code: "write_torn",
        message: "A write before it ended in the middle, so nothing of this one was sent.",
        win32: 995)

    /// No delimiter within the most bytes that may be gathered.
    public static let frameTooLong = EntryError(
        code: "frame_too_long",
        message: "No delimiter came within max_bytes; the next read goes on behind these bytes.",
        win32: 122)

    /// The length in a frame's header is none that a frame can have.
    public static let frameImpossible = EntryError(
        code: "frame_impossible",
        message:
            "The length in a frame's header is negative or past 16 MiB, so the input ends here.",
        win32: 13)

    /// No allow rule admits any address of the target.
    public static let targetDenied = EntryError(
        code: "target_denied", message: "No --allow-target rule admits this target.", win32: 5)
}
