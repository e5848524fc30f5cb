import DeviceSessions
import EngineBase
import HTTPListener
import JSONText
import PortEngine
import Transports

/// `/v1/sessions/{session}/operations` and below.
///
/// ReadFile, WriteFile, TransactNamedPipe, AcceptEx.
enum OperationHandlers {
    // MARK: - Submit

    static func post(_ call: APICall) throws(Problem) -> HTTPReply? {
        var operations = OperationReader(call.service.limits)
        operations.allowsRawControls = call.service.allowsRawControls
        let limit = call.service.limits.maxOperationsPerRequest
        let wanted = try call.body { reader -> [WantedOperation]? in
            guard !reader.contains(named: "op"), reader.contains(named: "operations") else {
                return operations.read(&reader).map { [$0] }
            }
            var index = 0
            let list = reader.array("operations", count: 1...limit)?.objects { item in
                defer { index += 1 }
                var operation = operations.read(&item)
                operation?.place = .element(index)
                return operation
            }
            let inline = list?.count { $0.deliver == .inline } ?? 0
            if inline != 0 && inline != list?.count {
                reader.fault("operations", "must be inline all of them, or none")
            }
            return list
        }
        let session = try call.session()
        let isInline = wanted[0].deliver == .inline
        return try call.once(owner: session.id.text, replay: { replay($0, call) }) {
            (remember) throws(Problem) -> HTTPReply? in
            try call.refuseWhileDraining()
            if let long = operations.longDelimiter { throw tooLong(long, call) }
            if isInline && call.request.header("idempotency-key") != nil {
                throw Problem(.idempotencyInline, "The operations are delivered inline.")
            }
            if isInline {
                try submitInline(wanted, session, call) { entries in
                    inlineReply(wanted, entries, call)
                }
                return nil
            }
            let ids = try submit(
                try requests(wanted, to: session, call.service.targetPolicy, nil, waitCap: 0),
                session, call)
            let names = SessionNames(session.id)
            let pending = zip(ids, wanted).map {
                (id: names.operation($0.number), kind: $1.entryKind)
            }
            remember(.operations(pending))
            return accepted(pending, call)
        }
    }

    /// Submits operations whose entries go into the reply that `render` makes.
    static func submitInline(
        _ wanted: [WantedOperation], _ session: SessionHandle, _ call: APICall,
        render: @escaping @Sendable (EntryList) -> HTTPReply
    ) throws(Problem) {
        let metrics = call.service.metrics
        let inline = InlineReply(port: session.port, count: wanted.count) { inline, entries in
            var reply = render(entries)
            reply.onHandover = { isSent in
                if isSent {
                    inline.delivered()
                } else {
                    // The client has gone: its entries go to the port, as if asked for so.
                    metrics.undeliveredReply()
                    inline.undelivered()
                }
            }
            if call.exchange.clientIsGone() {
                reply.onHandover?(false)
                reply.onHandover = nil
            }
            call.reply(reply)
        }
        let cap = call.service.limits.maxWaitMilliseconds
        _ = try submit(
            try requests(
                wanted, to: session, call.service.targetPolicy, inline, waitCap: cap),
            session, call)
    }

    private static func requests(
        _ wanted: [WantedOperation], to session: SessionHandle, _ policy: TargetPolicy,
        _ reply: InlineReply?, waitCap: Int
    ) throws(Problem) -> [OperationRequest] {
        var requests: [OperationRequest] = []
        requests.reserveCapacity(wanted.count)
        for (index, operation) in wanted.enumerated() {
            try operation.judgeAddress(on: session, policy)
            requests.append(
                try operation.request(
                    to: session.configuration, reply, index: index, waitCap: waitCap))
        }
        return requests
    }

    private static func submit(
        _ requests: [OperationRequest], _ session: SessionHandle, _ call: APICall
    ) throws(Problem) -> [OperationID] {
        do {
            return try session.submit(
                requests, lockToken: call.lockToken, at: call.service.clock.now())
        } catch {
            throw Problem(error, session: session)
        }
    }

    /// A delimiter that has too many bytes once it is decoded.
    static func tooLong(_ long: (member: String, bytes: Int), _ call: APICall) -> Problem {
        Problem(
            .dataTooLong, "The delimiter has \(long.bytes) bytes.",
            limit: call.service.limits.maxUntilBytes, current: long.bytes,
            faults: [.init(pointer: long.member, detail: "is too long")])
    }

    private static func replay(_ answer: RememberedAnswer, _ call: APICall) -> HTTPReply {
        guard case .operations(let pending) = answer else { return accepted([], call) }
        return accepted(pending, call)
    }

    private static func accepted(
        _ operations: [(id: OperationName, kind: EntryKind)], _ call: APICall
    ) -> HTTPReply {
        call.json(status: 202, reserving: 80 * operations.count + 32) { writer in
            writer.object { writer in
                writer.array("operations") { writer in
                    for (id, kind) in operations {
                        writer.object { writer in
                            writer.member("operation", id)
                            writer.member("op", kind)
                            writer.member("state")
                            writer.string(plain: "pending")
                        }
                    }
                }
            }
        }
    }

    static func inlineReply(
        _ wanted: [WantedOperation], _ entries: EntryList, _ call: APICall
    ) -> HTTPReply {
        call.json(reserving: 512 * entries.count) { writer in
            writer.object { writer in
                writer.array("entries") { writer in
                    for index in entries.indices {
                        EntryText.writeInline(
                            entries, at: index, wanted[index].replyEncoding, into: &writer)
                    }
                }
            }
        }
    }

    // MARK: - Look

    static func list(_ call: APICall) throws(Problem) -> HTTPReply? {
        let limit = try call.query.pageLimit()
        let cursor = try call.query.text("cursor")
        let session = try call.session()
        session.send(
            .describe { operations in
                call.reply(page(operations, of: session, after: cursor, limit, call))
            })
        return nil
    }

    private static func page(
        _ operations: [OperationStatus], of session: SessionHandle, after cursor: String?,
        _ limit: Int, _ call: APICall
    ) -> HTTPReply {
        // Any text is a cursor; one that is no id of this session is before all of them.
        let start = cursor.flatMap { OperationID($0) }.flatMap {
            $0.session == session.id ? $0.number : nil
        }
        let rest = operations.drop { $0.number <= start ?? 0 }
        return call.json(reserving: 128 * (min(limit, rest.count) + 1)) { writer in
            writer.object { writer in
                writer.array("operations") { writer in
                    for operation in rest.prefix(limit) {
                        write(operation, of: session, into: &writer)
                    }
                }
                if rest.count > limit, let last = rest.prefix(limit).last {
                    writer.member(
                        "next_cursor", OperationID(session: session.id, number: last.number).text)
                }
            }
        }
    }

    static func get(_ call: APICall) throws(Problem) -> HTTPReply? {
        let session = try call.session()
        let number = try operation(call, of: session)
        session.send(
            .describe { operations in
                guard let operation = operations.first(where: { $0.number == number }) else {
                    call.reply(ended())
                    return
                }
                call.reply(call.json { write(operation, of: session, into: &$0) })
            })
        return nil
    }

    static func credit(_ call: APICall) throws(Problem) -> HTTPReply? {
        let amount = try call.body { $0.integer("add", in: 1...1_000_000, required: true) }
        let session = try call.session()
        let number = try operation(call, of: session)
        let phase = session.snapshot.phase
        guard phase.isInUse else {
            throw Problem(SubmitError.notOpen(phase), session: session)
        }
        try call.refuseIfLocked(session)
        session.send(
            .credit(number, add: amount) { answer in
                switch answer {
                case .credit(let credit):
                    call.reply(
                        call.json { writer in
                            writer.object { writer in writer.member("credit", credit) }
                        })
                case .notLimited:
                    call.reply(
                        Problem(
                            .operationUnsupported,
                            "The operation is no standing read with limited credit."))
                case .ended:
                    call.reply(ended())
                }
            })
        return nil
    }

    private static func ended() -> Problem {
        Problem(.operationCompleted, "The operation has ended.")
    }

    /// The operation in the path: one that the session has had.
    private static func operation(
        _ call: APICall, of session: SessionHandle
    ) throws(Problem) -> UInt64 {
        guard let id = OperationID(call.parameters[1]), id.session == session.id,
            id.number <= session.newestOperation
        else {
            throw Problem(.operationUnknown, "The session has had no operation of that id.")
        }
        return id.number
    }

    private static func write(
        _ operation: OperationStatus, of session: SessionHandle, into writer: inout JSONWriter
    ) {
        writer.object { writer in
            writer.member(
                "operation", OperationID(session: session.id, number: operation.number).text)
            writer.member("op", operation.name)
            writer.member("state", operation.state)
            writer.member("context", operation.context)
            writer.member("paused_by", operation.pausedBy)
            writer.member("credit", operation.credit)
        }
    }
}

extension Problem {
    /// A problem of a session that names it.
    init(_ error: SessionLookupError, _ session: SessionHandle) {
        self.init(error, session: session.id.text)
    }
}
