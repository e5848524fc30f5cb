import DeviceSessions
import EngineBase
import HTTPListener
import JSONText
import PortEngine
import Transports

/// `POST /v1/sessions`: opens a device.
///
/// CreateFile and CreateIoCompletionPort in one.
enum SessionOpenHandler {
    private struct Wanted: Sendable {
        var configuration: SessionConfiguration
        var port: PortName
        var options: TransportOptions
        var isInline: Bool
        /// A delimiter that is too long.
        var longDelimiter: (member: String, bytes: Int)?
    }

    static func post(_ call: APICall) throws(Problem) -> HTTPReply? {
        let wanted = try read(call)
        let port: CompletionPort
        do {
            port = try call.service.ports.find(wanted.port)
        } catch {
            var problem = Problem(error, port: wanted.port)
            problem.faults = [.init(pointer: "/port", detail: "names no open port")]
            throw problem
        }
        return try call.once(owner: wanted.port.rawValue, replay: { replay($0, call) }) {
            (remember) throws(Problem) -> HTTPReply? in
            try call.refuseWhileDraining()
            if let long = wanted.longDelimiter { throw OperationHandlers.tooLong(long, call) }
            return try open(wanted, on: port, call, remember)
        }
    }

    private static func replay(_ answer: RememberedAnswer, _ call: APICall) -> HTTPReply {
        guard case .session(let session) = answer else {
            return Problem(.serviceInternal, "The memory of this key is of another kind.")
                .reply(path: call.request.path, requestID: call.request.requestID)
        }
        return created(session, call)
    }

    private static func created(_ session: SessionHandle, _ call: APICall) -> HTTPReply {
        SessionHandlers.reply(
            session, call, status: 201,
            headers: [("Location", "/v1/sessions/" + session.id.text)])
    }

    // MARK: - Reading

    private static func read(_ call: APICall) throws(Problem) -> Wanted {
        let limits = call.service.limits
        return try call.body { reader -> Wanted? in
            let uri = reader.string("uri", codePoints: 0...2_048, required: true)
            let port = reader.string("port", matching: .name, required: true).flatMap {
                PortName($0)
            }
            var configuration = SessionConfiguration(uri: uri ?? "", transport: "")
            configuration.key = reader.clientText("key")
            configuration.connectTimeoutMilliseconds =
                reader.integer("connect_timeout_ms", in: 1...300_000) ?? 5_000
            configuration.idleTimeoutMilliseconds =
                reader.integer("idle_timeout_ms", in: 0...86_400_000) ?? 0
            configuration.maxPending =
                reader.integer("max_pending", in: 1...limits.maxPendingOperations)
                ?? min(1_024, limits.maxPendingOperations)
            configuration.maxPendingBytes = limits.maxPendingBytes
            var options = TransportOptions()
            options.given =
                reader.object("options") { $0.parameters(TransportRegistry.options) }
                ?? Parameters()
            var framings = OperationReader(limits)
            let framing = reader.object("framing") {
                framings.read(framing: &$0, allowsNone: false)
            }
            if case .framed(let framing)? = framing { configuration.framing = framing }
            configuration.reconnect = reader.object("reconnect", read: reconnectPolicy)
            options.keepalive = reader.boolean("keepalive") ?? true
            let isInline = reader.choice("deliver", from: ["port": false, "inline": true]) ?? false
            guard let port else { return nil }
            return Wanted(
                configuration: configuration, port: port, options: options, isInline: isInline,
                longDelimiter: framings.longDelimiter)
        }
    }

    private static func reconnectPolicy(_ reader: inout ObjectReader) -> ReconnectPolicy? {
        let shortest = reader.integer("min_delay_ms", in: 1...3_600_000) ?? 100
        let longest = reader.integer("max_delay_ms", in: 1...3_600_000) ?? 30_000
        return ReconnectPolicy(
            minDelayMilliseconds: shortest, maxDelayMilliseconds: longest,
            maxAttempts: reader.integer("max_attempts", in: 1...1_000_000))
    }

    // MARK: - Opening

    private static func open(
        _ wanted: Wanted, on port: CompletionPort, _ call: APICall,
        _ remember: @escaping @Sendable (RememberedAnswer?) -> Void
    ) throws(Problem) -> HTTPReply? {
        var configuration = wanted.configuration
        let description: TransportDescription
        let plan: SessionPlan
        do {
            (description, plan) = try TransportRegistry.plan(
                configuration.uri, wanted.options, call.service.targetPolicy)
        } catch {
            throw Problem(error)
        }
        configuration.transport = description.scheme
        configuration.socketOptions = plan.socketOptions
        configuration.lingerMilliseconds = plan.lingerMilliseconds
        configuration.accepted = plan.accepted
        configuration.demands = plan.demands
        configuration.readTimers = plan.readTimers
        let abilities = plan.abilities ?? description.abilities
        if configuration.reconnect != nil && !description.canReconnect {
            throw .member(.optionsUnsupported, "/reconnect", "is not for \(description.scheme)")
        }
        let framed = plan.accepted?.abilities ?? abilities
        if configuration.framing != nil && !framed.hasFrames {
            throw .member(.optionsUnsupported, "/framing", "is not for \(description.scheme)")
        }
        let carrier = plan.accepted?.abilities ?? abilities
        if configuration.framing != nil && !carrier.isByteStream {
            var problem = Problem(
                .optionsUnsupported, "A \(description.scheme) session has no frames but its own.")
            problem.faults = [.init(pointer: "/framing", detail: "is not supported here")]
            throw problem
        }
        // One for the `open` entry, one for `session_closed`, two to tell of losses and returns.
        let places = configuration.reconnect == nil ? 2 : 4
        do {
            try port.reserve(places)
        } catch {
            throw Problem(error, port: port.name)
        }
        let opened = OpenedInline(call: call, remember: remember)
        let inline =
            wanted.isInline
            ? InlineReply(port: port, count: 1) { reply, entries in
                opened.finish(reply, entries)
            } : nil
        let (runner, now) = (call.service.nextSessionRunner(), call.service.clock.now())
        let session = call.service.sessions.add(isHidden: wanted.isInline) { [configuration] id in
            SessionHandle(
                id: id, configuration: configuration, abilities: abilities, port: port,
                worker: runner, inlineOpen: inline, phase: .opening, at: now)
        }
        guard let session else {
            port.release(places)
            let limit = call.service.limits.maxSessions
            throw Problem(
                .serviceTooManySessions, "The daemon has \(limit) sessions.", limit: limit,
                current: limit)
        }
        if wanted.isInline {
            opened.session.withLock { $0 = session }
            runner.start(session, plan.opening)
            return nil
        }
        remember(.session(session))
        let reply = created(session, call)
        runner.start(session, plan.opening)
        return reply
    }
}

/// The reply of an open whose client waits for its outcome.
private final class OpenedInline: Sendable {
    let session = Guarded<SessionHandle?>(nil)
    private let call: APICall
    private let remember: @Sendable (RememberedAnswer?) -> Void

    init(call: APICall, remember: @escaping @Sendable (RememberedAnswer?) -> Void) {
        self.call = call
        self.remember = remember
    }

    func finish(_ inline: InlineReply, _ entries: EntryList) {
        guard let session = session.withLock({ $0 }), let entry = entries.first else { return }
        let sessions = call.service.sessions
        let metrics = call.service.metrics
        let isOpen = entry.status == .ok
        remember(isOpen ? .session(session) : nil)
        var reply = isOpen ? success(session) : failure(entry)
        reply.onHandover = { isSent in
            if isSent {
                inline.delivered()
                if !isOpen { sessions.forget(session) }
            } else {
                // The client has gone: its entries go to the port, as if asked for so.
                metrics.undeliveredReply()
                sessions.show(session)
                inline.undelivered()
            }
        }
        if call.exchange.clientIsGone() {
            reply.onHandover?(false)
            reply.onHandover = nil
        }
        call.reply(reply)
    }

    private func success(_ session: SessionHandle) -> HTTPReply {
        SessionHandlers.reply(
            session, call, status: 201,
            headers: [("Location", "/v1/sessions/" + session.id.text)])
    }

    private func failure(_ entry: CompletionEntry) -> HTTPReply {
        let error = entry.details?.error ?? .operationAborted
        var problem =
            error.code == EntryError.targetDenied.code
            ? Problem(TargetError.denied)
            : Problem(.sessionOpenFailed, "The device cannot be reached: \(error.message)")
        problem.error = EntryText.text(of: error)
        return problem.reply(path: call.request.path, requestID: call.request.requestID)
    }
}
