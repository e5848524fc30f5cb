import HTTPListener
import JSONText

/// One refusal: its kind, and what is particular to this occurrence.
///
/// RFC 9457.
struct Problem: Error, Sendable {
    /// What is wrong, and where.
    struct Fault: Sendable {
        /// A JSON pointer into the body; `nil` if it is about a parameter.
        var pointer: String?
        /// A query parameter, a path segment, or a header.
        var parameter: String?
        var detail: String
    }

    let kind: ProblemKind
    /// What happened, why, and how to mend it.
    var detail: String
    /// The status, where it is not the kind's own.
    var status: Int
    var limit: Int?
    var current: Int?
    var retryAfterMilliseconds: Int?
    var faults: [Fault] = []
    var allow: String?
    /// The names that there are, where an unknown one was given.
    var known: [String]?
    /// An entry that goes with a raw read that failed, encoded.
    var entry: [UInt8]?
    /// The error of a failed I/O, encoded.
    var error: [UInt8]?

    /// A problem of a kind.
    ///
    /// `what` is what happened this time; the kind's own words say how to mend it.
    init(
        _ kind: ProblemKind, _ what: String, limit: Int? = nil, current: Int? = nil,
        retryAfterMilliseconds: Int? = nil, faults: [Fault] = [], allow: String? = nil
    ) {
        self.kind = kind
        detail = what + " " + kind.mend
        status = kind.status
        self.limit = limit
        self.current = current
        self.faults = faults
        self.allow = allow
        let mayWait = kind.status == 429 || kind.status == 503 || kind == .idempotencyInProgress
        self.retryAfterMilliseconds =
            retryAfterMilliseconds ?? (mayWait && kind.retryable ? 1_000 : nil)
    }

    /// A fault of the query or the path.
    static func parameter(_ kind: ProblemKind, _ name: String, _ detail: String) -> Problem {
        Problem(
            kind, "The parameter \(name) \(detail).",
            faults: [Fault(parameter: name, detail: detail)])
    }

    /// A fault of one member of the body.
    static func member(_ kind: ProblemKind, _ pointer: String, _ detail: String) -> Problem {
        Problem(
            kind, "The member \(pointer) \(detail).",
            faults: [Fault(pointer: pointer, detail: detail)])
    }

    /// A control that the session's transport does not have.
    static func unknownControl(_ name: String, of transport: String, known: [String]) -> Problem {
        var problem = Problem(
            .controlUnknown, "A \(transport) session has no control of that name.")
        problem.known = known
        return problem
    }

    /// The reply that tells it.
    func reply(path: String, requestID: String) -> HTTPReply {
        var headers: [(name: String, value: String)] = []
        if let allow { headers.append(("Allow", allow)) }
        if let milliseconds = retryAfterMilliseconds {
            headers.append(("Retry-After", String(max(1, (milliseconds + 999) / 1_000))))
        }
        return HTTPReply(
            status: status, contentType: "application/problem+json", headers: headers,
            body: JSONWriter.text(reserving: 512) { writer in
                write(path: path, requestID: requestID, into: &writer)
            })
    }

    private func write(path: String, requestID: String, into writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("type", kind.path)
        writer.member("title", kind.title)
        writer.member("status", status)
        writer.member("detail", detail)
        writer.member("instance", path)
        writer.member("code", kind.code)
        writer.member("request_id", requestID)
        writer.member("retryable", kind.retryable)
        writer.member("limit", limit)
        writer.member("current", current)
        writer.member("retry_after_ms", retryAfterMilliseconds)
        if !faults.isEmpty {
            writer.array("errors") { writer in
                for fault in faults {
                    writer.object { writer in
                        writer.member("pointer", fault.pointer)
                        writer.member("parameter", fault.parameter)
                        writer.member("detail", fault.detail)
                    }
                }
            }
        }
        if let known { writer.member("known", known) }
        if let error {
            writer.member("error")
            writer.raw(error)
        }
        if let entry {
            writer.member("entry")
            writer.raw(entry)
        }
        writer.endObject()
        writer.finishLine()
    }
}
