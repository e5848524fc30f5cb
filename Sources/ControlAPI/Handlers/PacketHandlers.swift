import EngineBase
import HTTPListener
import JSONText
import PortEngine

/// `POST /v1/ports/{port}/packets`.
///
/// PostQueuedCompletionStatus.
enum PacketHandlers {
    /// A packet whose `bytes` and data do not fit each other; found only when all else is right.
    private struct WrongLength: Sendable {
        let index: Int
        let bytes: Int
        let dataBytes: Int
    }

    static func post(_ call: APICall) throws(Problem) -> HTTPReply? {
        let name = try call.portName()
        let key = try call.query.clientText("key")
        let context = try call.query.clientText("context")
        var wrong: WrongLength?
        let packets: EntryList
        if ContentRules.isBytes(call.request) {
            packets = [
                CompletionEntry(
                    kind: .packet, key: key, context: context, bytes: call.request.body.count,
                    data: call.request.body)
            ]
        } else {
            packets = try read(call, key: key, context: context, &wrong)
        }
        let port = try call.port(name)
        let count = packets.count
        return try call.once(owner: name.rawValue, replay: { _ in accepted(count, call) }) {
            (
                remember: @escaping @Sendable (RememberedAnswer?) -> Void
            ) throws(Problem) -> HTTPReply? in
            try call.refuseWhileDraining()
            if let wrong {
                throw .member(
                    .packetBytesDiffer, "/packets/\(wrong.index)/bytes",
                    "is \(wrong.bytes), but the data has \(wrong.dataBytes) bytes")
            }
            do throws(PortError) {
                try port.post(packets)
            } catch {
                throw Problem(error, port: name)
            }
            remember(.packets(accepted: count))
            return accepted(count, call)
        }
    }

    private static func accepted(_ count: Int, _ call: APICall) -> HTTPReply {
        call.json(reserving: 32) { writer in
            writer.object { writer in writer.member("accepted", count) }
        }
    }

    private static func read(
        _ call: APICall, key: ClientText?, context: ClientText?, _ wrong: inout WrongLength?
    ) throws(Problem) -> EntryList {
        let limit = call.service.limits.maxPacketsPerRequest
        var firstWrong: WrongLength?
        var index = -1
        let packets = try call.body { (reader) -> EntryList? in
            guard let array = reader.array("packets", count: 1...limit, required: true) else {
                return nil
            }
            var packets = EntryList(reservingCapacity: array.count)
            let isWhole = array.forEachObject { packet in
                index += 1
                let ownKey = packet.clientText("key")
                let ownContext = packet.clientText("context")
                let status = packet.choice("status", as: EntryStatus.self)
                let wantedBytes = packet.integer("bytes")
                let data = packet.data()
                let bytes = wantedBytes ?? data?.count ?? 0
                let error = packet.object("error", read: packetError)
                if let data, data.count != bytes, firstWrong == nil {
                    firstWrong = WrongLength(index: index, bytes: bytes, dataBytes: data.count)
                }
                packets.append(
                    CompletionEntry(
                        kind: .packet, status: status ?? .ok, key: ownKey ?? key,
                        context: ownContext ?? context, bytes: bytes, data: data ?? [],
                        details: error.map { EntryDetails(error: $0) }))
            }
            return isWhole ? packets : nil
        }
        wrong = firstWrong
        return packets
    }

    private static let codeRule = TextRule(
        "must be a small letter, then up to 63 small letters, digits and underscores"
    ) { text in
        (1...64).contains(text.utf8.count) && (97...122).contains(text.utf8.first ?? 0)
            && text.utf8.allSatisfy {
                (97...122).contains($0) || (48...57).contains($0) || $0 == 95
            }
    }

    private static let errnoNameRule = TextRule(
        "must be a capital letter, then up to 31 capital letters and digits"
    ) { text in
        (1...32).contains(text.utf8.count) && (65...90).contains(text.utf8.first ?? 0)
            && text.utf8.allSatisfy { (65...90).contains($0) || (48...57).contains($0) }
    }

    private static func packetError(_ reader: inout ObjectReader) -> EntryError? {
        let code = reader.string("code", matching: codeRule, required: true)
        let message = reader.string("message", codePoints: 0...256)
        let errno = reader.integer("errno", in: 0...Int(Int32.max))
        let name = reader.string("errno_name", matching: errnoNameRule)
        let win32 = reader.integer("win32", in: 0...Int(UInt32.max))
        guard let code else { return nil }
        return EntryError(
            code: code, message: message ?? "", errno: errno.map { Int32($0) }, errnoName: name,
            win32: win32)
    }
}

extension ObjectReader {
    /// Reads a member that is an object with a function.
    mutating func object<Value>(
        _ name: StaticString, read: (inout ObjectReader) -> Value?
    ) -> Value? {
        object(name, required: false, read)
    }
}
