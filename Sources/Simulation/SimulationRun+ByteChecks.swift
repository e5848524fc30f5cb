import DeviceSessions
import EngineBase
import PortEngine
import Workers

/// Whether every byte is where it must be.
extension SimulationRun {
    // MARK: - What is sent

    /// The kernel took bytes: they must be those of the right operation, in its turn.
    func checkSent(_ bytes: [UInt8], from start: Int, count: Int, _ session: SessionRecord) {
        let name = session.id.text
        if let sender = session.sender, sender.sent < sender.total, start > 0 || sender.sent == 0,
            sender.kind.payload == bytes, start == sender.sent
        {
            sender.sent += count
            return
        }
        let candidates = session.pending.filter { !$0.hasEnded && $0.sent == 0 }
        guard start == 0, let next = candidates.first(where: { $0.kind.payload == bytes }) else {
            return fail("\(name): bytes from \(start) on that no operation wants sent")
        }
        if let before = session.sender {
            expect(
                before.number < next.number,
                "\(name): \(next.number) was sent after \(before.number)")
            if before.isTorn {
                session.hasTorn = true
                expect(
                    before.isSilent || before.isOneOfMany
                        || before.tornSeenAfter.map { next.acceptedAfter > $0 } ?? false,
                    "\(name): \(next.number) was sent behind half of \(before.number)")
            }
        }
        expect(!session.isOutputShutEarly(for: next), "\(name): sent after the output was shut")
        session.sender = next
        next.sent = count
    }

    /// A write or transact has ended: what it says of its bytes must be what the kernel took.
    func writeEnded(
        _ entry: CompletionEntry, _ operation: OperationRecord, _ session: SessionRecord,
        _ name: String
    ) {
        if operation.isTorn {
            session.hasTorn = true
            operation.tornSeenAfter = session.clock
        }
        if case .write = operation.kind {
            expect(
                entry.bytes == operation.sent,
                "\(name): says \(entry.bytes) bytes, the kernel took \(operation.sent)")
            expect(
                entry.status != .ok || operation.sent == operation.total,
                "\(name): ok with \(operation.sent) of \(operation.total) bytes")
            let isWhole = operation.sent == operation.total && operation.total > 0
            expect(entry.status == .ok || !isWhole, "\(name): \(entry.status), and all was sent")
            expect(entry.data.isEmpty, "\(name): data in a write's entry")
        } else {
            expect(
                entry.details?.sent == operation.sent,
                "\(name): says that \(entry.details?.sent ?? -1) bytes were sent, "
                    + "the kernel took \(operation.sent)")
        }
        if entry.details?.error?.code == EntryError.writeTorn.code {
            expect(operation.sent == 0, "\(name): write_torn with bytes sent")
        }
    }

    // MARK: - What is received

    func noteInput(
        of entry: CompletionEntry, _ operation: OperationRecord, _ session: SessionRecord,
        isAtPort: Bool, _ name: String
    ) {
        guard operation.kind.hasInput else { return }
        expect(entry.bytes == entry.data.count, "\(name): bytes \(entry.bytes) for its data")
        if entry.status == .cancelled {
            expect(entry.data.isEmpty, "\(name): a cancelled read took bytes")
        }
        let isReset =
            entry.status == .failed
            && entry.details?.error?.code != EntryError.frameTooLong.code
            && entry.details?.error?.code != EntryError.writeTorn.code
        let isEnd =
            entry.status == .endOfStream
            || isReset && !session.hasOpenFailed && operation.sent == operation.total
                && session.connection?.isEndKnown == true
        checkGoalOfLast(entry, operation, name)
        let segment = Segment(
            operation: operation.number, data: entry.data,
            discarded: entry.details?.discarded ?? 0, start: operation.answerStart,
            tellsEnd: isEnd && operation.isRead && session.standing == nil)
        if isAtPort {
            session.portSegments.append(segment)
        } else {
            session.inlineSegments.append(segment)
        }
    }

    private func checkGoalOfLast(
        _ entry: CompletionEntry, _ operation: OperationRecord, _ name: String
    ) {
        guard let goal = operation.kind.goal else { return }
        let count = entry.data.count
        switch (entry.status, goal) {
        case (.ok, .readiness): expect(count == 0, "\(name): readiness took bytes")
        case (.ok, .available(let limit)):
            expect((1...limit).contains(count), "\(name): \(count) bytes of 1 to \(limit)")
        case (.ok, .exactly(let size)): expect(count == size, "\(name): not \(size) bytes")
        case (.ok, .until(let delimiter, let limit)):
            expect(
                entry.data.suffix(delimiter.count) == delimiter[...] && count <= limit,
                "\(name): a frame without its end")
        default: break
        }
    }

    /// Gives the bytes of entries to the ledger, once it is sure that none is missing in between.
    func settleSegments(of session: SessionRecord) {
        guard !session.pending.contains(where: { $0.isHidden && $0.kind.hasInput }),
            !(session.portSegments.isEmpty && session.inlineSegments.isEmpty),
            !session.port.isClosed
        else { return }
        let atPort = session.portSegments
        let inline = session.inlineSegments.sorted { $0.operation < $1.operation }
        session.portSegments = []
        session.inlineSegments = []
        guard let record = session.connection else {
            let isEmpty = (atPort + inline).allSatisfy { $0.data.isEmpty && $0.discarded == 0 }
            return expect(isEmpty, "\(session.id.text): bytes without a connection")
        }
        if let ledger = place(atPort[...], inline[...], record.ledger) {
            record.ledger = ledger
        } else {
            fail(
                "\(session.id.text): bytes of operation "
                    + "\((atPort + inline).map(\.words)) are not those "
                    + "from \(record.ledger.front) on, of \(record.ledger.told)")
        }
    }

    /// Finds an order of the entries at the port and of those in replies in which all fit.
    private func place(
        _ atPort: ArraySlice<Segment>, _ inline: ArraySlice<Segment>, _ ledger: InputLedger
    ) -> InputLedger? {
        if atPort.isEmpty && inline.isEmpty { return ledger }
        for next in atPort.first.map({ waysToTake($0, from: ledger) }) ?? [] {
            if let whole = place(atPort.dropFirst(), inline, next) { return whole }
        }
        for next in inline.first.map({ waysToTake($0, from: ledger) }) ?? [] {
            if let whole = place(atPort, inline.dropFirst(), next) { return whole }
        }
        return nil
    }

    /// What the ledger may be once the segment has been taken; more than one only where a few bytes
    /// are found in two places.
    private func waysToTake(_ segment: Segment, from ledger: InputLedger) -> [InputLedger] {
        var base = ledger
        guard base.dropFront(segment.discarded) else { return [] }
        var ways: [InputLedger] = []
        if let start = segment.start {
            var ledger = base
            if ledger.take(segment.data, at: start) { ways.append(ledger) }
        }
        if segment.start == nil || !segment.data.isEmpty, base.takeFront(segment.data) {
            ways.append(base)
        }
        // All that came before the end comes before it.
        return ways.filter { !segment.tellsEnd || $0.remaining == 0 }
    }

    // MARK: - The close of a connection

    /// Bytes that were `ok` must not be lost by a close that is not forced.
    func checkClose(of record: ConnectionRecord, _ session: SessionRecord, reset: Bool) {
        if reset {
            return expect(
                session.isForced, "\(session.id.text): reset, and nobody wanted that")
        }
        guard record.connection.unsentBytes > 0, record.fatal == nil,
            !session.closesRequested.isEmpty, let since = session.firstCloseAt
        else { return }
        let lingering = session.handle.configuration.lingerMilliseconds
        guard lingering > 0, !session.isForced,
            session.handle.configuration.idleTimeoutMilliseconds == 0
        else { return }
        expect(
            since.advanced(milliseconds: lingering) <= clock.now(),
            "\(session.id.text): closed with \(record.connection.unsentBytes) bytes unsent")
    }
}

extension ConnectionRecord {
    /// Whether the engine knows that no more bytes will come.
    var isEndKnown: Bool { isEndTold || fatal != nil && connection.inbound.isEmpty }
}

extension SessionRecord {
    /// Whether the output was shut by request before the operation came.
    func isOutputShutEarly(for operation: OperationRecord) -> Bool { false }
}

extension Segment {
    var words: String {
        "\(operation): \(data.count)\(start.map { " at \($0)" } ?? "")"
            + "\(discarded > 0 ? " behind \(discarded)" : "")\(tellsEnd ? " and the end" : "")"
    }
}

extension OperationKind {
    var payload: [UInt8]? {
        switch self {
        case .write(let write): write.bytes
        case .transact(let transact): transact.bytes
        default: nil
        }
    }
}
