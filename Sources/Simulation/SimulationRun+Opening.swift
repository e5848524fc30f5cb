import DeviceSessions
import EngineBase
import PortEngine
import Transports
import Workers

/// Clients that open ports and sessions.
extension SimulationRun {
    func openPort() {
        nextPort += 1
        guard let name = PortName("port-\(nextPort % 5)") else { return }
        var settings = PortSettings()
        settings.concurrencyLimit = dice.happens(30) ? dice.number(in: 1...3) : nil
        settings.capacity = dice.happens(50) ? dice.number(in: 4...40) : 2_000
        settings.capacityBytes = dice.happens(50) ? dice.number(in: 1...600) : 1 << 20
        settings.leaseMilliseconds = dice.number(in: 20...5_000)
        settings.maxDeliveries = dice.happens(30) ? dice.number(in: 1...3) : 0
        guard let made = try? directory.create(name, settings: settings, agrees: { _ in false })
        else { return }
        ports.append(PortRecord(index: nextPort, port: made.port))
        note(.portOpened, nextPort, settings.capacity, settings.capacityBytes)
    }

    /// Closes a port by force, as a client may at any time, and makes another one.
    func closeSomePort() {
        guard let record = dice.pick(ports) else { return }
        note(.portClosed, record.index)
        count("port closed")
        let counts = record.port.status().counts
        do {
            let (port, discarded) = try directory.close(record.port.name, force: true)
            expect(
                discarded == counts.entries + counts.reserved,
                "a closed port names \(discarded) as discarded")
            record.isClosed = true
            for handle in sessions.all().sorted(by: { $0.id < $1.id }) where handle.port === port {
                let isForced = dice.happens(50)
                handle.close(.portClosed, force: isForced)
                if let session = byID[handle.id] {
                    requestClose(session, .portClosed, isForced)
                } else {
                    closedUnseen[handle.id] = isForced
                }
            }
        } catch {
            fail("a port could not be closed: \(error)")
        }
        ports.removeAll { $0 === record }
        openPort()
    }

    // MARK: - Sessions

    func openSession() {
        guard let port = dice.pick(ports) else { return }
        nextTarget += 1
        let isListener = dice.happens(20)
        let isUnix = dice.happens(30)
        let isName = !isUnix && dice.happens(30)
        let number = nextTarget
        let address = SocketAddress.ipv4(
            0x7F01_0000 + UInt32(number / 60_000), port: UInt16(1 + number % 60_000))
        let uri =
            isUnix
            ? "unix\(isListener ? "-listen" : ""):///sim/s\(number)"
            : "tcp\(isListener ? "-listen" : "")://"
                + (isName ? "name\(number).lab:\(1 + number % 60_000)" : address.text ?? "")
        let plan: SessionPlan
        do {
            plan = try TransportRegistry.plan(uri, TransportOptions(), policy).1
        } catch {
            return fail("\(uri) was refused: \(error)")
        }
        do throws(PortError) {
            try port.port.reserve(2)
        } catch {
            note(.refused, 1)
            return
        }
        var inlineOpen: ReplyRecord?
        var reply: InlineReply?
        if dice.happens(20) {
            let record = addReply(port: port, session: nil)
            record.places = 1
            inlineOpen = record
            reply = inlineReply(for: record, count: 1)
        }
        let worker = dice.below(loops.count)
        let handle = addHandle(
            uri: uri, port: port, worker: worker, inlineOpen: reply, isListener: isListener)
        guard let handle else {
            port.port.release(2)
            if let inlineOpen { replies[inlineOpen.id] = nil }
            note(.refused, 2)
            return
        }
        let session = SessionRecord(
            handle: handle, port: port, isListener: isListener, hasOpen: true)
        port.reserved += 2
        inlineOpen?.failedOpen = session
        add(session)
        addTargets(for: session, number: number, isUnix: isUnix, isName: isName, address: address)
        note(.open, number, isListener ? 1 : 0, inlineOpen == nil ? 0 : 1)
        loops[worker].inbox.start(handle, plan.opening)
    }

    func add(_ session: SessionRecord) {
        live.append(session)
        byID[session.id] = session
        if let isForced = closedUnseen.removeValue(forKey: session.id) {
            requestClose(session, .portClosed, isForced)
        }
    }

    private func addHandle(
        uri: String, port: PortRecord, worker: Int, inlineOpen: InlineReply?, isListener: Bool
    ) -> SessionHandle? {
        var configuration = SessionConfiguration(
            uri: uri, transport: String(uri.prefix { $0 != ":" }), key: "k")
        configuration.maxPending = dice.happens(30) ? dice.number(in: 1...6) : 24
        configuration.maxPendingBytes = dice.happens(30) ? dice.number(in: 1...3_000) : 1 << 20
        configuration.idleTimeoutMilliseconds = dice.happens(15) ? dice.number(in: 1...3_000) : 0
        configuration.connectTimeoutMilliseconds = dice.number(in: 1...3_000)
        configuration.lingerMilliseconds = dice.pick([0, 1, 50, 1_000]) ?? 0
        if isListener {
            configuration.accepted = AcceptedKind(
                transport: configuration.transport.replacing("-listen", with: ""), shape: .stream,
                abilities: .stream)
        }
        let inbox = loops[worker].inbox
        let target = port.port
        let now = clock.now()
        return sessions.add(isHidden: inlineOpen != nil) { [configuration] id in
            SessionHandle(
                id: id, configuration: configuration,
                abilities: isListener ? .listener : .stream,
                port: target, worker: inbox, inlineOpen: inlineOpen, phase: .opening, at: now)
        }
    }

    private func addTargets(
        for session: SessionRecord, number: Int, isUnix: Bool, isName: Bool,
        address: SocketAddress
    ) {
        if isUnix {
            let path = "s\(number)"
            let target = NetworkTargetRecord(
                session: session, address: "/sim/" + path, behaviour: behaviour(isUnix: true),
                patience: dice.below(3))
            if !dice.happens(5) {
                targets[.path(PathTarget(directory: "/sim", relative: path))] = target
            }
            return
        }
        guard case .ipv4(let base, let port) = address else { return }
        let count = isName ? dice.below(4) : 1
        var addresses: [SocketAddress] = []
        for index in 0..<count {
            let candidate = SocketAddress.ipv4(base + UInt32(index << 8), port: port)
            addresses.append(candidate)
            targets[.address(candidate)] = NetworkTargetRecord(
                session: session, address: candidate.text ?? "",
                behaviour: behaviour(isUnix: false),
                patience: dice.below(5))
        }
        if isName && !dice.happens(10) { names["name\(number).lab"] = addresses }
    }

    private func behaviour(isUnix: Bool) -> NetworkTargetRecord.Behaviour {
        switch dice.below(20) {
        case 0: .refuses
        case 1: .timesOut
        case 2: .never
        case 3 where isUnix: .isFullForAWhile(dice.below(4))
        default: .connects
        }
    }

    // MARK: - Replies

    func addReply(port: PortRecord, session: SessionRecord?) -> ReplyRecord {
        nextReply += 1
        let record = ReplyRecord(id: nextReply, port: port, session: session)
        replies[nextReply] = record
        return record
    }

    func inlineReply(for record: ReplyRecord, count: Int) -> InlineReply {
        let mailbox = self.mailbox
        let id = record.id
        return InlineReply(port: record.port.port, count: count) { reply, entries in
            mailbox.leave(.replied(reply, id: id, entries))
        }
    }
}
