import BenchTools
import EngineBase
import Glibc
import JSONText
import PortEngine

/// The paths that every request takes, for counting their instructions.
///
///     hot-paths PATH TIMES
///
/// What a path costs is the difference of two runs with different numbers of times: starting and
/// ending cancel out.
@main
enum HotPaths {
    private static let batch = 64
    private static let paths: [String: @Sendable (Int) throws -> Void] = [
        "post-fetch-consume": { try postAndFetch($0, .consume) },
        "post-fetch-settle": { try postAndFetch($0, .lease) },
        "post-wake": { try wake($0) },
        "parse-packets": { try parse($0) },
        "write-entries": { write($0) },
    ]

    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 3, let times = Int(arguments[2]), let path = paths[arguments[1]]
        else { fatalError("hot-paths: PATH TIMES; the paths are \(paths.keys.sorted())") }
        try path(times)
    }

    /// A batch posted, fetched, and settled by the next fetch or consumed.
    private static func postAndFetch(_ times: Int, _ mode: FetchMode) throws {
        let bench = try BenchPort()
        let waiter = BenchWaiter()
        var request = FetchRequest()
        request.maxEntries = batch
        request.mode = mode
        for _ in 0..<times {
            try bench.port.post(BenchPort.packets(batch))
            let answer = try waiter.take(request, from: bench.port)
            precondition(answer.entries.count == batch, "a batch came in pieces")
            if let handover = answer.handover { bench.port.confirm(handover) }
            request.settle = answer.lease.map { SettleRequest(lease: $0, ack: .all) }
        }
    }

    /// A fetch that waits, and a post that answers it.
    private static func wake(_ times: Int) throws {
        let bench = try BenchPort()
        let waiter = BenchWaiter()
        var request = FetchRequest()
        request.waitMilliseconds = 50_000
        request.mode = .consume
        for _ in 0..<times {
            guard case .waiting = try bench.port.fetch(request, for: waiter) else {
                fatalError("an empty port gave something")
            }
            try bench.port.post(BenchPort.packets(1))
            let answer = waiter.wait()
            precondition(answer.entries.count == 1, "the fetch was woken without its entry")
            if let handover = answer.handover { bench.port.confirm(handover) }
        }
    }

    /// A body of packets, parsed and read as the handler of posts does.
    private static func parse(_ times: Int) throws {
        let packet = """
            {"key":"sensor-7","context":"reading-000123",\
            "data":"MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI="}
            """
        let list = Array(repeating: packet, count: batch).joined(separator: ",")
        let body = Array("{\"packets\":[\(list)]}".utf8)
        for _ in 0..<times {
            let packets = try JSONBody.read(body) { reader in
                var packets = EntryList(reservingCapacity: batch)
                let array = reader.array("packets", count: 1...10_000, required: true)
                let isWhole = array?.forEachObject { packet in
                    let key = packet.clientText("key", codePoints: 0...256)
                    let context = packet.clientText("context", codePoints: 0...256)
                    let status = packet.choice("status", as: EntryStatus.self) ?? .ok
                    let bytes = packet.integer("bytes") ?? 0
                    let data = packet.data() ?? []
                    _ = packet.has("error")
                    packets.append(
                        CompletionEntry(
                            kind: .packet, status: status, key: key, context: context,
                            bytes: bytes, data: data))
                }
                return isWhole == true ? packets : nil
            }
            precondition(packets.count == batch, "packets were lost")
        }
    }

    /// A reply with entries, written member by member.
    private static func write(_ times: Int) {
        let data = Array("12345678901234567890123456789012".utf8)
        let entries = EntryList(count: batch) { number in
            CompletionEntry(
                kind: .packet, key: "sensor-7", context: "reading-000123", bytes: number,
                data: data)
        }
        for _ in 0..<times {
            let text = JSONWriter.text(reserving: 256 + 320 * batch) { writer in
                writer.object { writer in
                    writer.member("reason", FetchReason.entries)
                    writer.array("entries") { writer in
                        for entry in entries { write(entry, into: &writer) }
                    }
                }
            }
            precondition(text.count > batch * 100, "the reply is too short")
        }
    }

    private static func write(_ entry: CompletionEntry, into writer: inout JSONWriter) {
        writer.object { writer in
            let id = EntryID(generation: PortGeneration(0x1A2B_3C4D), seq: 123_456)
            writer.member("id", id.text)
            writer.member("seq", 123_456)
            writer.member("kind", entry.kind)
            writer.member("key", entry.key)
            writer.member("context", entry.context)
            writer.member("status", entry.status)
            writer.member("bytes", entry.bytes)
            writer.dataMembers(entry.data, as: .base64)
            writer.member("queued_at", "2026-01-01T00:00:00.000Z")
            writer.member("delivery", 1)
        }
    }
}
