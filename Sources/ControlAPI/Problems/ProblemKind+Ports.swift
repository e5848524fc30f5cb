// Problems of ports, packets and consumers, and of the daemon as a whole.
// The words are those of `x-problem-codes` in openapi/openapi.yaml.

extension ProblemKind {
    /// `service.internal`, 500.
    public static let serviceInternal = ProblemKind(
        code: "service.internal",
        status: 500,
        title: "Internal error",
        retryable: false,
        meaning: """
            The daemon met a condition that it should never meet. Whether the request had an \
            effect is not known.
            """,
        mend: "Look for the request_id in the daemon's log and report it."
    )

    /// `service.overloaded`, 503.
    public static let serviceOverloaded = ProblemKind(
        code: "service.overloaded",
        status: 503,
        title: "Daemon overloaded",
        retryable: true,
        meaning: """
            Bodies of requests being read at this moment already use all the memory that they \
            may share.
            """,
        mend: "Wait for retry_after_ms, then send the request again."
    )

    /// `service.draining`, 503.
    public static let serviceDraining = ProblemKind(
        code: "service.draining",
        status: 503,
        title: "Daemon is stopping",
        retryable: true,
        meaning: """
            The daemon is stopping: it takes no new ports, packets, sessions or operations. What \
            is there may still be fetched and settled.
            """,
        mend: """
            Send the request again when the daemon is back; go on fetching and settling until \
            then.
            """
    )

    /// `service.too_many_ports`, 429.
    public static let serviceTooManyPorts = ProblemKind(
        code: "service.too_many_ports",
        status: 429,
        title: "Too many ports",
        retryable: true,
        meaning: "There are as many ports as the daemon may have.",
        mend: """
            Delete ports that are no longer used, or start the daemon with a larger --max-ports.
            """
    )

    /// `service.too_many_sessions`, 429.
    public static let serviceTooManySessions = ProblemKind(
        code: "service.too_many_sessions",
        status: 429,
        title: "Too many sessions",
        retryable: true,
        meaning: "There are as many sessions as the daemon may have, or as its descriptors allow.",
        mend: """
            Delete sessions that are no longer used, or raise --max-sessions and the descriptor \
            limit.
            """
    )

    /// `problem.unknown`, 404.
    public static let problemUnknown = ProblemKind(
        code: "problem.unknown",
        status: 404,
        title: "No such problem",
        retryable: false,
        meaning: "There is no problem with this code.",
        mend: "GET /problems lists all codes."
    )

    /// `port.unknown`, 404.
    public static let portUnknown = ProblemKind(
        code: "port.unknown",
        status: 404,
        title: "No such port",
        retryable: false,
        meaning: """
            There is no port with this name, or it was closed so long ago that it is forgotten.
            """,
        mend: "Create it with PUT /v1/ports/{port}; a PUT of a port that is there does no harm."
    )

    /// `port.closed`, 410.
    public static let portClosed = ProblemKind(
        code: "port.closed",
        status: 410,
        title: "Port is closed",
        retryable: false,
        meaning: """
            The port was closed. Nothing that was in it comes back, and its leases mean nothing \
            any more.
            """,
        mend: "Stop using it, or make a new port of this name with PUT."
    )

    /// `port.settings_differ`, 409.
    public static let portSettingsDiffer = ProblemKind(
        code: "port.settings_differ",
        status: 409,
        title: "Port has other settings",
        retryable: false,
        meaning: """
            The port is there, and a setting of this PUT differs from what it has. Settings \
            never change in a port's life.
            """,
        mend: "Leave the setting out to take the port as it is, or delete the port first."
    )

    /// `port.not_empty`, 409.
    public static let portNotEmpty = ProblemKind(
        code: "port.not_empty",
        status: 409,
        title: "Port is not empty",
        retryable: true,
        meaning: """
            The port holds entries, or places promised to operations and sessions; closing it \
            would lose them.
            """,
        mend: """
            Fetch and settle what it holds and delete its sessions, or use ?force=true to throw \
            all of it away.
            """
    )

    /// `port.full`, 429.
    public static let portFull = ProblemKind(
        code: "port.full",
        status: 429,
        title: "Port is full",
        retryable: true,
        meaning: """
            The port has no room for that many more entries or bytes. Every accepted operation \
            has its place reserved, so work is refused here rather than lost later.
            """,
        mend: """
            Fetch and settle entries, send smaller batches, or make the port with a larger \
            capacity or capacity_bytes.
            """
    )

    /// `port.batch_too_large`, 422.
    public static let portBatchTooLarge = ProblemKind(
        code: "port.batch_too_large",
        status: 422,
        title: "Batch can never fit",
        retryable: false,
        meaning: """
            The request needs more places or bytes than the port has in all, so it can never be \
            accepted, however empty the port is.
            """,
        mend: "Split the batch, or make the port with a larger capacity or capacity_bytes."
    )

    /// `port.too_many_waiters`, 429.
    public static let portTooManyWaiters = ProblemKind(
        code: "port.too_many_waiters",
        status: 429,
        title: "Too many waiting fetches",
        retryable: true,
        meaning: """
            As many fetches wait on this port as may. The settle that came along had no effect.
            """,
        mend: "Fetch with wait_ms 0, or use fewer workers."
    )

    /// `packet.bytes_differ`, 422.
    public static let packetBytesDiffer = ProblemKind(
        code: "packet.bytes_differ",
        status: 422,
        title: "Packet's bytes and data differ",
        retryable: false,
        meaning: """
            A packet has both bytes and data, and bytes is not the length of the decoded data.
            """,
        mend: "Leave bytes out, or make it the length of the data."
    )

    /// `settle.conflict`, 422.
    public static let settleConflict = ProblemKind(
        code: "settle.conflict",
        status: 422,
        title: "Settle contradicts itself",
        retryable: false,
        meaning: """
            An entry is named twice in one settle, in the same list or in ack and in nack. \
            Nothing of the request took effect, the fetch that it may have come with included.
            """,
        mend: """
            Name each entry once. ack: "all" means all but those in nack.
            """
    )

    /// `consumer.too_many_alerts`, 429.
    public static let consumerTooManyAlerts = ProblemKind(
        code: "consumer.too_many_alerts",
        status: 429,
        title: "Too many alerts kept",
        retryable: true,
        meaning: """
            As many alerts as may are kept for this consumer, or as many consumers of the port \
            have alerts kept.
            """,
        mend: "Let the consumer fetch with alertable: true, which takes its alerts."
    )
}
