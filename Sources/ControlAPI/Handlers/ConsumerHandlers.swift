import HTTPListener
import JSONText
import PortEngine

/// Park, unpark, and alerts.
enum ConsumerHandlers {
    static func park(_ call: APICall) throws(Problem) -> HTTPReply? {
        try standing(call) { (port, consumer) throws(PortError) in try port.park(consumer) }
    }

    static func unpark(_ call: APICall) throws(Problem) -> HTTPReply? {
        try standing(call) { (port, consumer) throws(PortError) in try port.unpark(consumer) }
    }

    private static func standing(
        _ call: APICall,
        _ change: (CompletionPort, ConsumerName) throws(PortError) -> ConsumerStanding
    ) throws(Problem) -> HTTPReply? {
        let name = try call.portName()
        let consumer = try call.consumer()
        try call.body { _ in () }
        let port = try call.port(name)
        do {
            let standing = try change(port, consumer)
            return call.json { writer in
                writer.object { writer in
                    writer.member("consumer", consumer.rawValue)
                    writer.member("running", standing.isRunning)
                    writer.member("parked", standing.isParked)
                }
            }
        } catch {
            throw Problem(error, port: name)
        }
    }

    static func alert(_ call: APICall) throws(Problem) -> HTTPReply? {
        let name = try call.portName()
        let consumer = try call.consumer()
        let limit = call.service.limits.maxAlertBytes
        let alert = try call.body { reader -> Alert? in
            let data = reader.text("data", "encoding", fallback: .base64, byteLimit: limit)
            return Alert(context: reader.clientText("context"), data: data)
        }
        let port = try call.port(name)
        if let data = alert.data, data.count > limit {
            throw Problem(
                .dataTooLong, "The alert's data has \(data.count) bytes.", limit: limit,
                current: data.count, faults: [.init(pointer: "/data", detail: "is too long")])
        }
        do {
            let kept = try port.alert(consumer, alert)
            return call.json(status: 202) { writer in
                writer.object { writer in writer.member("kept", kept) }
            }
        } catch {
            throw Problem(error, port: name)
        }
    }
}

extension ObjectReader {
    /// Bytes of a member whose schema bounds the characters, as the encoding spells the most bytes.
    ///
    /// Text of that many characters may still decode to more bytes: then the caller must refuse it
    /// as something that the schema cannot say.
    mutating func text(
        _ name: StaticString, _ encodingName: StaticString, fallback: DataEncoding, byteLimit: Int,
        least: Int = 0
    ) -> [UInt8]? {
        let encoding = choice(encodingName, as: DataEncoding.self) ?? fallback
        let longest =
            switch encoding {
            case .utf8: byteLimit
            case .base64: (byteLimit + 2) / 3 * 4
            case .hex: byteLimit * 2
            }
        guard string(name, codePoints: least...longest) != nil else { return nil }
        return data(name, as: encoding)
    }
}
