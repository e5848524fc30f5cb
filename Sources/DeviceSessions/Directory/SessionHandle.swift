public import EngineBase
public import PortEngine

/// What is sent to a session's worker.
public enum SessionMessage: Sendable {
    case operations([IOOperation])
    case cancel([UInt64]?, reply: @Sendable (CancelAnswer) -> Void)
    case describe(reply: @Sendable ([OperationStatus]) -> Void)
    case credit(UInt64, add: Int, reply: @Sendable (CreditAnswer) -> Void)
    case shutdownOutput
    case close(CloseReason, force: Bool, reply: (@Sendable () -> Void)?)
    case roomMayHaveCome
    /// The file lock that this operation waits for may be taken now.
    case lockGranted(UInt64)
}

/// Whoever runs sessions: it looks at a session's messages soon after it is asked to.
public protocol SessionWorker: AnyObject, Sendable {
    /// The session has messages.
    func attend(to session: SessionHandle)
}

/// A worker that takes new sessions.
public protocol SessionRunner: SessionWorker {
    /// Begins to open a session.
    func start(_ session: SessionHandle, _ opening: any SessionOpening)
}

/// A session as everybody but its worker sees it: where operations are accepted.
///
/// Any thread may call it. What it accepts is kept in its own inbox until the worker comes, so that
/// an accepted operation can never be refused late.
public final class SessionHandle: Sendable {
    private struct Front {
        var snapshot = SessionSnapshot()
        var inbox: [SessionMessage] = []
        var isMarked = false
        var isClosing = false
        var isOutputShut = false
        var pendingOperations = 0
        var pendingBytes = 0
        var standingReads = 0
        var nextOperation: UInt64 = 1
        var events = EventDesk()
        var lock = SessionLock()

        /// How the session stands, with a close that its worker has not seen yet.
        var phase: SessionPhase {
            let published = snapshot.phase
            return isClosing && published.isInUse ? .closing : published
        }
    }

    /// Its id.
    public let id: SessionID
    /// What it was opened with.
    public let configuration: SessionConfiguration
    /// What it can be asked to do.
    public let abilities: SessionAbilities
    /// The port that its entries go to, for life.
    public let port: CompletionPort
    /// When it was accepted.
    public let openedAt: MonotonicInstant
    /// Who wants the `open` entry in a reply, if anybody.
    public let inlineOpen: InlineReply?

    private let worker: any SessionWorker
    private let front: Guarded<Front>

    /// A handle whose session `worker` runs.
    public init(
        id: SessionID, configuration: SessionConfiguration, abilities: SessionAbilities,
        port: CompletionPort, worker: any SessionWorker, inlineOpen: InlineReply?,
        phase: SessionPhase, at now: MonotonicInstant
    ) {
        self.id = id
        self.configuration = configuration
        self.abilities = abilities
        self.port = port
        self.worker = worker
        self.inlineOpen = inlineOpen
        openedAt = now
        var front = Front()
        front.snapshot.phase = phase
        self.front = Guarded(front)
    }

    // MARK: - Submitting

    /// Accepts operations, all or none, in this order.
    ///
    /// - Returns: their ids. Each gives exactly one entry from now on, unless it asked for none.
    /// - Throws: ``SubmitError``; then nothing was accepted and no entry will come.
    public func submit(
        _ requests: [OperationRequest], lockToken: String? = nil, at now: MonotonicInstant
    ) throws(SubmitError) -> [OperationID] {
        // Room comes last: a request that cannot be accepted for another reason must not take any.
        let unable = requests.lazy.compactMap { self.refusal(of: $0.kind) }.first
        if let refusal = front.withLock({ check(requests, unable, lockToken, $0, at: now) }) {
            throw refusal
        }
        var places = 0
        for index in requests.indices { places += requests[index].places }
        do {
            if places > 0 { try port.reserve(places) }
        } catch {
            throw .port(error)
        }
        let outcome: Result<([OperationID], Bool), SubmitError> = front.withLock { front in
            if let refusal = check(requests, unable, lockToken, front, at: now) {
                return .failure(refusal)
            }
            return .success(accept(requests, &front, at: now))
        }
        switch outcome {
        case .failure(let refusal):
            port.release(places)
            throw refusal
        case .success((let ids, let mustTell)):
            if mustTell { worker.attend(to: self) }
            return ids
        }
    }

    private func refusal(of kind: OperationKind) -> SubmitError? {
        abilities.refusal(of: kind, transport: configuration.transport)
    }

    /// `unable`: why the session could never do one of them, if so.
    private func check(
        _ requests: [OperationRequest], _ unable: SubmitError?, _ lockToken: String?,
        _ front: borrowing Front, at now: MonotonicInstant
    ) -> SubmitError? {
        let phase = front.phase
        guard phase.isInUse else { return .notOpen(phase) }
        if let refusal = front.lock.refusal(of: lockToken, at: now) { return refusal }
        if let unable { return unable }
        var standing = front.standingReads
        var bytes = 0
        var (events, number) = (front.events, front.nextOperation)
        // By their kinds alone: a request is large to copy.
        for kind in requests.lazy.map(\.kind) {
            let refusal = events.take(
                kind, number: number, reportable: front.snapshot.reportableEvents)
            if let refusal { return refusal }
            number += 1
            if case .read(let read) = kind {
                if standing > 0 { return .standingReadActive }
                if read.repeats { standing += 1 }
            }
            if kind.isWriting && front.isOutputShut { return .outputShut }
            bytes += kind.payloadBytes
        }
        guard front.pendingOperations + requests.count <= configuration.maxPending else {
            return .tooManyPending(
                limit: configuration.maxPending, current: front.pendingOperations)
        }
        guard bytes == 0 || front.pendingBytes + bytes <= configuration.maxPendingBytes else {
            return .tooManyPendingBytes(
                limit: configuration.maxPendingBytes, current: front.pendingBytes)
        }
        return nil
    }

    private func accept(
        _ requests: [OperationRequest], _ front: inout Front, at now: MonotonicInstant
    ) -> ([OperationID], mustTell: Bool) {
        var accepted: [IOOperation] = []
        accepted.reserveCapacity(requests.count)
        for request in requests {
            _ = front.events.take(
                request.kind, number: front.nextOperation,
                reportable: front.snapshot.reportableEvents)
            accepted.append(
                IOOperation(
                    number: front.nextOperation, kind: request.kind, context: request.context,
                    acceptedAt: now,
                    deadline: request.timeoutMilliseconds.map { now.advanced(milliseconds: $0) },
                    delivery: request.delivery))
            front.nextOperation += 1
            front.pendingOperations += 1
            front.pendingBytes += request.kind.payloadBytes
            if request.kind.isStandingRead { front.standingReads += 1 }
        }
        front.inbox.append(.operations(accepted))
        let mustTell = !front.isMarked
        front.isMarked = true
        return (accepted.map { OperationID(session: id, number: $0.number) }, mustTell)
    }

    // MARK: - Other messages

    /// Sends a message to the worker.
    public func send(_ message: SessionMessage) {
        let mustTell = front.withLock { front in
            front.inbox.append(message)
            defer { front.isMarked = true }
            return !front.isMarked
        }
        if mustTell { worker.attend(to: self) }
    }

    /// Shuts the output once what is queued has been sent; new writes are refused from now on.
    ///
    /// - Throws: `.notOpen`, or `.unsupported` for a session that has no output.
    public func shutdownOutput() throws(SubmitError) {
        let hasOutput = abilities.canShutOutput
        let phase: SessionPhase? = front.withLock { front in
            let phase = front.phase
            guard phase.isInUse else { return phase }
            if hasOutput { front.isOutputShut = true }
            return nil
        }
        if let phase { throw .notOpen(phase) }
        guard hasOutput else {
            throw .unsupported(operation: "shutdown", transport: configuration.transport)
        }
        send(.shutdownOutput)
    }

    /// Closes the session.
    ///
    /// Operations that are not accepted by now are refused.
    ///
    /// `reply`: called once the worker has done what can be done at once.
    public func close(
        _ reason: CloseReason, force: Bool, reply: (@Sendable () -> Void)? = nil
    ) {
        front.withLock { $0.isClosing = true }
        send(.close(reason, force: force, reply: reply))
    }

    /// What a GET shows.
    public var snapshot: SessionSnapshot {
        front.withLock { front in
            var snapshot = front.snapshot
            snapshot.phase = front.phase
            // What is refused from now on is told from now on, before the worker has come to it.
            if front.isOutputShut && snapshot.output == "open" { snapshot.output = "shut" }
            return snapshot
        }
    }

    /// Looks at the lock, or changes it, with how the session stands.
    func withLockState<Value>(_ body: (SessionPhase, inout SessionLock) -> Value) -> Value {
        front.withLock { body($0.phase, &$0.lock) }
    }

    /// How many operations are pending.
    public var pendingOperations: Int { front.withLock { $0.pendingOperations } }

    /// The number of the newest operation that was ever accepted; 0 before the first.
    public var newestOperation: UInt64 { front.withLock { $0.nextOperation - 1 } }

    // MARK: - For its worker

    /// Takes the messages; the next one will mark the session again.
    public func takeMessages() -> [SessionMessage] {
        front.withLock { front in
            front.isMarked = false
            defer { front.inbox = [] }
            return front.inbox
        }
    }

    /// Refuses operations from now on, and gives those that were accepted and not yet taken.
    public func refuseOperations() -> [IOOperation] {
        front.withLock { front in
            front.isClosing = true
            var accepted: [IOOperation] = []
            front.inbox.removeAll { message in
                guard case .operations(let operations) = message else { return false }
                accepted += operations
                return true
            }
            return accepted
        }
    }

    /// Takes writes again, whatever was shut before: the session has lost its client.
    public func renewOutput() {
        front.withLock { $0.isOutputShut = false }
    }

    /// Tells everybody how the session stands and what has ended.
    ///
    /// - Returns: the number of the newest operation that was accepted before that.
    @discardableResult
    public func publish(_ snapshot: SessionSnapshot, ended: EndedOperations) -> UInt64 {
        front.withLock { front in
            front.snapshot = snapshot
            front.pendingOperations -= ended.count
            front.pendingBytes -= ended.bytes
            front.standingReads -= ended.standingReads
            if let wait = ended.wait { front.events.waitEnded(wait) }
            return front.nextOperation - 1
        }
    }
}

extension SessionHandle: RoomWaiter {
    /// The port may have room for a paused read.
    public func roomMayHaveCome() { send(.roomMayHaveCome) }
}

/// Operations that have ended since the last ``SessionHandle/publish(_:ended:)``.
public struct EndedOperations: Sendable {
    /// How many.
    public var count = 0
    /// Their payload.
    public var bytes = 0
    /// How many of them were standing reads.
    public var standingReads = 0
    /// The newest wait for events among them.
    public var wait: UInt64?

    /// None.
    public init() {}

    /// Counts one.
    public mutating func add(_ operation: IOOperation) {
        count += 1
        bytes += operation.kind.payloadBytes
        if operation.kind.isStandingRead { standingReads += 1 }
        if case .waitEvent = operation.kind { wait = max(wait ?? 0, operation.number) }
    }
}
