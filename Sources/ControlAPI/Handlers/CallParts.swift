import DeviceSessions
import EngineBase
import HTTPListener
import JSONText
import PortEngine

/// What handlers share: names and ids of the path, bodies, replies.
extension APICall {
    // MARK: - The things named

    /// The port name in the path.
    func portName() throws(Problem) -> PortName {
        guard let name = PortName(parameters[0]) else { throw APICall.badName("port") }
        return name
    }

    /// The port in the path.
    func port() throws(Problem) -> CompletionPort { try port(portName()) }

    /// A port by name.
    func port(_ name: PortName) throws(Problem) -> CompletionPort {
        do {
            return try service.ports.find(name)
        } catch {
            throw Problem(error, port: name)
        }
    }

    /// The consumer in the path.
    func consumer() throws(Problem) -> ConsumerName {
        guard let name = ConsumerName(parameters[1]) else { throw APICall.badName("consumer") }
        return name
    }

    /// The session in the path.
    func session() throws(Problem) -> SessionHandle {
        guard let id = SessionID(parameters[0]) else {
            throw Problem(.unknown, session: parameters[0])
        }
        do {
            return try service.sessions.find(id)
        } catch {
            throw Problem(error, session: id.text)
        }
    }

    private static func badName(_ parameter: String) -> Problem {
        .parameter(
            .nameInvalid, parameter,
            "must be a letter or digit, then up to 63 letters, digits, dots, dashes, underscores")
    }

    /// Refuses what makes something new while the daemon stops.
    func refuseWhileDraining() throws(Problem) {
        if service.isDraining {
            throw Problem(.serviceDraining, "The daemon is stopping.")
        }
    }

    // MARK: - Bodies and replies

    /// Reads the body.
    func body<Value>(_ read: (inout ObjectReader) -> Value?) throws(Problem) -> Value {
        do {
            return try JSONBody.read(
                request.body, emptyMeansNoMembers: true, maxDepth: service.limits.maxDepth, read)
        } catch {
            throw Problem(error)
        }
    }

    /// A JSON reply that `write` fills.
    func json(
        status: Int = 200, headers: [(name: String, value: String)] = [], reserving: Int = 256,
        _ write: (inout JSONWriter) -> Void
    ) -> HTTPReply {
        HTTPReply(
            status: status, contentType: "application/json", headers: headers,
            body: JSONWriter.text(reserving: reserving) { writer in
                write(&writer)
                writer.finishLine()
            })
    }

    /// The moments of this reply as text.
    var times: Timestamps { Timestamps(service.clock) }
}

extension TextRule {
    /// A port's or consumer's name.
    static let name = TextRule(
        "must be a letter or digit, then up to 63 letters, digits, dots, dashes, underscores"
    ) { PortName($0) != nil }

    /// A fetch's own name.
    static let fetchID = TextRule("must be 1 to 128 printable ASCII characters without blanks") {
        (1...128).contains($0.utf8.count) && $0.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }
}

extension ClientText {
    /// How long clients' own strings may be.
    static let mostCodePoints = 256
}

extension ObjectReader {
    /// A client's own string: `key` or `context`.
    mutating func clientText(_ name: StaticString) -> ClientText? {
        clientText(name, codePoints: 0...ClientText.mostCodePoints)
    }
}
