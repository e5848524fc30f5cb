import JSONText
import PortEngine

/// Writes entries as JSON.
struct EntryText {
    let times: Timestamps
    let encoding: ReplyEncoding
    /// What all ids begin with.
    private let idPrefix: String

    /// The text of entries of one life of a port.
    init(generation: PortGeneration, times: Timestamps, encoding: ReplyEncoding) {
        self.times = times
        self.encoding = encoding
        idPrefix = EntryID.prefix(of: generation)
    }

    /// An entry of a batch, or of a look with where it is.
    func write(
        _ queued: QueuedEntry, place: PeekedEntry.Place? = nil, into writer: inout JSONWriter
    ) {
        writer.beginObject()
        writer.member("id")
        writer.string(idPrefix, then: queued.seq)
        writer.member("seq", Int(queued.seq))
        EntryText.members(of: queued.entry, encoding, into: &writer)
        writer.member("queued_at", queued.queuedAt, times)
        writer.member("delivery", queued.delivery)
        switch place {
        case nil:
            break
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
        _ entry: CompletionEntry, _ encoding: ReplyEncoding, into writer: inout JSONWriter
    ) {
        writer.beginObject()
        members(of: entry, encoding, into: &writer)
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

    private static func members(
        of entry: CompletionEntry, _ encoding: ReplyEncoding, into writer: inout JSONWriter
    ) {
        writer.member("kind", entry.kind)
        writer.member("key", entry.key)
        if let details = entry.details {
            writer.member("session", details.session)
            writer.member("operation", details.operation)
        }
        writer.member("context", entry.context)
        writer.member("status", entry.status)
        writer.member("bytes", entry.bytes)
        writer.dataMembers(entry.data, as: encoding)
        guard let details = entry.details else { return }
        writer.member("last", details.isLast)
        if let error = details.error {
            writer.member("error")
            write(error, into: &writer)
        }
        writer.member("accepted", details.accepted)
        writer.member("peer", details.peer)
        writer.member("sent", details.sent)
        writer.member("discarded", details.discarded)
        guard let extras = details.extras else { return }
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
