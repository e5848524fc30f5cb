import DeviceSessions
import HTTPListener
import JSONText
import PortEngine

/// The raw forms for shells: one inline read or write, bytes instead of JSON.
enum RawHandlers {
    static func write(_ call: APICall) throws(Problem) -> HTTPReply? {
        let timeout = try call.query.integer("timeout_ms", in: 1...86_400_000)
        let context = try call.query.clientText("context")
        let offset = try call.query.fileOffset()
        let destination = try call.query.destination()
        let session = try call.session()
        try call.refuseWhileDraining()
        let write = WriteRequest(call.request.body, offset: offset, destination: destination)
        let wanted = [
            WantedOperation(
                wish: .kind(.write(write)), place: .query, context: context,
                timeoutMilliseconds: timeout,
                deliver: .inline, replyEncoding: .base64)
        ]
        try OperationHandlers.submitInline(wanted, session, call) { entries in
            OperationHandlers.inlineReply(wanted, entries, call)
        }
        return nil
    }

    static func read(_ call: APICall) throws(Problem) -> HTTPReply? {
        let timeout = try call.query.integer("timeout_ms", in: 1...86_400_000)
        let context = try call.query.clientText("context")
        let parameters = try GoalParameters(call)
        let offset = try call.query.fileOffset()
        let session = try call.session()
        try call.refuseWhileDraining()
        let goal = try parameters.goal(call.service.limits)
        let timers = try parameters.timers(goal)
        let wanted = [
            WantedOperation(
                wish: .kind(.read(ReadRequest(goal, offset: offset, timers: timers))),
                frameLimit: parameters.frameLimit, context: context,
                timeoutMilliseconds: timeout, deliver: .inline, replyEncoding: .base64)
        ]
        try OperationHandlers.submitInline(wanted, session, call) { entries in
            entries.first.map { bytes(of: $0, call) } ?? HTTPReply(status: 500)
        }
        return nil
    }

    /// The query parameters that say when a read is complete, each right in itself.
    private struct GoalParameters {
        let maxBytes: Int?
        let exactly: Int?
        let until: String?
        let encoding: DataEncoding?
        let interval: Int?
        let total: Int?

        init(_ call: APICall) throws(Problem) {
            let limits = call.service.limits
            maxBytes = try call.query.integer("max_bytes", in: 0...limits.maxReadBytes)
            exactly = try call.query.integer("exactly", in: 1...limits.maxReadBytes)
            until = try call.query.text("until", codePoints: 2 * limits.maxUntilBytes)
            encoding = try call.query.choice("until_encoding", as: DataEncoding.self)
            interval = try call.query.integer("interval_ms", in: 0...86_400_000)
            total = try call.query.integer("total_ms", in: 1...86_400_000)
            if until?.isEmpty == true {
                throw .parameter(.requestQueryInvalid, "until", "must have at least one character")
            }
        }

        func timers(_ goal: ReadGoal) throws(Problem) -> ReadTimers? {
            guard interval != nil || total != nil else { return nil }
            guard goal != .readiness else {
                let name = interval == nil ? "total_ms" : "interval_ms"
                throw .parameter(.requestQueryConflict, name, "needs a max_bytes that is not 0")
            }
            return ReadTimers(intervalMilliseconds: interval, totalMilliseconds: total)
        }

        /// How long a frame may be, on a session that cuts its input into frames.
        var frameLimit: FrameLimit? {
            guard exactly == nil, until == nil, maxBytes != 0 else { return nil }
            return maxBytes.map { .bytes($0) } ?? .asFramed
        }

        func goal(_ limits: ServiceLimits) throws(Problem) -> ReadGoal {
            if exactly != nil && (until != nil || maxBytes != nil || encoding != nil) {
                throw .parameter(.requestQueryConflict, "exactly", "excludes until and max_bytes")
            }
            if let exactly { return .exactly(exactly) }
            let limit = maxBytes ?? min(65_536, limits.maxReadBytes)
            guard let until else {
                guard encoding == nil else {
                    throw .parameter(.requestQueryConflict, "until_encoding", "needs until")
                }
                return limit == 0 ? .readiness : .available(limit: limit)
            }
            guard limit > 0 else {
                throw .parameter(.requestQueryConflict, "max_bytes", "must not be 0 with until")
            }
            guard let delimiter = (encoding ?? .utf8).decode(until), !delimiter.isEmpty else {
                throw .parameter(.requestQueryConflict, "until", "is not in its encoding")
            }
            guard delimiter.count <= limits.maxUntilBytes else {
                throw Problem(
                    .dataTooLong, "The delimiter has \(delimiter.count) bytes.",
                    limit: limits.maxUntilBytes, current: delimiter.count,
                    faults: [.init(parameter: "until", detail: "is too long")])
            }
            return .until(delimiter, limit: limit)
        }
    }

    /// The bytes of a read, or the problem that a failed or cancelled one is.
    private static func bytes(of entry: CompletionEntry, _ call: APICall) -> HTTPReply {
        var headers: [(name: String, value: String)] = [("Iocpd-Status", entry.status.rawValue)]
        if let operation = entry.details?.operation {
            headers.append(("Iocpd-Operation", operation))
        }
        switch entry.status {
        case .ok, .truncated, .endOfStream, .timedOut:
            return HTTPReply(
                status: 200, contentType: "application/octet-stream", headers: headers,
                body: entry.data)
        case .failed, .indeterminate, .cancelled:
            let error = entry.details?.error
            var problem =
                entry.status == .cancelled
                ? Problem(.operationCancelled, "The read was cancelled.")
                : Problem(.operationFailed, error?.message ?? "The read failed.")
            problem.error = error.map(EntryText.text)
            problem.entry = JSONWriter.text { writer in
                EntryText.writeInline([entry], at: 0, .base64, into: &writer)
            }
            var reply = problem.reply(path: call.request.path, requestID: call.request.requestID)
            reply.headers += headers
            return reply
        }
    }
}
