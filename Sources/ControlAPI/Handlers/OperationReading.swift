import DeviceSessions
import JSONText
import PortEngine

/// An operation as a request gives it.
struct WantedOperation: Sendable {
    /// Where the entry shall go.
    enum Deliver: String, CaseIterable, Sendable {
        case port, inline, none
    }

    var kind: OperationKind
    var context: String?
    var timeoutMilliseconds: Int?
    var deliver: Deliver
    var replyEncoding: ReplyEncoding

    /// The request to the session; the entry of an inline one goes to `reply`.
    func request(_ reply: InlineReply?, index: Int, waitCap: Int) -> OperationRequest {
        var request = OperationRequest(
            kind: kind, context: context, timeoutMilliseconds: timeoutMilliseconds)
        switch deliver {
        case .port:
            break
        case .none:
            request.delivery = .none
        case .inline:
            // No handler waits for ever.
            request.timeoutMilliseconds = min(timeoutMilliseconds ?? waitCap, waitCap)
            if let reply { request.delivery = .inline(reply, index: index) }
        }
        return request
    }
}

/// Reads operations, as the schema of each says what it may have.
struct OperationReader {
    private enum Name: String, CaseIterable {
        case read, write, transact, accept
    }

    let limits: ServiceLimits
    /// A delimiter that decodes to more bytes than it may have, found only when all else is right.
    var longUntil: Int?

    init(_ limits: ServiceLimits) { self.limits = limits }

    mutating func read(_ reader: inout ObjectReader) -> WantedOperation? {
        guard let name = reader.choice("op", as: Name.self, required: true) else {
            // Without knowing what it is, its other members cannot be judged.
            reader.forEachMember { _, _ in }
            return nil
        }
        let context = reader.clientText("context")
        let timeout = reader.integer("timeout_ms", in: 1...86_400_000)
        let deliver = deliver(&reader, name)
        var encoding = ReplyEncoding.base64
        let kind: OperationKind?
        switch name {
        case .accept:
            kind = .accept
        case .write:
            encoding = dataEncoding(reader)
            kind = reader.data(required: true).map { .write($0) }
        case .read:
            encoding =
                reader.choice("encoding", as: DataEncoding.self).map { ReplyEncoding($0) }
                ?? .base64
            kind = readKind(&reader, deliver)
        case .transact:
            encoding = dataEncoding(reader)
            let data = reader.data(required: true)
            let goal = goal(&reader, allowsReadiness: true)
            let discards = reader.boolean("discard_input") ?? false
            let answer = reader.integer("answer_timeout_ms", in: 1...86_400_000)
            kind =
                if let data, let goal {
                    .transact(
                        data, goal, discardsInput: discards, answerTimeoutMilliseconds: answer)
                } else {
                    nil
                }
        }
        let replyEncoding = reader.choice("reply_encoding", as: ReplyEncoding.self)
        guard let kind else { return nil }
        return WantedOperation(
            kind: kind, context: context, timeoutMilliseconds: timeout, deliver: deliver,
            replyEncoding: replyEncoding ?? encoding)
    }

    /// The encoding that the operation's data came in, which its inline reply uses too.
    private func dataEncoding(_ reader: ObjectReader) -> ReplyEncoding {
        var copy = reader
        return copy.node("encoding")?.string.flatMap { DataEncoding(rawValue: $0) }.map {
            ReplyEncoding($0)
        } ?? .base64
    }

    private func deliver(_ reader: inout ObjectReader, _ name: Name) -> WantedOperation.Deliver {
        if name == .write {
            return reader.choice("deliver", as: WantedOperation.Deliver.self) ?? .port
        }
        let choices: KeyValuePairs<String, WantedOperation.Deliver> = [
            "port": .port, "inline": .inline,
        ]
        return reader.choice("deliver", from: choices) ?? .port
    }

    private mutating func readKind(
        _ reader: inout ObjectReader, _ deliver: WantedOperation.Deliver
    ) -> OperationKind? {
        let repeats = reader.boolean("repeat") ?? false
        let credit = reader.integer("credit", in: 0...1_000_000)
        if credit != nil && !repeats { reader.fault("credit", "needs repeat: true") }
        if repeats && deliver != .port { reader.fault("deliver", "must be port with repeat: true") }
        guard let goal = goal(&reader, allowsReadiness: !repeats) else { return nil }
        return .read(goal, repeats: repeats, credit: credit)
    }

    /// What makes a read complete: `exactly`, `until`, or what is there.
    private mutating func goal(
        _ reader: inout ObjectReader, allowsReadiness: Bool
    ) -> ReadGoal? {
        let maxBytes = reader.integer("max_bytes", in: 0...limits.maxReadBytes)
        let exactly = reader.integer("exactly", in: 1...limits.maxReadBytes)
        let hasUntil = reader.has("until")
        let until = reader.text(
            "until", "until_encoding", fallback: .utf8, byteLimit: limits.maxUntilBytes, least: 1)
        if let until, until.count > limits.maxUntilBytes { longUntil = until.count }
        if let until, until.isEmpty { reader.fault("until", "must have at least one byte") }
        if reader.has("until_encoding") && !hasUntil {
            reader.fault("until_encoding", "needs until")
        }
        if reader.has("exactly") && (hasUntil || reader.has("max_bytes")) {
            reader.fault("exactly", "excludes until and max_bytes")
        }
        if maxBytes == 0 && (hasUntil || !allowsReadiness) {
            reader.fault("max_bytes", "must not be 0 with until or repeat")
        }
        if let exactly { return .exactly(exactly) }
        let limit = maxBytes ?? min(65_536, limits.maxReadBytes)
        if hasUntil { return until.map { .until($0, limit: limit) } }
        return limit == 0 ? .readiness : .available(limit: limit)
    }
}
