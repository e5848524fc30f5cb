import DeviceSessions
import EngineBase
import Workers

/// Where a session connects to, and what comes of it.
final class NetworkTargetRecord {
    enum Behaviour {
        case connects, refuses, timesOut, never, isFullForAWhile(Int)
    }

    let session: SessionRecord?
    let address: String
    var behaviour: Behaviour
    /// How often a connect has to ask before it is answered.
    var patience: Int

    init(session: SessionRecord?, address: String, behaviour: Behaviour, patience: Int) {
        self.session = session
        self.address = address
        self.behaviour = behaviour
        self.patience = patience
    }
}

extension SimulationRun: ScriptedNetwork {
    func driverWasCalled() { interleave() }

    func resolve(_ host: String, port: UInt16) -> StepResult {
        guard let addresses = names[host] else { return .unresolved("no such name") }
        return .addresses(addresses)
    }

    func find(_ target: PathTarget) throws(Errno) {
        if targets[.path(target)] == nil { throw .notFound }
    }

    func listen(_ request: OpenRequest) throws(Errno) -> ScriptedListener {
        let address: SocketAddress
        let record: NetworkTargetRecord?
        var most = 1
        switch request {
        case .listener(let asked, let backlog):
            record = targets[.address(asked)]
            address = asked
            most = backlog
        case .unixListener(_, let target, _, let backlog):
            record = targets[.path(target)]
            address = .unix(path: "/sim/" + target.relative)
            most = backlog
        default: throw .invalidArgument
        }
        guard let record, let session = record.session, case .connects = record.behaviour else {
            throw .addressInUse
        }
        let listener = ScriptedListener(address: address, backlog: most)
        session.listener = listener
        listeners.append((listener, session))
        return listener
    }

    func connect(to target: ScriptedTarget) throws(Errno) -> ScriptedConnection? {
        guard let record = targets[target] else { throw .connectionRefused }
        if record.patience > 0 {
            record.patience -= 1
            return nil
        }
        switch record.behaviour {
        case .connects:
            let made = addConnection(address: record.address, session: record.session)
            note(.connect, made.index)
            return made.connection
        case .refuses: throw .connectionRefused
        case .timesOut: throw .timedOut
        case .never: return nil
        case .isFullForAWhile(let times):
            record.behaviour = times > 0 ? .isFullForAWhile(times - 1) : .connects
            throw .again
        }
    }

    /// A connection with a device at its end.
    func addConnection(address: String, session: SessionRecord?) -> ConnectionRecord {
        nextConnection += 1
        let manner = DeviceManner.random(dice)
        let record = ConnectionRecord(
            index: nextConnection,
            connection: ScriptedConnection(
                inboundCapacity: manner.inboundCapacity,
                outboundCapacity: manner.outboundCapacity),
            manner: manner, address: address)
        record.session = session
        connections.append(record)
        connectionOf[ObjectIdentifier(record.connection)] = record
        connectionAt[address] = record
        return record
    }

    /// A client comes to a listener.
    func letClientArrive(at listener: ScriptedListener) {
        let port = nextConnection + 1
        let address: SocketAddress
        if case .unix = listener.address {
            address = .unix(path: "/client/\(port)")
        } else {
            address = .ipv4(0x7F00_0001 + UInt32(port / 65_536), port: UInt16(port % 65_536))
        }
        let record = addConnection(address: address.text ?? "", session: nil)
        let hasArrived = listener.arrive(record.connection, from: address)
        if !hasArrived { record.connection.close(reset: true) }
        note(.arrive, record.index, hasArrived ? 1 : 0)
    }

    func sendBegins(from start: Int, on connection: ScriptedConnection) {
        guard let record = connectionOf[ObjectIdentifier(connection)], start == 0 else { return }
        // What has arrived by now is the standing read's, what comes later a transact's answer.
        record.answersFrom = record.session?.standing.map { ($0.number, record.ledger.told) }
    }

    func sent(
        _ bytes: [UInt8], from start: Int, count: Int, on connection: ScriptedConnection
    ) {
        guard let record = connectionOf[ObjectIdentifier(connection)], let session = record.session
        else {
            return fail("bytes were sent on a connection that no session has")
        }
        note(.sent, record.index, start, count)
        checkSent(bytes, from: start, count: count, session)
        if start == 0, let sender = session.sender, sender.isTransact,
            let (standing, told) = record.answersFrom, standing < sender.number
        {
            sender.answerStart = told
        }
    }

    func toldSent(
        _ count: Int, upTo end: Int, of total: Int, on connection: ScriptedConnection
    ) {
        guard let record = connectionOf[ObjectIdentifier(connection)],
            let session = record.session, let sender = session.sender
        else { return }
        note(.toldSent, record.index, end, total)
        sender.toldSent = end
        guard end == total else { return }
        sender.sentAllAt = turnBegan
    }

    func toldReceived(_ count: Int, on connection: ScriptedConnection) {
        guard let record = connectionOf[ObjectIdentifier(connection)] else { return }
        note(.toldReceived, record.index, count)
        record.ledger.told += count
        expect(!record.isEndTold, "connection \(record.index): bytes were received after the end")
    }

    func toldEnd(_ error: Errno?, on connection: ScriptedConnection) {
        guard let record = connectionOf[ObjectIdentifier(connection)] else { return }
        note(.toldEnd, record.index, Int(error?.rawValue ?? 0))
        switch error {
        case nil:
            record.isEndTold = true
            record.wasEndFirst = record.fatal == nil
        case .brokenPipe?: record.hasBrokenPipe = true
        case let error?: record.fatal = record.fatal ?? error
        }
    }

    func willClose(_ connection: ScriptedConnection, reset: Bool) {
        guard let record = connectionOf[ObjectIdentifier(connection)] else { return }
        note(.closing, record.index, reset ? 1 : 0)
        expect(!record.isClosed, "connection \(record.index) was closed twice")
        record.isClosed = true
        guard let session = record.session, session.connection === record else { return }
        checkClose(of: record, session, reset: reset)
    }

    func contractBroken(_ words: String) { fail("driver contract: \(words)") }
}
