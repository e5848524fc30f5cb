import DeviceSessions
import EngineBase
import PortEngine
import Testing

/// One session without a worker: it is told what a test wants it told, its steps are answered as
/// the test says, and what it tells is kept as short lines.
final class SessionBench {
    /// A step that the session has started and the test has not answered.
    struct OpenStep {
        let number: UInt64
        let step: KernelStep
        var isCancelled = false
    }

    private(set) var session: DeviceSession
    private(set) var now = MonotonicInstant(nanoseconds: 1_000_000_000)
    let surroundings: FakeSurroundings
    /// Steps that are out, oldest first.
    private(set) var steps: [OpenStep] = []
    private(set) var timers: [(timer: SessionTimer, at: MonotonicInstant)] = []
    /// Everything told so far; ``told()`` gives what is new.
    private(set) var log: [String] = []
    /// Payload of all entries so far, in order.
    private(set) var delivered: [UInt8] = []
    /// The last entries of operations, by operation.
    private(set) var lastEntries: [UInt64: CompletionEntry] = [:]
    /// Accepts that brought a session.
    private(set) var spawned: Set<UInt64> = []
    private(set) var hangupsWatched = 0
    private(set) var placesReleased = 0
    /// Locks of files that came to the head of their lines, for whoever asked for them.
    var grants: [LockGrant] = []
    private(set) var openEntries = 0
    /// The `session_closed` entry, once it has come.
    private(set) var closedEntry: CompletionEntry?
    private(set) var hasEnded = false
    private var read = 0
    private var nextOperation: UInt64 = 1

    static let slot = DescriptorSlot(index: 7, generation: 1)
    static let id = SessionID(42)

    /// A stream that is open.
    init(_ configuration: SessionConfiguration = .bench()) {
        surroundings = FakeSurroundings()
        session = DeviceSession(
            id: SessionBench.id, configuration: configuration, accepted: SessionBench.slot,
            peer: "127.0.0.1:9", at: now)
    }

    /// A session whose opening waits for one step; ``opens(_:)`` lets it succeed.
    convenience init(
        opening shape: SessionShape, _ configuration: SessionConfiguration = .bench(),
        peer: String? = "127.0.0.1:9", id: SessionID = SessionBench.id,
        fileLocks: FileLockTable = FileLockTable()
    ) {
        self.init(
            FakeOpening(shape: shape, peer: peer), configuration, id: id, fileLocks: fileLocks)
    }

    private init(
        _ opening: FakeOpening, _ configuration: SessionConfiguration,
        id: SessionID = SessionBench.id, fileLocks: FileLockTable = FileLockTable()
    ) {
        surroundings = FakeSurroundings(fileLocks: fileLocks)
        session = DeviceSession(id: id, configuration: configuration, opening: opening, at: now)
        event { $0.start(at: $1, $2, &$3) }
    }

    /// A stream that is open, and whose bytes go through a filter.
    static func filtered(
        _ configuration: SessionConfiguration = .bench(), early: UnsealedInput = UnsealedInput(),
        _ filter: any StreamFilter = BracketFilter()
    ) -> SessionBench {
        let bench = SessionBench(
            FakeOpening(shape: .stream, filter: filter, early: early), configuration)
        bench.opens()
        #expect(bench.told() == ["open ok"])
        return bench
    }

    /// A listener that is open.
    static func listener(_ configuration: SessionConfiguration = .bench()) -> SessionBench {
        let bench = SessionBench(opening: .listener, configuration)
        bench.opens()
        _ = bench.told()
        return bench
    }

    /// A serial line that is open, and can report these events.
    static func line(
        reports: LineEvents = .always, timers: ReadTimers? = nil,
        _ configuration: SessionConfiguration = .bench()
    ) -> SessionBench {
        var configuration = configuration
        configuration.readTimers = timers
        let bench = SessionBench(opening: .terminal(reports: reports), configuration)
        bench.opens()
        _ = bench.told()
        return bench
    }

    // MARK: - Events

    func event(
        _ body: (
            inout DeviceSession, MonotonicInstant, FakeSurroundings, inout SessionEffects
        ) -> Void
    ) {
        var effects = SessionEffects()
        body(&session, now, surroundings, &effects)
        while let effect = effects.popFirst() { take(effect) }
    }

    /// Begins, as its worker does with a session that was opened.
    func start() { event { $0.start(at: $1, $2, &$3) } }

    /// Submits operations in one batch; gives their numbers.
    @discardableResult
    func submit(
        _ kinds: OperationKind..., timeout: Int? = nil, delivery: OperationDelivery = .port
    ) -> [UInt64] {
        submit(kinds, timeout: timeout, delivery: delivery)
    }

    /// Submits operations in one batch; gives their numbers.
    @discardableResult
    func submit(
        _ kinds: [OperationKind], timeout: Int? = nil, delivery: OperationDelivery = .port
    ) -> [UInt64] {
        let operations = kinds.map { kind in
            defer { nextOperation += 1 }
            return IOOperation(
                number: nextOperation, kind: kind, context: nil,
                deadline: timeout.map { now.advanced(milliseconds: $0) }, delivery: delivery)
        }
        event { $0.submit(operations, at: $1, $2, &$3) }
        return operations.map(\.number)
    }

    @discardableResult
    func cancel(_ numbers: UInt64...) -> CancelAnswer {
        var answer = CancelAnswer()
        event { answer = $0.cancel(numbers.isEmpty ? nil : numbers, at: $1, $2, &$3) }
        return answer
    }

    func close(_ reason: CloseReason = .deleted, force: Bool = false) {
        event { $0.close(reason, force: force, at: $1, &$3) }
    }

    /// The driver tells that the peer is gone.
    func hangsUp() { event { $0.hungUp(at: $1, &$3) } }

    func shutdown() { event { $0.shutdownOutput(at: $1, $2, &$3) } }

    @discardableResult
    func credit(_ amount: Int, to number: UInt64) -> CreditAnswer {
        var credit = CreditAnswer.ended
        event { credit = $0.addCredit(amount, to: number, at: $1, $2, &$3) }
        return credit
    }

    /// Tells the session, as its worker does, which writes were accepted before a tear was known.
    ///
    /// - Returns: whether half a write had gone out.
    func tellTear(upTo number: UInt64) -> Bool {
        guard session.takeTear() else { return false }
        session.writesAreTorn(upTo: number)
        return true
    }

    /// Tells the session that its port has room.
    func room() { event { $0.roomMayHaveCome(at: $1, $2, &$3) } }

    /// Tells the session that a lock of a file may be taken now.
    func lockGranted(_ number: UInt64) { event { $0.lockGranted(number, at: $1, $2, &$3) } }

    /// Lets time pass, and every timer fire that is due, in order.
    func pass(_ milliseconds: Int) {
        let end = now.advanced(milliseconds: milliseconds)
        for _ in 0..<100_000 {
            let due = timers.indices.min { timers[$0].at < timers[$1].at }
            guard let due, timers[due].at <= end else { break }
            let (timer, at) = timers.remove(at: due)
            now = max(now, at)
            guard session.expects(timer) else { continue }
            event { $0.timerFired(timer, at: $1, $2, &$3) }
        }
        now = end
    }

    // MARK: - Answers to steps

    /// Answers the oldest step of that name.
    func answer(
        _ name: String, _ result: StepResult, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        guard let index = steps.firstIndex(where: { $0.step.name == name }) else {
            Issue.record(
                "no \(name) is out, but \(stepNames)", sourceLocation: sourceLocation)
            return
        }
        let step = steps.remove(at: index)
        event { $0.stepDone(step.number, result, at: $1, $2, &$3) }
    }

    /// The pending receive brings these bytes.
    func arrives(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) {
        answer("receive", .received(Array(text.utf8)), sourceLocation: sourceLocation)
    }

    /// The pending receive meets the end of the stream.
    func ends(sourceLocation: SourceLocation = #_sourceLocation) {
        answer("receive", .received([]), sourceLocation: sourceLocation)
    }

    /// The kernel takes so many bytes of the pending send, or all.
    func takes(_ count: Int? = nil, sourceLocation: SourceLocation = #_sourceLocation) {
        guard
            case .send(_, let bytes, let from)? = steps.first(where: { $0.step.name == "send" })?
                .step
        else {
            Issue.record("no send is out, but \(stepNames)", sourceLocation: sourceLocation)
            return
        }
        answer("send", .sent(count ?? bytes.count - from), sourceLocation: sourceLocation)
    }

    /// The opening's step is done.
    func opens(sourceLocation: SourceLocation = #_sourceLocation) {
        answer("poll", .opened(SessionBench.slot), sourceLocation: sourceLocation)
    }

    /// A client has connected.
    func connects(sourceLocation: SourceLocation = #_sourceLocation) {
        answer(
            "accept",
            .accepted(
                DescriptorSlot(index: 9, generation: 1), peer: .ipv4(0x7F00_0001, port: 50_000)),
            sourceLocation: sourceLocation)
    }

    /// Lets every step that was cancelled end so, and the descriptor close.
    func settle() {
        for _ in 0..<100 {
            if let step = steps.first(where: { $0.isCancelled }) {
                answer(step.step.name, .failed(.cancelled))
            } else if has("shutdown") {
                answer("shutdown", .done)
            } else if has("unsent") {
                answer("unsent", .control(.number(0)))
            } else if has("unread") {
                answer("unread", .control(.number(0)))
            } else if has("close") {
                answer("close", .done)
            } else {
                return
            }
        }
    }

    // MARK: - Looks

    /// What was told since the last look.
    func told() -> [String] {
        defer { read = log.count }
        return Array(log[read...])
    }

    var stepNames: [String] { steps.map { $0.step.name + ($0.isCancelled ? " cancelled" : "") } }

    func has(_ name: String) -> Bool { steps.contains { $0.step.name == name } }

    /// What the pending send would send.
    var sending: String? {
        for step in steps {
            if case .send(_, let bytes, let from) = step.step {
                return String(decoding: bytes[from...], as: UTF8.self)
            }
        }
        return nil
    }

    var pending: [String] {
        session.pendingOperations().map { status in
            "\(status.name)#\(status.number) \(status.state.rawValue)"
                + (status.pausedBy.map { " by \($0)" } ?? "")
        }
    }

    // MARK: - Effects

    private func take(_ effect: SessionEffect) {
        #expect(!hasEnded, "\(effect) after the end")
        switch effect {
        case .submit(let number, let step):
            checkAlone(step)
            steps.append(OpenStep(number: number, step: step))
        case .cancelStep(let number):
            guard let index = steps.firstIndex(where: { $0.number == number }) else {
                Issue.record("cancelled a step that is not out")
                return
            }
            steps[index].isCancelled = true
        case .disarm:
            break
        case .arm(let timer, let moment):
            timers.append((timer, moment))
        case .complete(let operation, let entry):
            #expect(entry.details?.operation?.hasSuffix("_\(operation.number)") == true)
            let isNews = lastEntries[operation.number] == nil && !spawned.contains(operation.number)
            #expect(isNews, "#\(operation.number) ended twice")
            lastEntries[operation.number] = entry
            note(entry, operation.number)
        case .standingEntry(let entry):
            surroundings.placesUsed += 1
            let id = entry.details?.operation.flatMap { OperationID($0) }
            #expect(id.map { lastEntries[$0.number] == nil } ?? false, "data after the last entry")
            note(entry, id?.number)
        case .sessionState(let entry):
            surroundings.placesUsed += 1
            note(entry, nil)
        case .watchHangup:
            hangupsWatched += 1
        case .opened(let entry):
            openEntries += 1
            #expect(openEntries == 1, "opened twice")
            note(entry, nil)
        case .sessionClosed(let entry):
            #expect(closedEntry == nil, "session_closed twice")
            closedEntry = entry
            note(entry, nil)
        case .finishedSilently(let operation):
            log.append("\(operation.kind.name)#\(operation.number) silently")
        case .spawn(let operation, _, let peer):
            #expect(lastEntries[operation.number] == nil, "#\(operation.number) ended twice")
            #expect(spawned.insert(operation.number).inserted, "#\(operation.number) ended twice")
            log.append("accept#\(operation.number) brings \(peer.text ?? "?")")
        case .askListener:
            log.append("asks its listener")
        case .withdrawFromListener:
            log.append("withdraws from its listener")
        case .giveClient(let guest, _, let peer):
            log.append("gives \(peer.text ?? "?") to \(guest)")
        case .refuseClient(let guest, let error):
            log.append("refuses \(guest) \(error.code)")
        case .outputRenewed:
            log.append("output renewed")
        case .releasePlaces(let places):
            placesReleased += places
            log.append("release \(places)")
        case .awaitRoom:
            log.append("await room")
        case .tellGrants(let granted):
            grants += granted
        case .ended:
            hasEnded = true
            #expect(steps.isEmpty, "ended with steps out: \(stepNames)")
            #expect(session.pendingOperations().isEmpty, "ended with operations pending")
        }
    }

    /// At most one step of a kind, and nothing out on a descriptor that is closed.
    private func checkAlone(_ step: KernelStep) {
        #expect(!has(step.name), "a second \(step.name)")
        if step.name == "close" {
            #expect(steps.isEmpty, "closed with steps out: \(stepNames)")
        }
    }

    private func note(_ entry: CompletionEntry, _ number: UInt64?) {
        #expect(closedEntry == nil || entry.kind == .sessionClosed, "an entry after the last one")
        delivered += entry.data
        var line = entry.kind.rawValue + (number.map { "#\($0)" } ?? "")
        line += " " + entry.status.rawValue
        if let error = entry.details?.error { line += "(\(error.code))" }
        if number != nil { line += " \(entry.bytes)" }
        if !entry.data.isEmpty {
            #expect(entry.data.count == entry.bytes)
            line += " '\(String(decoding: entry.data, as: UTF8.self))'"
        }
        if let sent = entry.details?.sent { line += " sent \(sent)" }
        if let discarded = entry.details?.discarded { line += " discarded \(discarded)" }
        if let events = entry.details?.extras?.events {
            line += " [\(events.joined(separator: " "))]"
        }
        if let size = entry.details?.extras?.messageBytes { line += " of \(size)" }
        if entry.kind == .read, let peer = entry.details?.peer { line += " from \(peer)" }
        if let isLast = entry.details?.isLast { line += isLast ? " last" : " more" }
        if let state = entry.details?.extras?.sessionState { line += " " + state.rawValue }
        if let attempts = entry.details?.extras?.attempts { line += " attempts \(attempts)" }
        if let skipped = entry.details?.extras?.skipped { line += " skipped \(skipped)" }
        log.append(line)
    }
}

extension SessionConfiguration {
    static func bench(idle: Int = 0, connect: Int = 5_000, linger: Int = 1_000) -> Self {
        SessionConfiguration(
            uri: "tcp://127.0.0.1:9", transport: "tcp", key: "k", idleTimeoutMilliseconds: idle,
            connectTimeoutMilliseconds: connect, lingerMilliseconds: linger)
    }
}
