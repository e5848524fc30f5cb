import DeviceSessions
import EngineBase
import PortEngine
import Workers

/// `udp` and `udp-listen`: each datagram comes whole and once, in the order of arrival, or is
/// counted as dropped; each write is one datagram, or none.
final class DatagramShape: SimulatedShape {
    private var sockets: [DatagramSocket] = []
    private var bySession: [SessionID: DatagramSocket] = [:]
    /// What waits to be opened, by the address that it will connect or bind to.
    private var expected: [SocketAddress: ShapeSession] = [:]

    private func address(_ number: Int) -> SocketAddress {
        .ipv4(0x7F01_0000 + UInt32(number / 60_000), port: UInt16(1 + number % 60_000))
    }

    override func opening(_ number: Int) -> ShapeOpening {
        let scheme = dice.happens(50) ? "udp" : "udp-listen"
        return ShapeOpening("\(scheme)://\(address(number).text ?? "")")
    }

    override func willOpen(_ session: ShapeSession) {
        expected[address(session.number)] = session
    }

    override func device(for request: OpenRequest) throws(Errno) -> (any ScriptedDevice)? {
        guard case .socket(.datagram, _, let bound, _) = request else { return nil }
        let socket = DatagramSocket(self)
        if let bound { try attach(socket, at: bound) }
        return socket
    }

    fileprivate func attach(_ socket: DatagramSocket, at address: SocketAddress) throws(Errno) {
        guard let session = expected[address] else { throw .addressNotAvailable }
        socket.address = address
        socket.session = session
        sockets.append(socket)
        bySession[session.id] = socket
    }

    fileprivate func forget(_ socket: DatagramSocket) { sockets.removeAll { $0 === socket } }

    // MARK: - Devices

    override func act() {
        guard let socket = dice.pick(sockets), !run.isQuiet else { return }
        switch dice.below(20) {
        case ..<17: socket.arrive()
        case 17, 18: socket.untoldError = .connectionRefused
        default: socket.untoldError = .hostUnreachable
        }
    }

    // MARK: - Clients

    override func operation(for session: ShapeSession, number: UInt64) -> OperationKind? {
        let sendsTo = session.handle.abilities.sendsTo
        switch dice.below(10) {
        case ..<4:
            let bytes = writtenBytes(of: number, count: dice.number(in: 2...60))
            return .write(
                WriteRequest(bytes, destination: sendsTo ? destination(of: number) : nil))
        case 4 where session.standing == nil:
            return .read(goal(), repeats: true, credit: dice.happens(50) ? dice.below(6) : nil)
        case 5, 6:
            guard !sendsTo else { return nil }
            return .transact(
                writtenBytes(of: number, count: dice.number(in: 2...60)), goal(),
                discardsInput: dice.happens(40),
                answerTimeoutMilliseconds: dice.happens(40) ? dice.number(in: 1...100) : nil)
        default: return .read(dice.happens(10) ? .readiness : goal(), repeats: false, credit: nil)
        }
    }

    private func goal() -> ReadGoal {
        .available(limit: dice.happens(60) ? 65_536 : dice.number(in: 1...30))
    }

    private func destination(of number: UInt64) -> SocketAddress {
        .ipv4(0x7F02_0000, port: UInt16(1 + number % 60_000))
    }

    // MARK: - Checks

    override func mayEnd(
        _ operation: ShapeOperation, with entry: CompletionEntry, in session: ShapeSession
    ) -> Bool {
        switch entry.status {
        case .truncated: return operation.kind.hasInput
        case .failed:
            let codes = [Errno.connectionRefused, .hostUnreachable].map {
                EntryError(ofDatagram: $0).code
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
        guard let socket = bySession[session.id] else {
            return run.expect(entry.bytes == 0, "\(name): bytes without a socket")
        }
        if operation.kind.payloadBytes > 0 {
            socket.checkSent(entry, operation, name)
        }
        guard operation.kind.hasInput else { return }
        run.expect(
            socket.inbox.skip(bytes: entry.details?.discarded ?? 0),
            "\(name): discards what is no whole datagram")
        guard entry.status == .ok || entry.status == .truncated else {
            return run.expect(entry.data.isEmpty, "\(name): \(entry.status) with data")
        }
        let problem = socket.inbox.take(
            entry, keepsRest: false, tellsPeer: session.handle.abilities.sendsTo)
        if let problem { run.fail("\(name): \(problem)") }
    }

    override func closed(_ session: ShapeSession, _ entry: CompletionEntry) {
        guard let socket = bySession.removeValue(forKey: session.id), !session.hasOpenFailed
        else { return }
        run.expect(socket.isClosed, "\(session.id.text): ended with an open descriptor")
        run.expect(
            entry.details?.discarded ?? 0 == socket.inbox.bytesLeft,
            "\(session.id.text): \(entry.details?.discarded ?? 0) bytes are said to be discarded, "
                + "\(socket.inbox.bytesLeft) are missing")
        run.expect(
            session.handle.snapshot.counters.datagramsDropped ?? 0 <= socket.dropped,
            "\(session.id.text): counts more dropped datagrams than there were")
        if socket.dropped > 0 { run.count("datagrams dropped") }
    }

    override func complaint(about session: ShapeSession) -> String? {
        guard let socket = bySession[session.id] else { return nil }
        let readers = session.pending.filter { $0.isRead && !$0.kind.isStandingRead }
        if let head = readers.first, session.standing == nil, socket.isReadable,
            !session.pending.contains(where: { $0.number < head.number && $0.kind.hasInput })
        {
            return "operation \(head.number) does not read what is there"
        }
        return nil
    }
}

/// A socket of datagrams with the network at its far end.
final class DatagramSocket: ScriptedDevice {
    private unowned let shape: DatagramShape
    fileprivate weak var session: ShapeSession?
    fileprivate var address: SocketAddress?
    fileprivate var untoldError: Errno?
    fileprivate var dropped = 0
    fileprivate var isClosed = false
    fileprivate var inbox: PacketLedger
    /// How often each operation's bytes went out.
    private var sent: [UInt64: Int] = [:]
    private var newestSent: UInt64 = 0
    private let room: Int
    private var peers = 0

    init(_ shape: DatagramShape) {
        self.shape = shape
        room = shape.dice.number(in: 1...8)
        inbox = PacketLedger(key: shape.dice.bits())
    }

    /// A datagram comes; without room for it, it is lost and counted.
    fileprivate func arrive() {
        guard inbox.waiting < room else {
            dropped += 1
            return
        }
        peers += 1
        inbox.arrive(
            size: shape.dice.below(shape.dice.happens(10) ? 2_000 : 40),
            from: .ipv4(0x7F03_0000, port: UInt16(1 + peers % 60_000)))
    }

    fileprivate var isReadable: Bool { inbox.waiting > 0 || untoldError != nil }

    func connect(to target: ScriptedTarget) throws(Errno) -> Bool {
        guard case .address(let address) = target else { throw .notSupported }
        try shape.attach(self, at: address)
        return true
    }

    func perform(_ step: KernelStep) throws(Errno) -> StepResult? {
        switch step {
        case .receiveMessage(_, let limit):
            try tellError()
            guard let packet = inbox.receive() else { return nil }
            return .message(
                Array(packet.bytes.prefix(limit)), fullSize: packet.bytes.count,
                peer: packet.peer, dropped: UInt32(dropped))
        case .sendMessage(_, let bytes, _):
            try tellError()
            return send(bytes)
        case .control(_, .localAddress): return .control(.address(address ?? .unix(path: "")))
        case .control(_, .readable): return .control(.number(isReadable ? 1 : 0))
        case .control(_, .membership): return .done
        case .control: throw .notSupported
        default: return nil
        }
    }

    private func tellError() throws(Errno) {
        guard let error = untoldError else { return }
        untoldError = nil
        throw error
    }

    private func send(_ bytes: [UInt8]) -> StepResult {
        guard let session,
            let operation = session.pending.first(where: { $0.kind.payload == bytes })
        else {
            shape.run.fail("a datagram that no operation wants sent")
            return .sent(bytes.count)
        }
        sent[operation.number, default: 0] += 1
        shape.run.expect(
            sent[operation.number] == 1 && operation.number > newestSent,
            "\(shape.run.words(operation, session)): sent twice, or out of its turn")
        newestSent = operation.number
        return .sent(bytes.count)
    }

    /// What an entry says of its bytes must be what the kernel took.
    fileprivate func checkSent(
        _ entry: CompletionEntry, _ operation: ShapeOperation, _ name: String
    ) {
        let isOut = sent[operation.number] != nil
        if case .write = operation.kind {
            shape.run.expect(
                entry.status == (isOut ? .ok : entry.status) && (entry.status == .ok) == isOut,
                "\(name): \(entry.status), and \(isOut ? "it was" : "nothing was") sent")
            shape.run.expect(
                entry.bytes == (isOut ? operation.kind.payloadBytes : 0),
                "\(name): says \(entry.bytes) bytes")
        } else {
            shape.run.expect(
                entry.details?.sent ?? 0 == (isOut ? operation.kind.payloadBytes : 0),
                "\(name): says that \(entry.details?.sent ?? 0) bytes were sent")
        }
    }

    func isReady(for step: KernelStep) -> Bool {
        if case .receiveMessage = step { return isReadable }
        return true
    }

    func told(_ step: KernelStep, _ result: StepResult) {
        if case .message = result { inbox.told() }
    }

    func close(reset: Bool) {
        isClosed = true
        shape.forget(self)
    }
}
