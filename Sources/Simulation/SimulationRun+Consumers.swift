import DeviceSessions
import EngineBase
import PortEngine
import Workers

/// Clients that fetch and settle, and post.
extension SimulationRun {
    /// Some consumer does something.
    func actAsConsumer() {
        switch dice.below(20) {
        case ..<8: fetch()
        case ..<13: decideHandover()
        case ..<17: settleSomething()
        case 17: decideReply()
        case 18: alertOrPark()
        default: abandonSomeWait()
        }
        if dice.happens(30) { decideReply() }
    }

    func post() {
        guard let record = dice.pick(ports) else { return }
        let packets = (1...UInt64(dice.number(in: 1...3))).map {
            CompletionEntry(
                kind: .packet, context: ClientText("\(record.posted + $0)"), bytes: 1,
                data: dice.happens(30) ? [1, 2, 3] : [])
        }
        do {
            try record.port.post(EntryList(packets))
            record.posted += UInt64(packets.count)
            note(.post, record.index, packets.count)
        } catch {
            note(.refused, 4)
        }
    }

    // MARK: - Fetching

    private func fetch() {
        guard let record = dice.pick(ports) else { return }
        var request = FetchRequest()
        request.maxEntries = dice.number(in: 1...(dice.happens(20) ? 2 : 64))
        if dice.happens(20) { request.maxBytes = dice.number(in: 1...200) }
        if dice.happens(60) { request.consumer = consumer() }
        request.mode = dice.happens(50) ? .consume : .lease
        if dice.happens(40) { request.leaseMilliseconds = dice.number(in: 1...300) }
        if dice.happens(40) { request.waitMilliseconds = dice.number(in: 1...500) }
        if request.consumer != nil {
            request.isAlertable = dice.happens(30)
            if request.mode == .lease && dice.happens(30) {
                request.fetchID = "f\(dice.below(3))"
            }
        }
        if dice.happens(40), let (settle, batch) = settlement(of: record) {
            request.settle = settle
            // Who holds what is not known before the answer; the batch itself is done with.
            for seq in batch.seqs {
                record.entries[seq]?.lease = nil
                record.entries[seq]?.heldUntil = nil
            }
            forget(batch)
        }
        ask(record, request)
    }

    private func consumer() -> ConsumerName? { ConsumerName("c\(dice.below(4))") }

    func ask(_ record: PortRecord, _ request: FetchRequest) {
        nextWait += 1
        let id = nextWait
        note(.fetch, record.index, id, request.mode == .consume ? 1 : 0)
        // It may be told while it is still being asked, by what happens meanwhile.
        waits[id] = record
        let client = WaitingClient(id: id, mailbox: mailbox)
        let before = record.port.status().counts.ackedTotal
        do {
            let outcome = try record.port.fetch(request, for: client)
            // A settle takes effect at once, whatever becomes of the wait.
            let acked = record.port.status().counts.ackedTotal - before
            record.acked += acked
            if request.settle != nil { settledBy[id] = acked }
            switch outcome {
            case .answered(let answer):
                waits[id] = nil
                received(answer, from: record, for: id)
            case .waiting(let ticket):
                record.waits[id] = ticket
            }
        } catch {
            waits[id] = nil
            note(.refused, 5)
        }
    }

    /// An answer has come; its entries are looked at when all that the port got is known.
    func received(_ answer: FetchAnswer, from record: PortRecord, for id: Int) {
        note(.answer, record.index, answer.entries.count, Int(answer.lease?.number ?? 0))
        count("fetch \(answer.reason)")
        expect(
            answer.settled?.acked == settledBy.removeValue(forKey: id),
            "fetch \(id): says that \(answer.settled?.acked ?? -1) entries were acked")
        guard !record.isClosed else { return }
        for entry in answer.entries where entry.seq > record.lastSeq {
            record.unseen[entry.seq] = entry
        }
        newEntries.append((record, answer))
        if let handover = answer.handover {
            handovers.append(
                Carriage(
                    port: record, id: handover, entries: answer.entries.map(\.seq),
                    isConsumed: answer.lease == nil, step: step))
        }
        guard let lease = answer.lease else { return }
        // A reply with a fetch_id may be lost too, and is asked for again.
        if answer.handover == nil && dice.happens(20) {
            record.port.countUndelivered()
            return
        }
        batches.append(
            Batch(port: record, lease: lease, seqs: answer.entries.map(\.seq), step: step))
        if batches.count > 60 { batches.removeFirst() }
    }

    private func abandonSomeWait() {
        guard let record = dice.pick(ports), let id = record.waits.keys.sorted().first,
            let ticket = record.waits[id]
        else { return }
        note(.abandon, record.index, id)
        record.waits[id] = nil
        waits[id] = nil
        settledBy[id] = nil
        gone[id] = record
        record.port.abandon(ticket)
    }

    /// An answer was on its way to a client that has gone meanwhile: what it carries goes back.
    func cameTooLate(_ answer: FetchAnswer, from record: PortRecord) {
        count("answer to a client that has gone")
        guard !record.isClosed else { return }
        for entry in answer.entries where entry.seq > record.lastSeq {
            record.unseen[entry.seq] = entry
        }
        if let handover = answer.handover {
            record.port.putBack(handover)
        } else if answer.lease != nil {
            record.port.countUndelivered()
        }
    }

    // MARK: - What becomes of replies

    func decideHandover() {
        guard !handovers.isEmpty else { return }
        let index = dice.below(handovers.count)
        // What came in this step is looked at first, when the step is over.
        guard handovers[index].step < step || isQuiet else { return }
        let handover = handovers.remove(at: index)
        let record = handover.port
        if isQuiet || dice.happens(75) {
            note(.confirm, record.index, handover.entries.count)
            record.port.confirm(handover.id)
            guard handover.isConsumed else { return }
            record.acked += handover.entries.count
            for seq in handover.entries { record.entries[seq]?.isAcked = true }
        } else {
            note(.putBack, record.index, handover.entries.count)
            record.port.putBack(handover.id)
            for seq in handover.entries {
                record.entries[seq]?.lease = nil
                record.entries[seq]?.heldUntil = nil
            }
        }
    }

    /// The client of an inline operation gets its reply, or has gone.
    func decideReply() {
        guard !completeReplies.isEmpty else { return }
        let record = completeReplies.remove(at: dice.below(completeReplies.count))
        guard let reply = record.reply else { return }
        replies[record.id] = nil
        record.reply = nil
        if isQuiet || dice.happens(70) {
            note(.inlineDelivered, record.id)
            reply.delivered()
            if !record.port.isClosed { record.port.reserved -= record.places }
            if let session = record.failedOpen, session.hasOpenFailed {
                sessions.forget(session.handle)
                session.isClosedSeen = true
            }
        } else {
            note(.inlineLost, record.id)
            for operation in record.operations { operation.isDueAtPort = !record.port.isClosed }
            if let session = record.failedOpen {
                sessions.show(session.handle)
                session.isOpenSeen = record.port.isClosed
            }
            reply.undelivered()
        }
    }

    // MARK: - Settling

    private func settleSomething() {
        guard let record = dice.pick(ports), let (request, batch) = settlement(of: record) else {
            return
        }
        do {
            let answer = try record.port.settle(request)
            settled(answer, request, batch)
        } catch {
            note(.refused, 6)
        }
    }

    private func forget(_ batch: Batch) {
        batches.removeAll { $0.port === batch.port && $0.lease == batch.lease }
    }

    private func settlement(of record: PortRecord) -> (SettleRequest, Batch)? {
        guard
            let batch = dice.pick(
                batches.filter { $0.port === record && $0.step < step })
        else { return nil }
        var request = SettleRequest(lease: batch.lease)
        let generation = record.port.generation
        func reference(_ seq: UInt64) -> EntryReference {
            EntryReference(EntryID(generation: generation, seq: seq).text)
        }
        var rest = batch.seqs
        if dice.happens(25), let seq = dice.pick(rest) {
            rest.removeAll { $0 == seq }
            request.nack = [
                .init(
                    entry: reference(seq),
                    delayMilliseconds: dice.happens(50) ? 0 : dice.below(200))
            ]
        }
        switch dice.below(4) {
        case 0: request.ack = .all
        case 1: request.extendMilliseconds = dice.below(1_000)
        default: request.ack = .entries(rest.filter { _ in dice.happens(80) }.map(reference))
        }
        return (request, batch)
    }

    private func settled(_ answer: SettleAnswer, _ request: SettleRequest, _ batch: Batch) {
        let record = batch.port
        note(.settle, record.index, answer.acked, answer.nacked)
        record.acked += answer.acked
        if case .entries(let references) = request.ack {
            let refused = Set(answer.outcomes.map(\.id))
            for reference in references where !refused.contains(reference.text) {
                if let seq = reference.id?.seq { record.entries[seq]?.isAcked = true }
            }
        }
        for rejection in request.nack {
            guard let seq = rejection.entry.id?.seq, record.entries[seq]?.lease == batch.lease
            else { continue }
            record.entries[seq]?.lease = nil
            record.entries[seq]?.heldUntil = nil
        }
        for seq in batch.seqs where record.entries[seq]?.lease == batch.lease {
            record.entries[seq]?.heldUntil = answer.leaseExpiresAt
        }
        if answer.leaseExpiresAt == nil { forget(batch) }
    }

    private func alertOrPark() {
        guard let record = dice.pick(ports), let name = consumer() else { return }
        switch dice.below(3) {
        case 0:
            note(.alert, record.index)
            _ = try? record.port.alert(name, Alert(context: "a"))
        case 1:
            note(.park, record.index)
            _ = try? record.port.park(name)
        default:
            note(.park, record.index, 1)
            _ = try? record.port.unpark(name)
        }
    }
}
