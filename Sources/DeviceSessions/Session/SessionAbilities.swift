/// What a session can be asked to do, so that a request is judged before it is accepted.
public struct SessionAbilities: Hashable, Sendable {
    /// Whether reads and writes say where in the file they begin.
    public enum Offsets: Hashable, Sendable {
        /// There is nothing to begin in.
        case none
        /// Each operation must say it.
        case required
        /// Writes go to the end, and must not say it.
        case appends
    }

    /// The names of its operations.
    public var operations: [String]
    /// Whether bytes come in order, so that `exactly`, `until` and `framing` mean something.
    public var isByteStream: Bool
    /// Whether operations carry an `offset`.
    public var offsets: Offsets
    /// Whether reads may have the timers of a serial line.
    public var hasReadTimers: Bool
    /// Whether writes say where they go.
    public var sendsTo: Bool
    /// Whether `:shutdown` is possible.
    public var canShutOutput: Bool
    /// Whether a read may `repeat`.
    public var hasStandingReads: Bool
    /// The most bytes that a read may ask for, where that is less than the service's own limit.
    public var longestRead: Int?
    /// Operations that the transport has and this session may not do, for want of access.
    public var denied: [String]

    /// Abilities; the defaults are those of a byte stream.
    public init(
        operations: [String], isByteStream: Bool = true, offsets: Offsets = .none,
        hasReadTimers: Bool = false, sendsTo: Bool = false, canShutOutput: Bool = true,
        hasStandingReads: Bool = true, longestRead: Int? = nil, denied: [String] = []
    ) {
        self.operations = operations
        self.isByteStream = isByteStream
        self.offsets = offsets
        self.hasReadTimers = hasReadTimers
        self.sendsTo = sendsTo
        self.canShutOutput = canShutOutput
        self.hasStandingReads = hasStandingReads
        self.longestRead = longestRead
        self.denied = denied
    }

    /// Those of a stream socket.
    public static let stream = SessionAbilities(operations: [
        "read", "write", "transact", "control",
    ])

    /// Those of a serial line.
    public static let line = SessionAbilities(
        operations: ["read", "write", "transact", "control", "wait_event"], hasReadTimers: true,
        canShutOutput: false)

    /// Those of a listener.
    public static let listener = SessionAbilities(operations: ["accept"], canShutOutput: false)

    /// Whether its input can be cut into frames.
    public var hasFrames: Bool { isByteStream && offsets == .none }

    /// Why an operation cannot be accepted, if so.
    public func refusal(of kind: OperationKind, transport: String) -> SubmitError? {
        guard operations.contains(kind.name) else {
            return .unsupported(operation: kind.name, transport: transport)
        }
        if denied.contains(kind.name) { return .accessDenied(operation: kind.name) }
        func member(_ name: String, _ why: String) -> SubmitError {
            .unsupportedMember(operation: kind.name, member: name, why: why)
        }
        switch kind {
        case .read(let read):
            if let refusal = goalRefusal(read.goal, transport, member) { return refusal }
            if read.timers != nil && !hasReadTimers {
                return member("interval_ms", "only serial lines have read timers")
            }
            if read.repeats && !hasStandingReads {
                return member("repeat", "a read of a \(transport) session ends with one entry")
            }
            return offsetRefusal(read.offset, member)
        case .write(let write):
            if write.destination != nil && !sendsTo {
                return member("to", "a \(transport) session has one peer")
            }
            if write.destination == nil && sendsTo {
                return member("to", "each write of a \(transport) session says where it goes")
            }
            return offsetRefusal(write.offset, member)
        case .transact(let transact):
            if let refusal = goalRefusal(transact.goal, transport, member) { return refusal }
            if transact.timers != nil && !hasReadTimers {
                return member("interval_ms", "only serial lines have read timers")
            }
            return nil
        case .lock(let lock):
            // The kernel asks as much: an exclusive lock of those who write, a shared one of
            // those who read.
            let needed = lock.isExclusive ? "write" : "read"
            let wording = lock.isExclusive ? "an exclusive lock" : "a shared lock"
            return denied.contains(needed) ? .accessDenied(operation: wording) : nil
        case .accept, .control, .unlock, .waitEvent, .disconnect:
            return nil
        }
    }

    private func goalRefusal(
        _ goal: ReadGoal, _ transport: String, _ refusal: (String, String) -> SubmitError
    ) -> SubmitError? {
        if let longestRead, goal.byteLimit > longestRead {
            return refusal("max_bytes", "a message has at most \(longestRead) bytes")
        }
        guard let name = goal.streamMember else { return nil }
        if !isByteStream { return refusal(name, "a \(transport) session is no byte stream") }
        if case .frame = goal, !hasFrames {
            return refusal(name, "a \(transport) session has no frames")
        }
        return nil
    }

    private func offsetRefusal(
        _ offset: UInt64?, _ refusal: (String, String) -> SubmitError
    ) -> SubmitError? {
        switch offsets {
        case .none:
            return offset == nil ? nil : refusal("offset", "only files have offsets")
        case .required:
            return offset == nil ? refusal("offset", "a file operation says where it begins") : nil
        case .appends:
            return offset == nil ? nil : refusal("offset", "an appending file has none")
        }
    }
}

/// What the accepts of a listener bring.
public struct AcceptedKind: Sendable {
    /// The transport that the new sessions are shown with.
    public let transport: String
    /// What they are used as.
    public let shape: SessionShape
    /// What they can be asked to do.
    public let abilities: SessionAbilities

    /// Sessions of this kind.
    public init(transport: String, shape: SessionShape, abilities: SessionAbilities) {
        self.transport = transport
        self.shape = shape
        self.abilities = abilities
    }
}
