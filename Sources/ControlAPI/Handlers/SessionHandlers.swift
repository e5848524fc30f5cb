import DeviceSessions
import EngineBase
import HTTPListener
import JSONText
import PortEngine
import Transports

/// `/v1/sessions` and below: open, look, close, cancel, shut.
enum SessionHandlers {
    // MARK: - Look

    static func get(_ call: APICall) throws(Problem) -> HTTPReply? {
        reply(try call.session(), call)
    }

    static func list(_ call: APICall) throws(Problem) -> HTTPReply? {
        let limit = try call.query.pageLimit()
        let cursor = try call.query.text("cursor")
        let phase = try call.query.choice("state", as: SessionPhase.self)
        var port: PortName?
        if let text = try call.query.text("port") {
            port = PortName(text)
            guard port != nil else {
                throw .parameter(.requestQueryInvalid, "port", "is no name of a port")
            }
        }
        let (sessions, hasMore) = call.service.sessions.list(after: cursor, limit: limit) {
            session in
            (port == nil || session.port.name == port)
                && (phase == nil || session.snapshot.phase == phase)
        }
        return call.json(reserving: 640 * (sessions.count + 1)) { writer in
            writer.object { writer in
                writer.array("sessions") { writer in
                    for session in sessions { SessionText.write(session, call, into: &writer) }
                }
                if hasMore { writer.member("next_cursor", sessions.last?.id.text) }
            }
        }
    }

    static func reply(
        _ session: SessionHandle, _ call: APICall, status: Int = 200,
        headers: [(name: String, value: String)] = []
    ) -> HTTPReply {
        call.json(status: status, headers: headers, reserving: 640) { writer in
            SessionText.write(session, call, into: &writer)
        }
    }

    // MARK: - Close, shut, cancel

    static func delete(_ call: APICall) throws(Problem) -> HTTPReply? {
        let force = try call.query.boolean("force") ?? false
        let session = try call.session()
        try call.refuseIfLocked(session)
        call.service.idempotency.forget(owner: session.id.text)
        if session.snapshot.phase == .failed {
            // All its entries are on the port; what goes is the memory of why it failed.
            call.service.sessions.dismiss(session)
            return reply(session, call, status: 202)
        }
        // Answered once the worker has done what can be done at once, so that a session with
        // nothing left to do is closed before its client is told.
        session.close(.deleted, force: force) {
            call.reply(reply(session, call, status: 202))
        }
        return nil
    }

    static func shutdown(_ call: APICall) throws(Problem) -> HTTPReply? {
        try call.body { reader in
            reader.choice("how", from: ["write": ()], required: true)
        }
        let session = try call.session()
        try call.refuseIfLocked(session)
        do {
            try session.shutdownOutput()
        } catch {
            throw Problem(error, session: session)
        }
        return reply(session, call)
    }

    static func cancel(_ call: APICall) throws(Problem) -> HTTPReply? {
        let limit = call.service.limits.maxOperationsPerRequest
        // `.some(nil)`: all of them.
        let texts = try call.body { reader -> [String]?? in
            guard reader.has("operations") else { return .some(nil) }
            return reader.array("operations", count: 0...limit)?.strings().map { .some($0) }
        }
        let session = try call.session()
        try call.refuseIfLocked(session)
        let ids = texts?.map { text in
            OperationID(text).flatMap { $0.session == session.id ? $0 : nil }
        }
        let numbers = ids?.compactMap { $0?.number }
        session.send(
            .cancel(numbers) { answer in
                call.reply(cancelled(answer, texts, ids, call))
            })
        return nil
    }

    private static func cancelled(
        _ answer: CancelAnswer, _ texts: [String]?, _ ids: [OperationID?]?, _ call: APICall
    ) -> HTTPReply {
        let done = Set(answer.alreadyDone)
        let unknown = Set(answer.unknown)
        return call.json { writer in
            writer.object { writer in
                writer.member("cancelling", answer.cancelling)
                writer.array("outcomes") { writer in
                    for (text, id) in zip(texts ?? [], ids ?? []) {
                        let outcome: String
                        switch id?.number {
                        case .some(let number) where done.contains(number): outcome = "already_done"
                        case .some(let number) where !unknown.contains(number): continue
                        default: outcome = "unknown"
                        }
                        writer.object { writer in
                            writer.member("operation", text)
                            writer.member("outcome", outcome)
                        }
                    }
                }
            }
        }
    }
}
