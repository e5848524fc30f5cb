import DeviceSessions
import EngineBase
import PortEngine
import Workers

/// Whether an entry may say what it says.
extension SimulationRun {
    func checkOpen(_ entry: CompletionEntry, _ session: SessionRecord) {
        let name = session.id.text
        expect(session.hasOpen, "\(name): an accepted session gave an open entry")
        let latest = session.openedAt.advanced(
            milliseconds: session.handle.configuration.connectTimeoutMilliseconds)
        switch entry.status {
        case .ok:
            guard !session.isListener else { return }
            guard let record = entry.details?.peer.flatMap({ connectionAt[$0] }),
                record.session === session
            else { return fail("\(name): opened to \(entry.details?.peer ?? "nobody")") }
            session.connection = record
        case .failed: session.hasOpenFailed = true
        case .timedOut:
            session.hasOpenFailed = true
            expect(clock.now() >= latest, "\(name): its open timed out too early")
        case .cancelled:
            expect(session.mayBeClosing, "\(name): its open was cancelled by nobody")
        default: fail("\(name): its open came to \(entry.status)")
        }
    }

    // MARK: - Operations

    /// An entry of a standing read that is not its last.
    func standingEntry(
        _ entry: CompletionEntry, of operation: OperationRecord, in session: SessionRecord
    ) {
        let name = words(operation, session)
        expect(operation.kind.isStandingRead, "\(name): an entry that is not the last")
        checkOrder(of: operation, entry, in: session)
        if let credit = operation.credit {
            expect(credit > 0, "\(name): an entry without credit")
            operation.credit = credit - 1
        }
        let isTooLong = entry.details?.error?.code == EntryError.frameTooLong.code
        expect(
            entry.status == .ok || isTooLong && entry.status == .failed,
            "\(name): an entry with \(entry.status) that is not the last")
        checkGoal(entry, of: operation, name)
        session.portSegments.append(
            Segment(operation: operation.number, data: entry.data, discarded: 0, tellsEnd: false))
    }

    func end(_ operation: OperationRecord, in session: SessionRecord) {
        operation.hasEnded = true
        session.pending.removeAll { $0 === operation }
        session.ended[operation.number] = operation
    }

    /// The one entry of an operation, or its last.
    func check(
        _ operation: OperationRecord, endedWith entry: CompletionEntry, in session: SessionRecord,
        isAtPort: Bool
    ) {
        let name = words(operation, session)
        if !isAtPort { count("inline \(entry.kind) \(entry.status)") }
        expect(entry.kind == operation.kind.entryKind, "\(name): an entry of kind \(entry.kind)")
        expect(!operation.isSilent, "\(name): an entry, and none was asked for")
        expect(
            entry.details?.isLast == (operation.kind.isStandingRead ? true : nil),
            "\(name): last is \(String(describing: entry.details?.isLast))")
        expect(!session.isClosedSeen || !isAtPort, "\(name): an entry after the session's last")
        checkStatus(entry, of: operation, session, name)
        switch operation.kind {
        case .accept: acceptEnded(entry, operation, session, isAtPort: isAtPort)
        case .write, .transact: writeEnded(entry, operation, session, name)
        default: break
        }
        checkOrder(of: operation, entry, in: session)
        noteInput(of: entry, operation, session, isAtPort: isAtPort, name)
    }

    private func words(_ operation: OperationRecord, _ session: SessionRecord) -> String {
        "\(OperationID(session: session.id, number: operation.number).text) "
            + operation.kind.name
    }

    private func checkStatus(
        _ entry: CompletionEntry, of operation: OperationRecord, _ session: SessionRecord,
        _ name: String
    ) {
        let now = clock.now()
        let code = entry.details?.error?.code
        let connection = session.connection
        switch entry.status {
        case .ok:
            break
        case .cancelled:
            expect(
                operation.isCancelRequested || session.mayBeClosing,
                "\(name): cancelled by nobody")
        case .timedOut:
            var isDue = operation.deadline.map { $0 <= now } ?? false
            if case .transact(let transact) = operation.kind,
                let milliseconds = transact.answerTimeoutMilliseconds
            {
                let start = operation.sentAllAt ?? operation.acceptedAt
                isDue = isDue || start.advanced(milliseconds: milliseconds) <= now
            }
            expect(isDue, "\(name): timed out too early")
        case .endOfStream:
            expect(operation.kind.hasInput, "\(name): ended by the end of the stream")
            expect(
                connection?.isEndTold == true && connection?.fatal == nil
                    || connection?.wasEndFirst == true,
                "\(name): end_of_stream, and there was none")
        case .failed:
            expect(code != nil, "\(name): failed without a code")
            guard !session.hasOpenFailed, !session.isOpenHidden else { return }
            var codes: [String?] = [EntryError.frameTooLong.code]
            if let fatal = connection?.fatal { codes.append(EntryError(fatal).code) }
            if !operation.isRead && connection?.hasBrokenPipe == true {
                codes.append(EntryError(.brokenPipe).code)
            }
            let hasTorn =
                session.hasTorn || session.pending.contains { $0.isTorn }
                || session.ended.values.contains { $0.isTorn }
            // What tore may be forgotten before a reply that waited for others tells of it.
            session.hasTorn = hasTorn
            if hasTorn && !operation.isRead { codes.append(EntryError.writeTorn.code) }
            if operation.isAccept { codes.append(EntryError(.tooManyOpenFiles).code) }
            expect(codes.contains(code), "\(name): failed with \(code ?? "-")")
        case .truncated, .indeterminate:
            fail("\(name): \(entry.status)")
        }
    }

    private func checkGoal(
        _ entry: CompletionEntry, of operation: OperationRecord, _ name: String
    ) {
        let isTooLong = entry.details?.error?.code == EntryError.frameTooLong.code
        guard entry.status == .ok || isTooLong, let goal = operation.kind.goal else { return }
        let count = entry.data.count
        switch goal {
        case .readiness: expect(count == 0, "\(name): readiness took \(count) bytes")
        case .available(let limit):
            expect((1...limit).contains(count), "\(name): \(count) bytes of 1 to \(limit)")
        case .exactly(let size): expect(count == size, "\(name): \(count) bytes, not \(size)")
        case .frame: break
        case .until(let delimiter, let limit):
            let end = firstEnd(of: delimiter, in: entry.data)
            if isTooLong {
                expect(end == nil && count == limit, "\(name): a frame that is not too long")
            } else {
                expect(
                    end == count && count <= limit,
                    "\(name): a frame that ends at \(count), not at \(end ?? -1)")
            }
        }
    }

    private func firstEnd(of delimiter: [UInt8], in data: [UInt8]) -> Int? {
        guard data.count >= delimiter.count else { return nil }
        for start in 0...(data.count - delimiter.count)
        where data[start..<start + delimiter.count].elementsEqual(delimiter) {
            return start + delimiter.count
        }
        return nil
    }

    /// What a lane has accepted ends in that order, but for what was stopped while it waited.
    private func checkOrder(
        of operation: OperationRecord, _ entry: CompletionEntry, in session: SessionRecord
    ) {
        if !session.isOpenSeen && !session.isOpenHidden {
            let hasStarted = entry.bytes > 0 || entry.details?.sent ?? 0 > 0
            expect(
                [.cancelled, .timedOut].contains(entry.status) && !hasStarted,
                "\(words(operation, session)): \(entry.status) before the session's open")
        }
        // The entries of a closed port are seen by nobody.
        if entry.status == .cancelled || entry.status == .timedOut || session.port.isClosed {
            return
        }
        for earlier in session.pending where earlier.number < operation.number {
            if earlier.isSilent || earlier.isHidden { continue }
            guard earlier.shares(laneWith: operation), !earlier.kind.isStandingRead else {
                continue
            }
            // Behind half a write the whole write lane ends, whatever the read lane does.
            let isTorn = entry.details?.error?.code == EntryError.writeTorn.code
            if isTorn && earlier.isRead { continue }
            fail("\(words(operation, session)): ended before \(words(earlier, session))")
        }
    }

    // MARK: - Accepts

    private func acceptEnded(
        _ entry: CompletionEntry, _ operation: OperationRecord, _ listener: SessionRecord,
        isAtPort: Bool
    ) {
        let name = words(operation, listener)
        guard entry.status == .ok else {
            // The place for the end of the session that it did not bring.
            if !listener.port.isClosed { listener.port.reserved -= 1 }
            return expect(entry.details?.accepted == nil, "\(name): \(entry.status) with a session")
        }
        guard let id = entry.details?.accepted.flatMap({ SessionID($0) }) else {
            return fail("\(name): ok without a session")
        }
        if endedEarly.remove(id) != nil { return }
        guard let connection = entry.details?.peer.flatMap({ connectionAt[$0] }) else {
            return fail("\(name): ok without a peer that is known")
        }
        guard let handle = try? sessions.find(id) else {
            // While all ends, it may have ended in the turn in which it began.
            acceptedGone.insert(id)
            return expect(
                listener.port.isClosed || isDraining,
                "\(name): brought a session that is not there")
        }
        let session = SessionRecord(
            handle: handle, port: listener.port, isListener: false, hasOpen: false)
        session.connection = connection
        connection.session = session
        add(session)
        if isDraining { requestClose(session, .draining, false) }
    }

    // MARK: - The last entry

    func checkNothingPends(in session: SessionRecord, _ what: String) {
        for operation in session.pending where !operation.isSilent {
            fail("\(words(operation, session)): pending at \(what)")
        }
    }

    func checkClosed(_ entry: CompletionEntry, _ session: SessionRecord) {
        let name = session.id.text
        expect(
            session.isOpenSeen || session.handle.inlineOpen != nil, "\(name): closed, not opened")
        let code = entry.details?.error?.code
        switch entry.status {
        case .ok:
            expect(session.closesRequested.contains(.deleted), "\(name): closed by nobody")
        case .timedOut:
            expect(
                session.handle.configuration.idleTimeoutMilliseconds > 0
                    && code == EntryError.idleTimeout.code, "\(name): closed as idle")
        case .cancelled:
            expect(session.closesRequested.contains(.draining), "\(name): closed as by drain")
        case .failed: expect(session.hasOpenFailed, "\(name): failed after its open")
        default: fail("\(name): closed with \(entry.status)")
        }
        guard let record = session.connection, !session.hasOpenFailed else { return }
        expect(
            entry.details?.discarded ?? 0 == record.ledger.remaining,
            "\(name): \(entry.details?.discarded ?? 0) bytes are said to be discarded, "
                + "\(record.ledger.remaining) are missing")
        expect(record.isClosed, "\(name): ended with an open descriptor")
    }
}

extension OperationKind {
    var goal: ReadGoal? {
        switch self {
        case .read(let read): read.goal
        case .transact(let transact): transact.goal
        default: nil
        }
    }

    var hasInput: Bool { goal != nil }
}
