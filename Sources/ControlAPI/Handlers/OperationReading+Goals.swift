import DeviceSessions
import JSONText
import PortEngine

/// How much a read takes that says nothing of frames, if its session cuts its input into them.
enum FrameLimit: Sendable {
    /// As much as the session's framing says.
    case asFramed
    /// At most so many bytes.
    case bytes(Int)
}

extension OperationKind {
    /// The same operation, reading a frame.
    func reading(frame framing: Framing, _ limit: FrameLimit) -> OperationKind {
        var bytes = framing.maxBytes
        if case .bytes(let given) = limit { bytes = given }
        return reading(.frame(framing.form, limit: bytes))
    }
}

extension OperationReader {
    /// What makes a read complete: `exactly`, `until`, a frame, or what is there.
    mutating func goal(_ reader: inout ObjectReader, allowsReadiness: Bool) -> ReadGoal? {
        let maxBytes = reader.integer("max_bytes", in: 0...limits.maxReadBytes)
        let exactly = reader.integer("exactly", in: 1...limits.maxReadBytes)
        let hasUntil = reader.has("until")
        let until = reader.text(
            "until", "until_encoding", fallback: .utf8, byteLimit: limits.maxUntilBytes, least: 1)
        if let until, until.count > limits.maxUntilBytes {
            longDelimiter = ("/until", until.count)
        }
        if let until, until.isEmpty { reader.fault("until", "must have at least one byte") }
        if reader.has("until_encoding") && !hasUntil {
            reader.fault("until_encoding", "needs until")
        }
        let hasFraming = reader.has("framing")
        let framing = reader.object("framing") { read(framing: &$0, allowsNone: true) }
        if reader.has("exactly") && (hasUntil || hasFraming || reader.has("max_bytes")) {
            reader.fault("exactly", "excludes until, framing and max_bytes")
        }
        if hasUntil && hasFraming { reader.fault("until", "excludes framing") }
        if maxBytes == 0 && (hasUntil || hasFraming || !allowsReadiness) {
            reader.fault("max_bytes", "must not be 0 with until, framing or repeat")
        }
        if let exactly { return .exactly(exactly) }
        let limit = maxBytes ?? min(65_536, limits.maxReadBytes)
        if hasUntil { return until.map { .until($0, limit: limit) } }
        if case .framed(let framing)? = framing {
            return .frame(framing.form, limit: maxBytes ?? framing.maxBytes)
        }
        return limit == 0 ? .readiness : .available(limit: limit)
    }

    /// Whether a read has the frames of its session, and how long they may be.
    func frameLimit(_ reader: ObjectReader) -> FrameLimit? {
        guard reader.peek("exactly") == nil, reader.peek("until") == nil,
            reader.peek("framing") == nil
        else { return nil }
        guard let limit = reader.peek("max_bytes")?.integer else { return .asFramed }
        return limit > 0 ? .bytes(limit) : nil
    }
}
