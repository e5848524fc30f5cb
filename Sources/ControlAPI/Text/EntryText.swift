import EngineBase
import JSONText
import PortEngine

/// Writes entries as JSON.
struct EntryText {
    let times: Timestamps
    let encoding: ReplyEncoding
    /// What all ids begin with.
    private let idPrefix: [UInt8]

    /// The text of entries of a port.
    init(of port: CompletionPort, times: Timestamps, encoding: ReplyEncoding) {
        self.times = times
        self.encoding = encoding
        idPrefix = port.idPrefixes.entry
    }

    /// The entries of a batch.
    func write(_ batch: EntryBatch, into writer: inout JSONWriter) {
        for run in batch.runs {
            // What the port knows of an entry is the same for all of a run.
            let tail = JSONWriter.text(reserving: 64) { writer in
                members(of: run.queuedAt, run.delivery, into: &writer)
            }
            for index in run.entries.indices {
                writer.beginObject()
                members(of: run.firstSeq + UInt64(index), run.entries, at: index, into: &writer)
                writer.members(raw: tail)
                writer.endObject()
            }
        }
    }

    /// An entry of a look, with where it is.
    func write(_ peeked: PeekedEntry, into writer: inout JSONWriter) {
        let queued = peeked.entry
        writer.beginObject()
        members(of: queued.seq, [queued.entry], at: 0, into: &writer)
        members(of: queued.queuedAt, queued.delivery, into: &writer)
        switch peeked.place {
        case .queued:
            writer.member("state", "queued")
        case .leased(let expiry):
            writer.member("state", "leased")
            writer.member("lease_expires_at", expiry, times)
        case .delayed(let until):
            writer.member("state", "delayed")
            writer.member("available_at", until, times)
        case .dead(let since):
            writer.member("state", "dead")
            writer.member("dead_at", since, times)
        }
        writer.endObject()
    }

    /// An entry of an inline reply, which never was on the port.
    static func writeInline(
        _ entries: EntryList, at index: Int, _ encoding: ReplyEncoding,
        into writer: inout JSONWriter
    ) {
        writer.beginObject()
        members(of: entries, at: index, encoding, into: &writer)
        writer.endObject()
    }

    /// An entry's error.
    static func write(_ error: EntryError, into writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("code", error.code)
        if !error.message.isEmpty { writer.member("message", error.message) }
        writer.member("errno", error.errno.map { Int($0) })
        writer.member("errno_name", error.errnoName)
        writer.member("win32", error.win32)
        writer.endObject()
    }

    /// An entry's error, by itself.
    static func text(of error: EntryError) -> [UInt8] {
        JSONWriter.text { writer in write(error, into: &writer) }
    }

    private func members(
        of seq: UInt64, _ entries: EntryList, at index: Int, into writer: inout JSONWriter
    ) {
        writer.members("id", idPrefix, "seq", seq)
        EntryText.members(of: entries, at: index, encoding, into: &writer)
    }

    private func members(
        of queuedAt: MonotonicInstant, _ delivery: Int, into writer: inout JSONWriter
    ) {
        writer.member("queued_at", queuedAt, times)
        writer.member("delivery", delivery)
    }

    /// The members of an entry, which is read in its place in the list: one that is handed over by
    /// itself would be copied.
    private static func members(
        of entries: EntryList, at index: Int, _ encoding: ReplyEncoding,
        into writer: inout JSONWriter
    ) {
        writer.member("kind", entries[index].kind)
        writer.member("key", entries[index].key)
        let details = entries[index].details
        if let details { write(origin: details, into: &writer) }
        writer.member("context", entries[index].context)
        writer.member("status", entries[index].status)
        writer.member("bytes", entries[index].bytes)
        writer.dataMembers(entries[index].data, as: encoding)
        if let details { write(rest: details, into: &writer) }
    }

    private static func write(origin details: EntryDetails, into writer: inout JSONWriter) {
        writer.member("session", details.session)
        writer.member("operation", details.operationName)
    }

    private static func write(rest details: EntryDetails, into writer: inout JSONWriter) {
        writer.member("last", details.isLast)
        if let error = details.error {
            writer.member("error")
            write(error, into: &writer)
        }
        writer.member("accepted", details.accepted)
        writer.member("peer", details.peer)
        writer.member("sent", details.sent)
        writer.member("discarded", details.discarded)
        if let extras = details.extras { write(extras, into: &writer) }
    }

    private static func write(_ extras: EntryExtras, into writer: inout JSONWriter) {
        writer.member("message_bytes", extras.messageBytes)
        if let events = extras.events { writer.member("events", events) }
        writer.member("value", extras.value)
        if let line = extras.line {
            writer.object("line") { writer in
                writer.member("baud", line.baud)
                writer.member("data", line.data)
                writer.member("parity", line.parity)
                writer.member("stop", line.stop)
                writer.member("flow", line.flow)
            }
        }
        writer.member("session_state", extras.sessionState)
        writer.member("attempts", extras.attempts)
        writer.member("skipped", extras.skipped)
    }
}

extension JSONWriter {
    /// Writes an operation's id, without making a string of it.
    mutating func member(_ name: StaticString, _ operation: OperationName?) {
        guard let operation else { return }
        member(name)
        string(operation.prefix, then: operation.number)
    }

    /// Writes an entry's kind: the most frequent ones as literals.
    @inline(__always)
    mutating func member(_ name: StaticString, _ kind: EntryKind) {
        member(name)
        switch kind {
        case .packet: string(plain: "packet")
        case .read: string(plain: "read")
        case .write: string(plain: "write")
        case .transact: string(plain: "transact")
        default: string(kind.rawValue)
        }
    }

    /// Writes how an entry ended: mostly a literal.
    @inline(__always)
    mutating func member(_ name: StaticString, _ status: EntryStatus) {
        member(name)
        if status == .ok { string(plain: "ok") } else { string(status.rawValue) }
    }
}
