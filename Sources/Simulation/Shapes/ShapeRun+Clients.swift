import DeviceSessions
import EngineBase
import PortEngine
import Transports
import Workers

/// Clients that open sessions and use them.
extension ShapeRun {
    /// Some client does something.
    func actAsClient() {
        guard !isDraining else { return }
        guard let session = dice.pick(live), dice.happens(94) else {
            if live.count < 12 { openSession() }
            return
        }
        switch dice.below(100) {
        case ..<71: submit(to: session)
        case ..<76: useLock(of: session)
        case ..<90: cancel(in: session)
        case ..<95: giveCredit(in: session)
        default: if dice.happens(40) { close(session) }
        }
    }

    private func openSession() {
        guard let shape else { return }
        nextSession += 1
        let wanted = shape.opening(nextSession)
        let description: TransportDescription
        let plan: SessionPlan
        do {
            var options = TransportOptions()
            options.given = wanted.options
            (description, plan) = try TransportRegistry.plan(wanted.uri, options, policy)
        } catch {
            return fail("\(wanted.uri) was refused: \(error)")
        }
        let places = wanted.reconnect == nil ? 2 : 4
        guard (try? port.reserve(places)) != nil else { return note(.refused, 1) }
        var configuration = SessionConfiguration(
            uri: wanted.uri, transport: description.scheme, key: "k")
        configuration.maxPending = dice.happens(30) ? dice.number(in: 1...6) : 24
        configuration.connectTimeoutMilliseconds = dice.number(in: 1...3_000)
        configuration.lingerMilliseconds = dice.pick([0, 1, 50, 1_000]) ?? 0
        configuration.accepted = plan.accepted
        configuration.readTimers = plan.readTimers
        configuration.framing = wanted.framing
        configuration.reconnect = wanted.reconnect
        let worker = dice.below(loops.count)
        let (inbox, target, now) = (loops[worker].inbox, port, clock.now())
        let abilities = plan.abilities ?? description.abilities
        let handle = sessions.add(isHidden: false) { [configuration] id in
            SessionHandle(
                id: id, configuration: configuration, abilities: abilities, port: target,
                worker: inbox, inlineOpen: nil, phase: .opening, at: now)
        }
        guard let handle else {
            port.release(places)
            return note(.refused, 2)
        }
        let session = ShapeSession(handle: handle, number: nextSession, hasOpen: true)
        add(session)
        shape.willOpen(session)
        note(.open, nextSession)
        inbox.start(handle, wanted.wrap.map { $0(plan.opening) } ?? plan.opening)
    }

    func add(_ session: ShapeSession) {
        live.append(session)
        byID[session.id] = session
    }

    private func submit(to session: ShapeSession) {
        guard let shape, !session.isClosedSeen else { return }
        let size = dice.happens(20) ? dice.number(in: 2...4) : 1
        var requests: [OperationRequest] = []
        for _ in 0..<size {
            let number = session.handle.newestOperation + 1 + UInt64(requests.count)
            guard let kind = shape.operation(for: session, number: number) else { continue }
            var request = OperationRequest(kind: kind)
            if dice.happens(30) { request.timeoutMilliseconds = dice.number(in: 1...400) }
            requests.append(request)
        }
        guard !requests.isEmpty else { return }
        let token = someToken(of: session)
        let mayUse = session.lock.admits(token, at: clock.now())
        do throws(SubmitError) {
            let ids = try session.handle.submit(requests, lockToken: token, at: clock.now())
            expect(mayUse, "\(session.id.text) accepts from somebody else than its holder")
            expect(!session.isCloseRequested, "\(session.id.text) accepts after its close")
            for (request, id) in zip(requests, ids) {
                expect(id.number == session.newest + 1, "operation numbers have a gap")
                session.newest = id.number
                let record = ShapeOperation(
                    number: id.number, request: request, acceptedAt: clock.now(),
                    losses: session.losses)
                session.pending.append(record)
                note(.submit, session.number, Int(id.number))
                count("accepted \(request.kind.name)")
                trace.say { "  \(request.kind.words) by \(request.timeoutMilliseconds ?? -1)" }
                shape.accepted(record, by: session)
            }
        } catch {
            note(.refused, 3)
            checkRefusal(error, session)
            checkLockRefusal(error, token, mayUse, "\(session.id.text): its lock")
        }
    }

    private func checkRefusal(_ error: SubmitError, _ session: ShapeSession) {
        count("refused")
        switch error {
        case .notOpen, .standingReadActive, .waitPending, .tooManyPending, .tooManyPendingBytes,
            .port, .unsupportedMember("wait_event", _, _), .locked, .lockLost:
            break
        case .unsupported, .unsupportedMember, .accessDenied, .outputShut:
            fail("\(session.id.text): \(error)")
        }
    }

    private func cancel(in session: ShapeSession) {
        var numbers: [UInt64]?
        if dice.happens(80) {
            guard let picked = dice.pick(session.pending) else { return }
            numbers = [picked.number]
        }
        note(.cancel, session.number, Int(numbers?.first ?? 0))
        for operation in session.pending where numbers?.contains(operation.number) ?? true {
            operation.isCancelRequested = true
        }
        session.handle.send(.cancel(numbers) { _ in })
    }

    private func giveCredit(in session: ShapeSession) {
        guard let standing = session.standing else { return }
        let amount = dice.number(in: 1...4)
        note(.credit, session.number, amount)
        if let credit = standing.credit { standing.credit = credit + amount }
        session.handle.send(.credit(standing.number, add: amount) { _ in })
    }

    private func close(_ session: ShapeSession) {
        let isForced = dice.happens(30)
        note(.close, session.number, isForced ? 1 : 0)
        shape?.willClose(session)
        session.isCloseRequested = true
        session.isForced = session.isForced || isForced
        session.handle.close(.deleted, force: isForced)
    }
}
