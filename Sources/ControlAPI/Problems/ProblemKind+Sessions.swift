// Problems of sessions and operations.
// The words are those of `x-problem-codes` in openapi/openapi.yaml.

extension ProblemKind {
    /// `target.denied`, 403.
    public static let targetDenied = ProblemKind(
        code: "target.denied",
        status: 403,
        title: "Target denied",
        retryable: false,
        meaning: """
            No --allow-target rule admits this target, or every address that its name stands for \
            is denied.
            """,
        mend: "Have the operator of the daemon add an --allow-target rule for it."
    )

    /// `uri.invalid`, 422.
    public static let uriInvalid = ProblemKind(
        code: "uri.invalid",
        status: 422,
        title: "URI cannot be used",
        retryable: false,
        meaning: """
            The uri is no target that this daemon knows: an unknown scheme, a host that is \
            neither a plain address nor a name, a missing port, a relative or too long path, or \
            parts that mean nothing here, such as user information or a fragment.
            """,
        mend: """
            Use tcp://host:port, tls://host:port, tcp-listen://address:port, unix:///path, \
            unix-listen:///path or serial:///path?baud=115200.
            """
    )

    /// `options.unsupported`, 422.
    public static let optionsUnsupported = ProblemKind(
        code: "options.unsupported",
        status: 422,
        title: "Option not supported",
        retryable: false,
        meaning: "This transport does not have the option, or cannot use the value.",
        mend: "Leave the option out; GET /v1/info lists the options of each transport."
    )

    /// `session.open_failed`, 502.
    public static let sessionOpenFailed = ProblemKind(
        code: "session.open_failed",
        status: 502,
        title: "Session could not be opened",
        retryable: true,
        meaning: """
            The inline open failed or took too long; error says why. No session and no entry \
            remain.
            """,
        mend: "Look at error; send the request again when the device can be reached."
    )

    /// `session.unknown`, 404.
    public static let sessionUnknown = ProblemKind(
        code: "session.unknown",
        status: 404,
        title: "No such session",
        retryable: false,
        meaning: "There is no session with this id, or it ended so long ago that it is forgotten.",
        mend: "Open a session with POST /v1/sessions; GET /v1/sessions lists those there are."
    )

    /// `session.closed`, 410.
    public static let sessionClosed = ProblemKind(
        code: "session.closed",
        status: 410,
        title: "Session is closed",
        retryable: false,
        meaning: """
            The session was closed. Its entries are still on the port until they are settled.
            """,
        mend: "Open a new session with POST /v1/sessions."
    )

    /// `session.not_open`, 409.
    public static let sessionNotOpen = ProblemKind(
        code: "session.not_open",
        status: 409,
        title: "Session takes no operations",
        retryable: false,
        meaning: "The session is closing, or its open failed. It will not be open again.",
        mend: "Open a new session with POST /v1/sessions."
    )

    /// `session.too_many_pending`, 429.
    public static let sessionTooManyPending = ProblemKind(
        code: "session.too_many_pending",
        status: 429,
        title: "Too many pending operations",
        retryable: true,
        meaning: "The session has as many pending operations as its max_pending allows.",
        mend: "Wait for entries of this session, or open it with a larger max_pending."
    )

    /// `session.too_many_pending_bytes`, 429.
    public static let sessionTooManyPendingBytes = ProblemKind(
        code: "session.too_many_pending_bytes",
        status: 429,
        title: "Too many bytes waiting to be written",
        retryable: true,
        meaning: """
            The writes and transacts that the session has accepted and not yet sent hold as many \
            bytes as they may.
            """,
        mend: "Wait for their entries, or send less at a time."
    )

    /// `session.standing_read_active`, 409.
    public static let sessionStandingReadActive = ProblemKind(
        code: "session.standing_read_active",
        status: 409,
        title: "A standing read is active",
        retryable: true,
        meaning: """
            The session has a standing read, which takes all that comes; another read behind it \
            would never start.
            """,
        mend: """
            Take the data from the standing read's entries, or cancel it first. A transact may \
            run beside it.
            """
    )

    /// `session.wait_pending`, 409.
    public static let sessionWaitPending = ProblemKind(
        code: "session.wait_pending",
        status: 409,
        title: "A wait for events is pending",
        retryable: true,
        meaning: """
            The session has a wait_event that has not ended, and there may be one at a time \
            (Win32 87).
            """,
        mend: "Wait for its entry, cancel it, or end it with serial.set_mask."
    )

    /// `session.locked`, 423.
    public static let sessionLocked = ProblemKind(
        code: "session.locked",
        status: 423,
        title: "Session is locked",
        retryable: true,
        meaning: """
            Another client has taken the session's lock: until it frees the lock, or the lock runs \
            out, nobody else may use the session.
            """,
        mend: "Try again after retry_after_ms, or send the lock's token in Iocpd-Lock."
    )

    /// `session.lock_lost`, 412.
    public static let sessionLockLost = ProblemKind(
        code: "session.lock_lost",
        status: 412,
        title: "Lock is lost",
        retryable: false,
        meaning: """
            The token that was sent does not hold the session's lock: it ran out, was freed, or \
            never was. Somebody else may have used the session since.
            """,
        mend: "Take the lock anew with PUT /v1/sessions/{session}/lock and without a token."
    )

    /// `session.output_shut`, 409.
    public static let sessionOutputShut = ProblemKind(
        code: "session.output_shut",
        status: 409,
        title: "Output is shut",
        retryable: false,
        meaning: """
            The session's output was shut with :shutdown, so nothing more can be written on it.
            """,
        mend: "Open a new session to write again; reads go on here."
    )

    /// `operation.unknown`, 404.
    public static let operationUnknown = ProblemKind(
        code: "operation.unknown",
        status: 404,
        title: "No such operation",
        retryable: false,
        meaning: "The session never had an operation with this id.",
        mend: "GET the session's operations lists the pending ones."
    )

    /// `operation.completed`, 410.
    public static let operationCompleted = ProblemKind(
        code: "operation.completed",
        status: 410,
        title: "Operation has ended",
        retryable: false,
        meaning: "The operation has ended; its entry tells how.",
        mend: "Look for its entry on the port."
    )

    /// `control.unknown`, 422.
    public static let controlUnknown = ProblemKind(
        code: "control.unknown",
        status: 422,
        title: "Unknown control",
        retryable: false,
        meaning: "This session's transport has no control of the name that was asked for.",
        mend: "Use one of the names in known; GET /v1/info lists the controls of each transport."
    )

    /// `operation.access_denied`, 403.
    public static let operationAccessDenied = ProblemKind(
        code: "operation.access_denied",
        status: 403,
        title: "Session lacks the access",
        retryable: false,
        meaning: """
            The session was opened without the right that the operation needs, such as a write on a \
            file opened for reading.
            """,
        mend: "Open another session whose URI asks for the access, such as access=readwrite."
    )

    /// `operation.unsupported`, 422.
    public static let operationUnsupported = ProblemKind(
        code: "operation.unsupported",
        status: 422,
        title: "Operation not supported here",
        retryable: false,
        meaning: """
            This session's transport does not have the operation, or not with these members, such \
            as accept on a stream, until on datagrams, or credit for an operation that has none.
            """,
        mend: "GET /v1/info lists the operations of each transport."
    )

    /// `operation.cancelled`, 409.
    public static let operationCancelled = ProblemKind(
        code: "operation.cancelled",
        status: 409,
        title: "Read was cancelled",
        retryable: true,
        meaning: """
            The raw read was cancelled, or its session was closed, before it was complete. It \
            took no bytes.
            """,
        mend: "Read again, if the session is still open."
    )

    /// `operation.failed`, 502.
    public static let operationFailed = ProblemKind(
        code: "operation.failed",
        status: 502,
        title: "Read failed",
        retryable: false,
        meaning: """
            The raw read failed: the connection broke. error says how, and entry has the bytes \
            that came before.
            """,
        mend: "Look at error; a broken connection stays broken, so open a new session."
    )
}
