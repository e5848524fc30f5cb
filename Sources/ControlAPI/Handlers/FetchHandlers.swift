import EngineBase
import HTTPListener
import JSONText
import PortEngine
import Synchronization

/// `completions:fetch` and `completions:settle`.
///
/// GetQueuedCompletionStatusEx.
enum FetchHandlers {
    static func fetch(_ call: APICall) throws(Problem) -> HTTPReply? {
        let name = try call.portName()
        let (request, encoding) = try read(call)
        let port = try call.port(name)
        if let settle = request.settle { try SettleParts.judge(settle) }
        // Requests that were sent behind a waiting one are carried out even if their client has
        // gone since: nobody would get what such a fetch takes. What it settles is settled, for its
        // client has done that work, and nobody else should do it again.
        guard !call.exchange.clientIsGone() else {
            if let settle = request.settle { _ = try? port.settle(settle) }
            call.service.metrics.undeliveredReply()
            return HTTPReply(status: 200, closesConnection: true)
        }
        let waiter = WaitingFetch(
            call: call, port: port, encoding: encoding, keepsBatch: request.fetchID != nil)
        let outcome: FetchOutcome
        do {
            outcome = try port.fetch(request, for: waiter)
        } catch {
            throw Problem(error, port: name)
        }
        switch outcome {
        case .answered(let answer):
            // The client was there a moment ago.
            waiter.send(answer)
        case .waiting(let ticket):
            call.exchange.onHangup {
                if port.abandon(ticket) { waiter.dismiss() }
            }
        }
        return nil
    }

    static func settle(_ call: APICall) throws(Problem) -> HTTPReply? {
        let name = try call.portName()
        let limits = call.service.limits
        let request = try call.body { reader in SettleParts.read(&reader, limits) }
        let port = try call.port(name)
        try SettleParts.judge(request)
        do {
            let answer = try port.settle(request)
            return call.json { writer in SettleParts.write(answer, call.times, into: &writer) }
        } catch {
            throw Problem(error, port: name)
        }
    }

    private static func read(_ call: APICall) throws(Problem) -> (FetchRequest, ReplyEncoding) {
        let limits = call.service.limits
        return try call.body { reader in
            var request = FetchRequest()
            request.maxEntries = reader.integer("max", in: 1...limits.maxFetchEntries) ?? 64
            let wait = reader.integer("wait_ms", in: 0...86_400_000) ?? 0
            request.waitMilliseconds = min(wait, limits.maxWaitMilliseconds)
            request.maxBytes =
                reader.integer("max_bytes", in: 1...limits.maxFetchBytes) ?? request.maxBytes
            request.mode = reader.choice("mode", as: FetchMode.self) ?? .lease
            request.leaseMilliseconds = reader.integer(
                "lease_ms", in: 1...limits.maxLeaseMilliseconds)
            request.consumer = reader.string("consumer", matching: .name).flatMap {
                ConsumerName($0)
            }
            request.fetchID = reader.string("fetch_id", matching: .fetchID)
            let alertable = reader.boolean("alertable")
            request.isAlertable = alertable ?? false
            let encoding = reader.choice("encoding", as: ReplyEncoding.self) ?? .base64
            request.settle = reader.object("settle") { SettleParts.read(&$0, limits) }
            if request.fetchID != nil || alertable != nil, !reader.has("consumer") {
                reader.fault(
                    "consumer",
                    "is required with \(request.fetchID != nil ? "fetch_id" : "alertable")")
            }
            if request.fetchID != nil && request.mode == .consume {
                reader.fault("fetch_id", "needs mode lease: consumed entries cannot be given again")
            }
            return (request, encoding)
        }
    }
}

/// A fetch whose client waits for the reply.
private final class WaitingFetch: FetchWaiter {
    private let call: APICall
    private let port: CompletionPort
    private let encoding: ReplyEncoding
    private let keepsBatch: Bool

    init(call: APICall, port: CompletionPort, encoding: ReplyEncoding, keepsBatch: Bool) {
        self.call = call
        self.port = port
        self.encoding = encoding
        self.keepsBatch = keepsBatch
    }

    func finish(with answer: FetchAnswer) {
        // One more look in the moment entries are taken: a client that has gone gets none.
        if isLoss(answer) && call.exchange.clientIsGone() {
            settleFate(of: answer.handover, isSent: false, port, call.service.metrics)
            dismiss()
            return
        }
        send(answer)
    }

    /// Whether something is lost if the answer does not arrive.
    private func isLoss(_ answer: FetchAnswer) -> Bool {
        answer.handover != nil || (keepsBatch && answer.lease != nil)
    }

    /// Sends the answer.
    func send(_ answer: FetchAnswer) {
        let (port, metrics, handover) = (port, call.service.metrics, answer.handover)
        var reply = render(answer)
        if isLoss(answer) {
            reply.onHandover = { isSent in
                WaitingFetch.settleFate(of: handover, isSent: isSent, port, metrics)
            }
        }
        call.reply(reply)
    }

    /// Ends an exchange whose client has gone.
    func dismiss() {
        call.reply(HTTPReply(status: 200, closesConnection: true))
    }

    private func settleFate(
        of handover: HandoverID?, isSent: Bool, _ port: CompletionPort, _ metrics: ServiceMetrics
    ) {
        WaitingFetch.settleFate(of: handover, isSent: isSent, port, metrics)
    }

    private static func settleFate(
        of handover: HandoverID?, isSent: Bool, _ port: CompletionPort, _ metrics: ServiceMetrics
    ) {
        if !isSent { metrics.undeliveredReply() }
        switch (handover, isSent) {
        case (let handover?, true): port.confirm(handover)
        case (let handover?, false): port.putBack(handover)
        case (nil, true): break
        case (nil, false): port.countUndelivered()
        }
    }

    private func render(_ answer: FetchAnswer) -> HTTPReply {
        let times = call.times
        let text = EntryText(of: port, times: times, encoding: encoding)
        let size = 256 + 320 * answer.entries.count + answer.entries.payload * 3 / 2
        return call.json(reserving: size) { writer in
            writer.beginObject()
            writer.member("reason", answer.reason)
            writer.array("entries") { writer in text.write(answer.entries, into: &writer) }
            if let lease = answer.lease {
                writer.member("lease")
                writer.string(port.idPrefixes.lease, then: lease.number)
            }
            writer.member("lease_expires_at", answer.leaseExpiresAt, times)
            if !answer.alerts.isEmpty {
                writer.array("alerts") { writer in
                    for alert in answer.alerts { write(alert, into: &writer) }
                }
            }
            if let settled = answer.settled {
                writer.member("settled")
                SettleParts.write(settled, times, into: &writer)
            }
            if answer.reason == .draining {
                writer.member("retry_after_ms", 500)
            }
            writer.endObject()
        }
    }

    private func write(_ alert: Alert, into writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("context", alert.context)
            writer.dataMembers(alert.data, as: encoding)
        }
    }
}
