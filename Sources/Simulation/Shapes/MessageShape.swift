import DeviceSessions
import EngineBase
import PortEngine
import Workers

/// `unix-seqpacket` with its listener, and sessions that reconnect: each message comes whole, in
/// parts if reads are short, once and in order; each write is one message on one connection.
final class MessageShape: SimulatedShape {
    /// Connections with somebody at the far end.
    private var ends: [MessageEnd] = []
    private var listeners: [MessageListener] = []
    /// The connections of a session, in their order; entries are of the first that is not lost.
    private var ofSession: [SessionID: [MessageEnd]] = [:]
    private var clients: [String: MessageEnd] = [:]
    private var byPath: [String: ShapeSession] = [:]
    private var nextClient = 0
    /// How often each operation's message went out, on whatever connection.
    private var sent: [OperationID: Int] = [:]

    private func path(_ number: Int) -> String { "s\(number)" }

    override func opening(_ number: Int) -> ShapeOpening {
        guard !dice.happens(10) else {
            return ShapeOpening("unix-seqpacket-listen:///sim/\(path(number))")
        }
        var opening = ShapeOpening("unix-seqpacket:///sim/\(path(number))")
        if dice.happens(50) {
            opening.reconnect = ReconnectPolicy(
                minDelayMilliseconds: dice.number(in: 1...50),
                maxDelayMilliseconds: dice.number(in: 1...500),
                maxAttempts: dice.happens(50) ? dice.number(in: 1...5) : nil)
        }
        return opening
    }

    override var openFailures: [String] { super.openFailures + ["connection_refused"] }

    override func willOpen(_ session: ShapeSession) { byPath[path(session.number)] = session }

    // MARK: - The world below

    override func device(for request: OpenRequest) throws(Errno) -> (any ScriptedDevice)? {
        switch request {
        case .socket(.sequencedPacket, _, _, _): return MessageEnd(self)
        case .unixListener(.sequencedPacket, let target, _, let backlog):
            guard let session = byPath[target.relative] else { throw .notFound }
            let listener = MessageListener(self, session, backlog: backlog)
            listeners.append(listener)
            return listener
        default: return nil
        }
    }

    /// Connects an end; false is "not yet".
    fileprivate func connect(_ end: MessageEnd, to target: ScriptedTarget) throws(Errno) -> Bool {
        guard case .path(let path) = target, let session = byPath[path.relative] else {
            throw .notFound
        }
        if !run.isQuiet {
            if dice.happens(10) { throw .connectionRefused }
            if dice.happens(10) { throw .again }
        }
        end.session = session
        ends.append(end)
        ofSession[session.id, default: []].append(end)
        return true
    }

    fileprivate func forget(_ end: MessageEnd) { ends.removeAll { $0 === end } }
    fileprivate func forget(_ listener: MessageListener) {
        listeners.removeAll { $0 === listener }
    }

    override func act() {
        if let listener = dice.pick(listeners), dice.happens(15), !run.isQuiet {
            nextClient += 1
            let end = MessageEnd(self)
            let peer = SocketAddress.unix(path: "/client/\(nextClient)")
            if listener.arrive(end, peer) {
                clients[peer.text ?? ""] = end
                ends.append(end)
            }
            return
        }
        guard let end = dice.pick(ends) else { return }
        end.takeOne()
        guard !run.isQuiet else { return }
        switch dice.below(300) {
        case ..<6: end.deviceFinishes()
        case ..<12: end.deviceBreaks()
        case ..<200: end.deviceSends()
        default: break
        }
    }

    override func accepted(_ session: ShapeSession, from peer: String?) {
        guard let end = peer.flatMap({ clients[$0] }) else {
            return run.fail("\(session.id.text): accepted from \(peer ?? "nobody")")
        }
        end.session = session
        ofSession[session.id] = [end]
    }

    // MARK: - Clients

    override func operation(for session: ShapeSession, number: UInt64) -> OperationKind? {
        guard session.handle.configuration.accepted == nil else { return .accept }
        switch dice.below(10) {
        case ..<4: return .write(writtenBytes(of: number, count: dice.number(in: 2...60)))
        case 4 where session.standing == nil:
            return .read(goal(), repeats: true, credit: dice.happens(50) ? dice.below(6) : nil)
        case 5, 6:
            return .transact(
                writtenBytes(of: number, count: dice.number(in: 2...60)), goal(),
                discardsInput: dice.happens(40),
                answerTimeoutMilliseconds: dice.happens(40) ? dice.number(in: 1...100) : nil)
        default: return .read(goal(), repeats: false, credit: nil)
        }
    }

    private func goal() -> ReadGoal {
        .available(limit: dice.happens(60) ? 65_536 : dice.number(in: 1...30))
    }

    // MARK: - Checks

    /// The connection that entries of a session are of.
    private func end(of session: ShapeSession) -> MessageEnd? {
        // Others belong to attempts that were given up just when they had come through.
        let used = (ofSession[session.id] ?? []).filter(\.isUsed)
        return session.losses < used.count ? used[session.losses] : nil
    }

    fileprivate func wasSent(_ bytes: [UInt8], by session: ShapeSession) -> StepResult {
        guard let operation = session.pending.first(where: { $0.kind.payload == bytes }) else {
            run.fail("\(session.id.text): a message that no operation wants sent")
            return .sent(bytes.count)
        }
        let id = OperationID(session: session.id, number: operation.number)
        sent[id, default: 0] += 1
        run.expect(sent[id] == 1, "\(run.words(operation, session)): sent twice")
        return .sent(bytes.count)
    }

    override func mayEnd(
        _ operation: ShapeOperation, with entry: CompletionEntry, in session: ShapeSession
    ) -> Bool {
        // Without a connection, the last one's fate or the last attempt's.
        let end = end(of: session) ?? ofSession[session.id]?.last
        switch entry.status {
        case .truncated: return operation.kind.hasInput
        case .endOfStream: return operation.kind.hasInput && end?.isEndTold == true
        case .failed:
            var codes = [EntryError(.tooManyOpenFiles).code]
            if end?.hasEnded == true { codes += ["broken_pipe", "connection_reset"] }
            // The last attempt of all to come back.
            if session.handle.configuration.reconnect != nil {
                codes += ["connection_refused", "timed_out"]
            }
            return codes.contains(entry.details?.error?.code ?? "-")
        default: return false
        }
    }

    override func check(
        _ entry: CompletionEntry, of operation: ShapeOperation, in session: ShapeSession,
        isLast: Bool
    ) {
        let name = run.words(operation, session)
        if operation.kind.payloadBytes > 0 { checkSent(entry, operation, session, name) }
        guard operation.kind.hasInput else { return }
        guard let end = end(of: session) else {
            return run.expect(entry.data.isEmpty, "\(name): data without a connection")
        }
        run.expect(
            end.inbox.skip(bytes: entry.details?.discarded ?? 0),
            "\(name): discards what is no whole message")
        guard entry.status == .ok || entry.status == .truncated else {
            return run.expect(entry.data.isEmpty, "\(name): \(entry.status) with data")
        }
        let problem = end.inbox.take(entry, keepsRest: true, tellsPeer: false)
        if let problem { run.fail("\(name): \(problem)") }
    }

    private func checkSent(
        _ entry: CompletionEntry, _ operation: ShapeOperation, _ session: ShapeSession,
        _ name: String
    ) {
        let isOut =
            sent[OperationID(session: session.id, number: operation.number)] != nil
        if case .write = operation.kind {
            run.expect(
                (entry.status == .ok) == isOut,
                "\(name): \(entry.status), and \(isOut ? "it was" : "nothing was") sent")
            run.expect(
                entry.bytes == (isOut ? operation.kind.payloadBytes : 0),
                "\(name): says \(entry.bytes) bytes")
        } else {
            run.expect(
                entry.details?.sent ?? 0 == (isOut ? operation.kind.payloadBytes : 0),
                "\(name): says that \(entry.details?.sent ?? 0) bytes were sent")
        }
    }

    override func stateChanged(_ entry: CompletionEntry, of session: ShapeSession) {
        let name = session.id.text
        run.expect(
            session.handle.configuration.reconnect != nil, "\(name): a state, and no reconnect")
        switch entry.details?.extras?.sessionState {
        case .down?:
            run.count("down")
            run.expect(session.losses == session.returns, "\(name): down twice")
            checkLeft(entry, session, name)
            session.losses += 1
        case .up?:
            run.count("up")
            run.expect(session.losses == session.returns + 1, "\(name): up, and never down")
            run.expect(
                entry.details?.extras?.attempts ?? 0 > 0, "\(name): up without an attempt")
            session.returns += 1
        case nil: run.fail("\(name): a state that is none")
        }
    }

    /// What nobody read of a lost connection comes with the entry that tells of the loss.
    private func checkLeft(_ entry: CompletionEntry, _ session: ShapeSession, _ name: String) {
        guard let end = end(of: session) else { return run.fail("\(name): down, never up") }
        run.expect(end.hasEnded, "\(name): down, and the connection is there")
        run.expect(
            end.inbox.bytesLeft == entry.data.count + (entry.details?.discarded ?? 0),
            "\(name): down with \(entry.data.count) bytes and \(entry.details?.discarded ?? 0) "
                + "discarded, of \(end.inbox.bytesLeft)")
    }

    override func closed(_ session: ShapeSession, _ entry: CompletionEntry) {
        let end = end(of: session)
        ofSession[session.id] = nil
        guard let end, !session.hasOpenFailed, entry.status != .failed else { return }
        run.expect(end.isClosed, "\(session.id.text): ended with an open descriptor")
        run.expect(
            entry.details?.discarded ?? 0 == end.inbox.bytesLeft,
            "\(session.id.text): \(entry.details?.discarded ?? 0) bytes are said to be discarded, "
                + "\(end.inbox.bytesLeft) are missing")
    }

    override func complaint(about session: ShapeSession) -> String? {
        guard let end = end(of: session), let head = session.pending.first, head.isRead,
            session.standing == nil, end.inbox.waiting > 0
        else { return nil }
        return "operation \(head.number) does not read what is there"
    }
}

/// A listener for connections of messages.
final class MessageListener: ScriptedDevice {
    private unowned let shape: MessageShape
    private let session: ShapeSession
    private let backlog: Int
    private var waiting: [(device: MessageEnd, peer: SocketAddress)] = []

    init(_ shape: MessageShape, _ session: ShapeSession, backlog: Int) {
        self.shape = shape
        self.session = session
        self.backlog = backlog
    }

    fileprivate func arrive(_ end: MessageEnd, _ peer: SocketAddress) -> Bool {
        guard waiting.count < min(backlog, 4) else { return false }
        waiting.append((end, peer))
        return true
    }

    func perform(_ step: KernelStep) throws(Errno) -> StepResult? {
        if case .control(_, .localAddress) = step {
            return .control(.address(.unix(path: "/sim/s\(session.number)")))
        }
        throw .notSupported
    }

    func isReady(for step: KernelStep) -> Bool { !waiting.isEmpty }

    func nextClient() -> (device: any ScriptedDevice, peer: SocketAddress)? {
        waiting.isEmpty ? nil : waiting.removeFirst()
    }

    func close(reset: Bool) {
        for client in waiting { client.device.close(reset: true) }
        shape.forget(self)
    }
}

/// One connection of messages, as the kernel keeps it.
final class MessageEnd: ScriptedDevice {
    private unowned let shape: MessageShape
    fileprivate weak var session: ShapeSession?
    fileprivate var inbox: PacketLedger
    fileprivate var isClosed = false
    fileprivate var isEndTold = false
    /// Whether anything was ever asked of it.
    fileprivate var isUsed = false
    private var outbound: [Int] = []
    private var untoldError: Errno?
    private var hasFinished = false
    private let room: Int

    init(_ shape: MessageShape) {
        self.shape = shape
        room = shape.dice.number(in: 1...6)
        inbox = PacketLedger(key: shape.dice.bits())
    }

    fileprivate var hasEnded: Bool { hasFinished }
    var hasHungUp: Bool { hasFinished }

    // MARK: The far end

    fileprivate func takeOne() { if !outbound.isEmpty { outbound.removeFirst() } }

    fileprivate func deviceSends() {
        guard !hasFinished, inbox.waiting < room else { return }
        inbox.arrive(size: 1 + shape.dice.below(shape.dice.happens(10) ? 2_000 : 40), from: nil)
    }

    fileprivate func deviceFinishes() {
        hasFinished = true
        outbound = []
    }

    fileprivate func deviceBreaks() {
        guard !hasFinished else { return }
        deviceFinishes()
        untoldError = .connectionReset
    }

    // MARK: The engine's end

    func connect(to target: ScriptedTarget) throws(Errno) -> Bool {
        try shape.connect(self, to: target)
    }

    func perform(_ step: KernelStep) throws(Errno) -> StepResult? {
        isUsed = true
        switch step {
        case .receiveMessage(_, let limit):
            try tellError()
            if let packet = inbox.receive() {
                return .message(
                    Array(packet.bytes.prefix(limit)), fullSize: packet.bytes.count, peer: nil)
            }
            return hasFinished ? .received([]) : nil
        case .sendMessage(_, let bytes, _):
            try tellError()
            guard !hasFinished else { throw .brokenPipe }
            guard outbound.count < room else { return nil }
            guard let session else { throw .notConnected }
            outbound.append(bytes.count)
            return shape.wasSent(bytes, by: session)
        case .poll: return isReadable ? .ready : nil
        case .control(_, .readable): return .control(.number(isReadable ? 1 : 0))
        case .control(_, .unsentBytes): return .control(.number(outbound.reduce(0, +)))
        case .control(_, .unreadBytes): return .control(.number(inbox.waiting))
        case .shutdownOutput: return .done
        default: throw .notSupported
        }
    }

    private var isReadable: Bool { inbox.waiting > 0 || hasFinished || untoldError != nil }

    private func tellError() throws(Errno) {
        guard let error = untoldError else { return }
        untoldError = nil
        throw error
    }

    func isReady(for step: KernelStep) -> Bool {
        switch step {
        case .receiveMessage, .poll: isReadable
        case .sendMessage: hasFinished || outbound.count < room
        default: true
        }
    }

    func told(_ step: KernelStep, _ result: StepResult) {
        shape.run.trace.say { "    \(session?.id.text ?? "-"): \(result.brief)" }
        if case .message = result { inbox.told() }
        if case .received = result { isEndTold = true }
    }

    func close(reset: Bool) {
        isClosed = true
        shape.forget(self)
    }
}
