import DeviceSessions
import EngineBase
import PortEngine
import Workers

/// What comes out at the port: each operation ends once, and as it may.
extension ShapeRun {
    /// Takes all entries of the port, in their order.
    func collect() {
        var request = FetchRequest()
        request.mode = .consume
        request.maxEntries = 256
        request.maxBytes = 1 << 24
        while failure == nil {
            guard case .answered(let answer)? = try? port.fetch(request, for: Nobody()) else {
                return fail("the port does not answer")
            }
            if let handover = answer.handover { port.confirm(handover) }
            guard !answer.entries.isEmpty else { break }
            for queued in answer.entries where failure == nil { take(queued.entry) }
        }
        live.removeAll { $0.isClosedSeen }
    }

    private func take(_ entry: CompletionEntry) {
        note(.entry, entry.bytes, entry.data.count)
        trace.say { "  \(entry.words)" }
        count("\(entry.kind) \(entry.status)")
        if let code = entry.details?.error?.code { count(code) }
        guard let id = entry.details?.session.flatMap({ SessionID($0) }) else {
            return fail("an entry of no session")
        }
        guard let session = byID[id] else {
            expect(entry.kind == .sessionClosed, "an entry of a session that is not known")
            if acceptedGone.remove(id) == nil { endedEarly.insert(id) }
            return
        }
        expect(!session.isClosedSeen, "\(id.text): an entry after its last")
        switch entry.kind {
        case .open: opened(session, entry)
        case .sessionClosed: closed(session, entry)
        case .sessionState: shape?.stateChanged(entry, of: session)
        default: operationEntry(entry, session)
        }
    }

    private func opened(_ session: ShapeSession, _ entry: CompletionEntry) {
        let name = session.id.text
        expect(!session.isOpenSeen, "\(name): opened twice")
        session.isOpenSeen = true
        session.hasOpenFailed = entry.status != .ok
        let latest = session.openedAt.advanced(
            milliseconds: session.handle.configuration.connectTimeoutMilliseconds)
        switch entry.status {
        case .ok: break
        case .timedOut: expect(clock.now() >= latest, "\(name): its open timed out too early")
        case .cancelled: expect(session.isCloseRequested, "\(name): its open was cancelled")
        case .failed:
            let code = entry.details?.error?.code ?? "-"
            expect(
                shape?.openFailures.contains(code) ?? false, "\(name): its open failed: \(code)")
        default: fail("\(name): its open came to \(entry.status)")
        }
    }

    private func closed(_ session: ShapeSession, _ entry: CompletionEntry) {
        expect(session.isOpenSeen, "\(session.id.text): closed, not opened")
        for operation in session.pending {
            fail("\(words(operation, session)): pending at the end of its session")
        }
        session.isClosedSeen = true
        byID[session.id] = nil
        // It may be asked for no more, but an entry that comes now is of a session not known.
        shape?.closed(session, entry)
    }

    private func operationEntry(_ entry: CompletionEntry, _ session: ShapeSession) {
        guard let number = entry.details?.operation.flatMap({ OperationID($0)?.number }),
            let operation = session.pending.first(where: { $0.number == number })
        else {
            return fail("\(entry.words): an entry of an operation that has ended, or never was")
        }
        let name = words(operation, session)
        expect(entry.kind == operation.kind.entryKind, "\(name): an entry of kind \(entry.kind)")
        let isLast = entry.details?.isLast ?? true
        if isLast {
            session.pending.removeAll { $0 === operation }
            checkStatus(entry, of: operation, session, name)
            if case .accept = operation.kind { accepted(entry, name) }
        } else {
            expect(operation.kind.isStandingRead, "\(name): an entry that is not the last")
            if let credit = operation.credit {
                expect(credit > 0, "\(name): an entry without credit")
                operation.credit = credit - 1
            }
        }
        shape?.check(entry, of: operation, in: session, isLast: isLast)
    }

    private func checkStatus(
        _ entry: CompletionEntry, of operation: ShapeOperation, _ session: ShapeSession,
        _ name: String
    ) {
        switch entry.status {
        case .ok: break
        case .cancelled:
            expect(
                operation.isCancelRequested || session.isCloseRequested,
                "\(name): cancelled by nobody")
        case .timedOut:
            var isDue = operation.deadline.map { $0 <= clock.now() } ?? false
            if case .transact(let transact) = operation.kind,
                let milliseconds = transact.answerTimeoutMilliseconds
            {
                let earliest = operation.acceptedAt.advanced(milliseconds: milliseconds)
                isDue = isDue || earliest <= clock.now()
            }
            expect(isDue, "\(name): timed out too early")
        case .failed, .endOfStream, .truncated, .indeterminate:
            guard !session.hasOpenFailed else { return }
            expect(
                shape?.mayEnd(operation, with: entry, in: session) ?? false,
                "\(name): ended \(entry.status) \(entry.details?.error?.code ?? "")"
                    + "\(shape?.words(about: session) ?? "")")
        }
    }

    private func accepted(_ entry: CompletionEntry, _ name: String) {
        guard entry.status == .ok else { return }
        guard let id = entry.details?.accepted.flatMap({ SessionID($0) }) else {
            return fail("\(name): ok without a session")
        }
        if endedEarly.remove(id) != nil { return }
        guard let handle = try? sessions.find(id) else {
            // While all ends, it may have ended in the turn in which it began.
            acceptedGone.insert(id)
            return expect(isDraining, "\(name): brought a session that is not there")
        }
        nextSession += 1
        let session = ShapeSession(handle: handle, number: nextSession, hasOpen: false)
        session.isCloseRequested = isDraining
        add(session)
        shape?.accepted(session, from: entry.details?.peer)
    }
}

/// Somebody who never waits.
private final class Nobody: FetchWaiter {
    func finish(with answer: FetchAnswer) {}
}
