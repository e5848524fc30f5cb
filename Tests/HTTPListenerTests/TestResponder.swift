import EngineBase
import Dispatch
import Glibc
import HTTPListener

/// Things that happen on other threads, taken one by one with a deadline.
final class Mailbox<Item: Sendable>: Sendable {
    private let items = Guarded<[Item]>([])
    private let count = DispatchSemaphore(value: 0)

    func put(_ item: Item) {
        items.withLock { $0.append(item) }
        count.signal()
    }

    func take(within seconds: Double = 5) -> Item? {
        guard count.wait(timeout: .now() + seconds) == .success else { return nil }
        return items.withLock { $0.isEmpty ? nil : $0.removeFirst() }
    }
}

/// A reply that has left, or has not.
struct Departure: Sendable {
    var name: String
    var isSent: Bool
    var thread: pthread_t
}

/// Answers by path, and keeps what a test wants to look at.
final class TestResponder: HTTPResponder {
    let parked = Mailbox<HTTPExchange>()
    let hangups = Mailbox<String>()
    let handovers = Mailbox<Bool>()
    /// What a request to `/wake` replies to before it has its own reply.
    let toWake = Mailbox<HTTPExchange>()
    /// Whose replies have left, and on which thread, of those and of `/wake` itself.
    let departures = Mailbox<Departure>()
    let logs = Mailbox<RequestLog>()
    let requests = Mailbox<HTTPRequest>()
    let lengths = Mailbox<Int?>()
    /// Opened once for each request to `/hold`, whose thread waits here.
    let gate = DispatchSemaphore(value: 0)

    func screen(_ head: HTTPRequest, declaredLength: Int?) -> Screening {
        switch head.segments.first {
        case "refuse-now": return .refuseNow(HTTPReply(status: 403, body: Array("now\n".utf8)))
        case "refuse-after":
            return .refuseAfterBody(HTTPReply(status: 404, body: Array("after\n".utf8)))
        case "length": lengths.put(declaredLength)
        default: break
        }
        return .proceed
    }

    func respond(to request: HTTPRequest, on exchange: HTTPExchange) {
        switch request.segments.first {
        case "park":
            exchange.onHangup { [hangups] in hangups.put(request.requestID) }
            parked.put(exchange)
        case "park-quietly":
            parked.put(exchange)
        case "wake":
            while let waiting = toWake.take(within: 0) { depart("waiting", waiting) }
            depart("waker", exchange)
        case "hold":
            parked.put(exchange)
            gate.wait()
            exchange.reply(HTTPReply(status: 200))
        case "elsewhere":
            DispatchQueue.global().async { exchange.reply(HTTPReply(status: 200)) }
        case "twice":
            exchange.reply(HTTPReply(status: 200))
            exchange.reply(HTTPReply(status: 500, onHandover: { [handovers] in handovers.put($0) }))
        case "drop": break
        case "big":
            let body = [UInt8](repeating: 0x78, count: Int(request.query.first?.value ?? "0") ?? 0)
            exchange.reply(
                HTTPReply(
                    status: 200,
                    body: body,
                    onHandover: { [handovers] in handovers.put($0) }
                )
            )
        case "close":
            exchange.reply(HTTPReply(status: 200, closesConnection: true))
        case "look":
            requests.put(request)
            exchange.reply(HTTPReply(status: 200))
        default:
            exchange.reply(
                HTTPReply(
                    status: 200,
                    contentType: "text/plain",
                    headers: [("X-Method", request.method)],
                    body: request.body.isEmpty ? Array("hello\n".utf8) : request.body,
                    label: "/default",
                    onHandover: { [handovers] in handovers.put($0) }
                )
            )
        }
    }

    private func depart(_ name: String, _ exchange: HTTPExchange) {
        exchange.reply(
            HTTPReply(
                status: 200,
                body: Array(name.utf8),
                onHandover: { [departures] isSent in
                    departures.put(Departure(name: name, isSent: isSent, thread: pthread_self()))
                }
            )
        )
    }

    func refusal(_ refusal: ListenerRefusal, for head: HTTPRequest) -> HTTPReply {
        let status =
            switch refusal {
            case .malformed, .targetInvalid: 400
            case .targetTooLong, .tooManyQueryItems: 414
            case .headersTooLarge: 431
            case .bodyTooLarge: 413
            case .transferEncodingUnsupported: 501
            case .requestTimeout: 408
            case .overloaded, .stopping: 503
            case .unanswered: 500
            }
        return HTTPReply(
            status: status,
            contentType: "text/plain",
            body: Array("\(refusal)\n".utf8)
        )
    }

    func logged(_ line: RequestLog) { logs.put(line) }
}

/// A server with its responder, for one test.
struct TestServer {
    let responder = TestResponder()
    let server: HTTPServer
    let lines = Mailbox<String>()

    init(
        _ addresses: [String] = ["127.0.0.1:0"],
        _ change: (inout ListenerConfiguration) -> Void = { _ in }
    )
        throws
    {
        var configuration = ListenerConfiguration(
            addresses: try addresses.map { text throws(ListenerError) in try ListenAddress(text) }
        )
        configuration.log = { [lines] in lines.put($0) }
        configuration.stopMilliseconds = 200
        change(&configuration)
        server = try HTTPServer(configuration: configuration, responder: responder)
    }

    func client(_ place: Int = 0, receiveBufferBytes: Int32? = nil) throws -> RawClient {
        try RawClient(server.boundAddresses[place], receiveBufferBytes: receiveBufferBytes)
    }
}
