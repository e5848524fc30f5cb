import DeviceSessions
import EngineBase
import PortEngine
import Workers

/// What came of a step: mail, then entries in the order of their ports, then the counts.
extension SimulationRun {
    func collect() {
        guard failure == nil else { return }
        for item in mailbox.take() { read(item) }
        for record in ports { observe(record) }
        // What came to ports in the same turn may have been before what came in replies.
        for (operation, entry, session) in repliedOperations {
            check(operation, endedWith: entry, in: session, isAtPort: false)
        }
        for (_, _, session) in repliedOperations { settleSegments(of: session) }
        gone.removeAll(keepingCapacity: true)
        repliedOperations.removeAll(keepingCapacity: true)
        for session in withSegments { settleSegments(of: session) }
        withSegments.removeAll(keepingCapacity: true)
        for (entry, session) in closedNow {
            settleSegments(of: session)
            checkClosed(entry, session)
        }
        closedNow.removeAll(keepingCapacity: true)
        for (record, answer) in newEntries { checkAnswer(answer, record) }
        newEntries.removeAll(keepingCapacity: true)
        for record in ports { checkCounts(record) }
    }

    private func read(_ item: Mail) {
        switch item {
        case .replied(let reply, let id, let entries):
            guard let record = replies[id], record.reply == nil else {
                return fail("reply \(id) came twice")
            }
            record.reply = reply
            replied(record, entries)
        case .fetched(let id, let answer):
            if let record = gone.removeValue(forKey: id) {
                return cameTooLate(answer, from: record)
            }
            guard let record = waits.removeValue(forKey: id) else {
                return fail("fetch \(id) was answered twice, or after its client had gone")
            }
            record.waits[id] = nil
            received(answer, from: record, for: id)
        case .described(let id, let operations, let newest):
            guard let session = byID[id] else { return }
            session.isDescribeOut = false
            checkDescription(of: session, operations, upTo: newest)
        case .cancelAnswered(_, let answer, let newest):
            count(answer.cancelling > 0 ? "cancelling" : "nothing to cancel")
            for number in answer.unknown where number > 0 && number <= newest {
                fail("operation \(number) is said to be unknown")
            }
        case .creditAnswered: break
        }
    }

    private func replied(_ record: ReplyRecord, _ entries: EntryList) {
        note(.inlineDone, record.id, entries.count)
        for entry in entries { trace.say { "  \(entry.words)" } }
        completeReplies.append(record)
        if record.hasHiddenAccepts { record.port.hiddenAccepts -= record.operations.count }
        guard let session = record.session else {
            guard let opened = record.failedOpen, let entry = entries.first else { return }
            opened.isOpenSeen = true
            opened.hasOpenFailed = entry.status != .ok
            checkOpen(entry, opened)
            if opened.hasOpenFailed {
                // Its end goes with the reply, or to the port if the client has gone.
                record.places = 2
                checkNothingPends(in: opened, "the end of a failed inline open")
            }
            return
        }
        expect(
            entries.count == record.operations.count,
            "reply \(record.id) has \(entries.count) entries")
        for (entry, operation) in zip(entries, record.operations) {
            expect(
                entry.details?.operation
                    == OperationID(session: session.id, number: operation.number).text,
                "reply \(record.id) has its entries in another order")
            end(operation, in: session)
            repliedOperations.append((operation, entry, session))
        }
    }

    // MARK: - Ports

    private func observe(_ record: PortRecord) {
        let counts = record.port.status().counts
        let newest = UInt64(counts.postedTotal + counts.completedTotal)
        guard newest > record.lastSeq else { return }
        if let page = try? record.port.peek(after: record.lastSeq, limit: 10_000) {
            for peeked in page.entries { record.unseen[peeked.entry.seq] = peeked.entry }
        }
        if let page = try? record.port.peekDeadLetters(after: record.lastSeq, limit: 10_000) {
            for peeked in page.entries { record.unseen[peeked.entry.seq] = peeked.entry }
        }
        while record.lastSeq < newest && failure == nil {
            record.lastSeq += 1
            guard let entry = record.unseen.removeValue(forKey: record.lastSeq) else {
                return fail("port \(record.index): entry \(record.lastSeq) was never to be seen")
            }
            record.entries[entry.seq] = PortRecord.Entry(fingerprint: fingerprint(entry.entry))
            note(.entry, record.index, Int(entry.seq), entry.entry.data.count)
            trace.say { "  \(entry.entry.words)" }
            came(entry.entry, to: record)
        }
    }

    private func came(_ entry: CompletionEntry, to record: PortRecord) {
        count("\(entry.kind) \(entry.status)")
        if let code = entry.details?.error?.code { count(code) }
        guard entry.kind != .packet else {
            record.postedSeen += 1
            return expect(
                entry.context?.text == "\(record.postedSeen)",
                "packet \(entry.context ?? "-") came where \(record.postedSeen) was due")
        }
        guard let id = entry.details?.session.flatMap({ SessionID($0) }) else {
            return fail("an entry of no session")
        }
        guard let session = byID[id] else {
            // It may end before the reply with its accept has been seen.
            expect(entry.kind == .sessionClosed, "an entry of a session that is not known")
            if acceptedGone.remove(id) == nil { endedEarly.insert(id) }
            record.reserved -= 1
            return
        }
        expect(session.port === record, "an entry of \(session.id.text) is on another port")
        session.clock += 1
        let isMiddle = entry.details?.isLast == false
        if !isMiddle { record.reserved -= 1 }
        switch entry.kind {
        case .open:
            expect(
                session.hasOpen && !session.isOpenSeen || session.handle.inlineOpen != nil,
                "\(session.id.text) opened twice")
            if session.handle.inlineOpen == nil { checkOpen(entry, session) }
            session.isOpenSeen = true
        case .sessionClosed:
            sawClosed(entry, session)
        default:
            guard let number = entry.details?.operation.flatMap({ OperationID($0)?.number }),
                let operation = session.operation(number)
            else {
                return fail("an entry of an operation of \(session.id.text) that is not known")
            }
            if operation.isDueAtPort {
                operation.isDueAtPort = false
                session.ended[number] = nil
                return
            }
            expect(!operation.hasEnded, "\(entry.details?.operation ?? "") ended twice")
            if isMiddle {
                standingEntry(entry, of: operation, in: session)
            } else {
                end(operation, in: session)
                check(operation, endedWith: entry, in: session, isAtPort: true)
            }
            withSegments.append(session)
        }
    }

    private func sawClosed(_ entry: CompletionEntry, _ session: SessionRecord) {
        expect(!session.isClosedSeen, "\(session.id.text) closed twice")
        session.isClosedSeen = true
        closedNow.append((entry, session))
        checkNothingPends(in: session, "the end of the session")
        session.forgetSilent { _ in true }
    }

    /// Forgets sessions of which nothing more can come.
    func forgetEnded() {
        live.removeAll { session in
            let isOver =
                session.isClosedSeen
                || session.port.isClosed
                    && (try? sessions.find(session.id)) == nil
            guard isOver, !completeReplies.contains(where: { $0.session === session }) else {
                return false
            }
            // An entry that comes after all would be of a session that is not known.
            byID[session.id] = nil
            return true
        }
    }

    private func fingerprint(_ entry: CompletionEntry) -> Int {
        var mixed = UInt64(entry.bytes) &* 31 &+ UInt64(entry.data.count)
        for byte in (entry.details?.operation ?? entry.context?.text ?? "").utf8 {
            mixed = mixed &* 31 &+ UInt64(byte)
        }
        return Int(truncatingIfNeeded: mixed)
    }

    // MARK: - What ports promise

    private func checkAnswer(_ answer: FetchAnswer, _ record: PortRecord) {
        guard !record.isClosed else { return }
        var last: UInt64 = 0
        let now = clock.now()
        for entry in answer.entries {
            expect(entry.seq > last, "port \(record.index): a batch is not in order")
            last = entry.seq
            guard var known = record.entries[entry.seq] else {
                return fail("port \(record.index): a batch has an entry that never came")
            }
            expect(
                known.fingerprint == fingerprint(entry.entry),
                "port \(record.index): entry \(entry.seq) has changed")
            expect(!known.isAcked, "port \(record.index): entry \(entry.seq) came after its ack")
            if let until = known.heldUntil, until > now, known.lease != answer.lease {
                fail("port \(record.index): entry \(entry.seq) is held by another lease")
            }
            known.lease = answer.lease
            known.heldUntil = answer.leaseExpiresAt
            record.entries[entry.seq] = known
        }
        let isEmptyHanded = answer.entries.isEmpty
        expect(
            isEmptyHanded == (answer.reason != .entries),
            "reason \(answer.reason) with \(answer.entries.count) entries")
    }

    private func checkCounts(_ record: PortRecord) {
        let counts = record.port.status().counts
        let capacity = record.port.settings.capacity
        expect(
            counts.occupied <= capacity,
            "port \(record.index): \(counts.occupied) places of \(capacity) are taken")
        expect(
            counts.postedTotal + counts.completedTotal
                == counts.ackedTotal + counts.discardedTotal + counts.entries,
            "port \(record.index): its totals do not add up: \(counts)")
        expect(
            counts.reserved <= record.reserved
                && counts.reserved >= record.reserved - record.hiddenAccepts,
            "port \(record.index): \(counts.reserved) places are promised, not \(record.reserved)")
        expect(
            counts.ackedTotal == record.acked,
            "port \(record.index): \(counts.ackedTotal) entries are acked, not \(record.acked)")
        if let limit = record.port.settings.concurrencyLimit {
            expect(counts.queued >= 0 && limit > 0, "port \(record.index): bad counts")
        }
    }
}

extension CompletionEntry {
    /// What it is about, for people.
    var words: String {
        "\(kind) \(status) \(details?.error?.code ?? "") \(details?.operation ?? details?.session ?? "")"
            + " \(bytes) \(details?.accepted ?? "")"
            + "\(details?.discarded.map { " discarding \($0)" } ?? "")"
    }
}
