import DeviceSessions
import EngineBase
import PortEngine
import Workers

/// Clients that use sessions.
extension SimulationRun {
    /// Some client does something.
    func actAsClient() {
        guard !isDraining, let session = dice.pick(live), session.isKnown, dice.happens(93)
        else {
            return openOrClosePort()
        }
        switch dice.below(100) {
        case ..<70: submit(to: session)
        case ..<82: cancel(in: session)
        case ..<86: giveCredit(in: session)
        case ..<88: shutdownOutput(of: session)
        case ..<92: close(session)
        case ..<94: describe(session)
        default: openOrClosePort()
        }
    }

    private func openOrClosePort() {
        guard !isDraining else { return }
        switch dice.below(400) {
        case 0: closeSomePort()
        case ..<30: post()
        default: if live.count < sessionLimit + 3 { openSession() }
        }
    }

    // MARK: - Submitting

    private func submit(to session: SessionRecord) {
        guard !session.isClosedSeen else { return }
        let count = dice.happens(20) ? dice.number(in: 2...5) : 1
        let deliverInline = dice.happens(15)
        var reply: ReplyRecord?
        var target: InlineReply?
        if deliverInline {
            let record = addReply(port: session.port, session: session)
            reply = record
            target = inlineReply(for: record, count: count)
        }
        let first = session.handle.newestOperation + 1
        var requests: [OperationRequest] = []
        var standing = session.standing?.kind
        for index in 0..<count {
            let kind = kind(for: session, number: first + UInt64(index), standing: standing)
            if kind.isStandingRead { standing = kind }
            var request = OperationRequest(kind: kind)
            if dice.happens(30) { request.timeoutMilliseconds = dice.number(in: 1...400) }
            if let target {
                if request.kind.isStandingRead {
                    request.kind = .read(.readiness, repeats: false, credit: nil)
                }
                request.delivery = .inline(target, index: index)
            } else if case .write = request.kind, dice.happens(20) {
                request.delivery = .none
            }
            requests.append(request)
        }
        do throws(SubmitError) {
            let ids = try session.handle.submit(requests, at: clock.now())
            accepted(requests, ids, session, reply)
        } catch {
            if let reply { replies[reply.id] = nil }
            note(.refused, 3)
            checkRefusal(error, requests, session)
        }
    }

    private func accepted(
        _ requests: [OperationRequest], _ ids: [OperationID], _ session: SessionRecord,
        _ reply: ReplyRecord?
    ) {
        expect(ids.count == requests.count, "\(requests.count) operations gave \(ids.count) ids")
        if !session.closesRequested.isEmpty {
            fail("session \(session.id.text) accepted an operation after its close")
        }
        session.clock += 1
        for (request, id) in zip(requests, ids) {
            let record = OperationRecord(
                number: id.number, request: request, reply: reply, acceptedAt: clock.now(),
                acceptedAfter: session.clock)
            expect(id.number == session.newest + 1, "operation numbers do not follow each other")
            session.newest = id.number
            session.pending.append(record)
            session.port.reserved += session.port.isClosed ? 0 : request.places
            reply?.operations.append(record)
            note(
                .submit, Int(truncatingIfNeeded: session.id.rawValue), Int(id.number),
                request.places)
            trace.say { "  \(request.kind.words) by \(request.timeoutMilliseconds ?? -1)" }
            count("accepted \(request.kind.name)")
        }
        reply?.places = ids.count
        if let reply, reply.hasHiddenAccepts { reply.port.hiddenAccepts += ids.count }
    }

    private func kind(
        for session: SessionRecord, number: UInt64, standing: OperationKind?
    ) -> OperationKind {
        if session.isListener { return .accept }
        switch dice.below(10) {
        case ..<3: return .write(payload(for: session, number))
        case ..<5:
            let hasFrames = standing.map { !$0.isUnframed } ?? false
            var bytes = payload(for: session, number)
            // Where an answer begins is known by the end of the request's sending.
            if hasFrames && bytes.isEmpty { bytes = writtenBytes(of: number, count: 1) }
            return .transact(
                bytes, goal(), discardsInput: dice.happens(25),
                answerTimeoutMilliseconds: dice.happens(30) ? dice.number(in: 1...100) : nil)
        case 5 where session.standing == nil:
            var goal = goal()
            if case .readiness = goal { goal = .available(limit: 7) }
            return .read(goal, repeats: true, credit: dice.happens(50) ? dice.below(6) : nil)
        default: return .read(goal(), repeats: false, credit: nil)
        }
    }

    private func goal() -> ReadGoal {
        switch dice.below(8) {
        case 0: .readiness
        case 1, 2, 3: .available(limit: dice.happens(50) ? 65_536 : dice.number(in: 1...20))
        case 4, 5: .exactly(dice.number(in: 1...(dice.happens(5) ? 3_000 : 40)))
        case 6: .until([10], limit: dice.number(in: 1...60))
        default: .until(dice.happens(70) ? [13, 10] : [0, 1], limit: dice.number(in: 2...120))
        }
    }

    private func payload(for session: SessionRecord, _ number: UInt64) -> [UInt8] {
        let capacity = session.connection?.connection.outboundCapacity ?? 100
        let count =
            switch dice.below(20) {
            case 0: 0
            case 1, 2: 1
            case 3: dice.number(in: 1...min(4_000, capacity * 3))
            case 4: dice.number(in: 1...10_000)
            default: dice.number(in: 1...40)
            }
        return writtenBytes(of: number, count: count)
    }

    // MARK: - Cancel, credit, shutdown, close

    private func cancel(in session: SessionRecord) {
        var numbers: [UInt64]?
        if !dice.happens(20) {
            guard session.newest > 0 else { return }
            var some: [UInt64] = []
            for _ in 0..<dice.number(in: 1...3) {
                let pick = dice.pick(session.pending)?.number ?? session.newest
                let number = dice.happens(80) ? pick : UInt64(dice.below(Int(session.newest) + 3))
                if !some.contains(number) { some.append(number) }
            }
            numbers = some
        }
        note(.cancel, Int(truncatingIfNeeded: session.id.rawValue), numbers?.count ?? -1)
        for operation in session.pending where numbers?.contains(operation.number) ?? true {
            operation.isCancelRequested = true
        }
        let mailbox = self.mailbox
        let (id, newest) = (session.id, session.newest)
        session.handle.send(
            .cancel(numbers) { mailbox.leave(.cancelAnswered(id, $0, newest: newest)) })
    }

    private func giveCredit(in session: SessionRecord) {
        guard let standing = session.standing else { return }
        let amount = dice.number(in: 1...4)
        note(.credit, Int(standing.number), amount)
        if let credit = standing.credit { standing.credit = credit + amount }
        let mailbox = self.mailbox
        let (id, number) = (session.id, standing.number)
        session.handle.send(
            .credit(number, add: amount) { mailbox.leave(.creditAnswered(id, number, $0)) })
    }

    private func shutdownOutput(of session: SessionRecord) {
        guard !session.isListener, dice.happens(40) else { return }
        note(.shutdown, Int(truncatingIfNeeded: session.id.rawValue))
        guard (try? session.handle.shutdownOutput()) != nil else { return }
        session.isOutputShut = true
    }

    private func close(_ session: SessionRecord) {
        guard dice.happens(session.isListener ? 30 : 60) else { return }
        let isForced = dice.happens(30)
        session.handle.close(.deleted, force: isForced)
        requestClose(session, .deleted, isForced)
    }

    func requestClose(_ session: SessionRecord, _ reason: CloseReason, _ isForced: Bool) {
        note(.close, Int(truncatingIfNeeded: session.id.rawValue), isForced ? 1 : 0)
        session.closesRequested.append(reason)
        session.isForced = session.isForced || isForced
        session.firstCloseAt = session.firstCloseAt ?? clock.now()
    }

    func describe(_ session: SessionRecord) {
        guard !session.isDescribeOut else { return }
        session.isDescribeOut = true
        let mailbox = self.mailbox
        let (id, newest) = (session.id, session.newest)
        session.handle.send(.describe { mailbox.leave(.described(id, $0, newest: newest)) })
    }
}

extension OperationKind {
    /// Whether it is a read that never has a part of a frame.
    var isUnframed: Bool {
        switch self {
        case .read(let read):
            switch read.goal {
            case .available, .readiness: true
            case .exactly, .until, .frame: false
            }
        default: false
        }
    }

    /// What it does, for people.
    var words: String {
        switch self {
        case .write(let write): "write \(write.bytes.count)"
        case .transact(let transact):
            "transact \(transact.bytes.count) \(transact.goal) "
                + "\(transact.discardsInput ? "discarding " : "")"
                + "\(transact.answerTimeoutMilliseconds ?? -1)"
        case .read(let read):
            "read \(read.goal) \(read.repeats ? "standing, credit \(read.credit ?? -1)" : "")"
        case .accept: "accept"
        case .control(let action): "control \(action)"
        case .lock(let lock): "lock \(lock)"
        case .unlock(let range): "unlock \(range)"
        case .waitEvent: "wait_event"
        case .disconnect: "disconnect"
        }
    }
}
