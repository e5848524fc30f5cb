import HTTPListener
import JSONText
import PortEngine

/// Looks at a port, and its dead letters.
enum PeekHandlers {
    static func completions(_ call: APICall) throws(Problem) -> HTTPReply? {
        try page(call) { (port, cursor, limit) throws(PortError) in
            try port.peek(after: cursor, limit: limit)
        }
    }

    static func deadLetters(_ call: APICall) throws(Problem) -> HTTPReply? {
        try page(call) { (port, cursor, limit) throws(PortError) in
            try port.peekDeadLetters(after: cursor, limit: limit)
        }
    }

    static func redrive(_ call: APICall) throws(Problem) -> HTTPReply? {
        try change(call, "redriven") { (port, selection) throws(PortError) in
            try port.redrive(selection)
        }
    }

    static func discard(_ call: APICall) throws(Problem) -> HTTPReply? {
        try change(call, "discarded") { (port, selection) throws(PortError) in
            try port.discard(selection)
        }
    }

    /// A page ends early once it has this many bytes of data.
    private static let pageBytes = 1 << 20

    private static func page(
        _ call: APICall,
        _ look: (CompletionPort, UInt64, Int) throws(PortError) -> PeekPage
    ) throws(Problem) -> HTTPReply? {
        let limit = try call.query.pageLimit()
        let cursor = try call.query.integer("cursor", in: 0...JSONNode.largestInteger) ?? 0
        let encoding = try call.query.choice("encoding", as: ReplyEncoding.self) ?? .base64
        let port = try call.port()
        var page: PeekPage
        do {
            page = try look(port, UInt64(cursor), limit)
        } catch {
            throw Problem(error, port: port.name)
        }
        shorten(&page)
        let text = EntryText(of: port, times: call.times, encoding: encoding)
        return call.json(reserving: 512 * (page.entries.count + 1)) { writer in
            writer.object { writer in
                writer.array("entries") { writer in
                    for peeked in page.entries {
                        text.write(peeked, into: &writer)
                    }
                }
                writer.member("next_cursor", page.next.map { String($0) })
            }
        }
    }

    private static func shorten(_ page: inout PeekPage) {
        var bytes = 0
        for (index, peeked) in page.entries.enumerated() {
            bytes += peeked.entry.entry.data.count
            guard bytes > pageBytes, index + 1 < page.entries.count else { continue }
            page.next = peeked.entry.seq
            page.entries.removeSubrange((index + 1)...)
            return
        }
    }

    private static func change(
        _ call: APICall, _ countName: StaticString,
        _ change: (CompletionPort, DeadLetterSelection) throws(PortError) -> DeadLetterAnswer
    ) throws(Problem) -> HTTPReply? {
        let name = try call.portName()
        let limit = call.service.limits.maxSettleIDs
        let selection = try call.body { reader -> DeadLetterSelection? in
            guard reader.require("entries"), let value = reader.value("entries") else { return nil }
            if value.kind == .array {
                return value.array(count: 0...limit)?.strings().map {
                    .entries($0.map { EntryReference($0) })
                }
            }
            return value.choice(from: ["all": DeadLetterSelection.all])
        }
        let port = try call.port(name)
        do {
            let answer = try change(port, selection)
            return call.json { writer in
                writer.object { writer in
                    writer.member(countName, answer.count)
                    writer.array("outcomes") { writer in
                        for id in answer.unknown {
                            writer.object { writer in
                                writer.member("id", id)
                                writer.member("outcome", "unknown")
                            }
                        }
                    }
                }
            }
        } catch {
            throw Problem(error, port: name)
        }
    }
}
