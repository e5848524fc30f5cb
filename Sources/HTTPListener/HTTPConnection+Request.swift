import CMicrohttpd
import EngineBase
import Synchronization

// What libmicrohttpd calls, in this order, on the thread that serves the connection's daemon.
extension HTTPConnection {
    /// The request line has been read; `text` is the target as sent.
    func targetArrived(_ text: UnsafePointer<CChar>) {
        let length = strlen(text)
        text.withMemoryRebound(to: UInt8.self, capacity: length) { bytes in
            takeTarget(UnsafeBufferPointer(start: bytes, count: length))
        }
        // From here the query is ours alone.
        if let questionMark = strchr(text, Int32(UInt8(ascii: "?"))) {
            iocpd_mhd_hide_query(questionMark)
        }
        hasTarget.store(true, ordering: .relaxed)
    }

    private func takeTarget(_ text: UnsafeBufferPointer<UInt8>) {
        if let known = recentTargets.target(text) {
            (target, targetFault) = (known, nil)
            return
        }
        (target, targetFault) = RequestTarget.parse(
            text,
            byteLimit: core.configuration.targetByteLimit,
            itemLimit: core.configuration.queryItemLimit
        )
        if targetFault == nil { recentTargets.add(text, target) }
    }

    /// The handler's call: once for the head, then for each piece of the body, then for its end.
    func handlerCalled(
        method: UnsafePointer<CChar>,
        version: UnsafePointer<CChar>,
        data: UnsafePointer<CChar>?,
        size: UnsafeMutablePointer<Int>
    ) -> MHD_Result {
        switch stage {
        case .head:
            return headArrived(
                method: String(cString: method),
                version: version
            )
        case .receiving, .discarding:
            guard size.pointee > 0 else { return requestArrived() }
            let piece = UnsafeRawBufferPointer(start: data, count: size.pointee)
            size.pointee = 0
            return bodyArrived(piece)
        }
    }

    // MARK: The head

    private func headArrived(method: String, version: UnsafePointer<CChar>) -> MHD_Result {
        let fields = HeaderFields.read(from: handle, names: core.fieldNames)
        var target = RequestTarget()
        swap(&target, &self.target)
        let head = RequestHead(
            method: method,
            target: target,
            fields: fields.kept,
            requestID: fields.requestID ?? core.requestIDs.next(),
            peer: peer,
            arrivedOverUnixSocket: isUnix,
            arrivedAt: monotonicNow()
        )
        self.head = head
        let request = HTTPRequest(head: head)
        let isHTTP10 = strcmp(version, "HTTP/1.0") == 0
        let isHTTP1 = strncmp(version, "HTTP/1.", 7) == 0
        if let fault = fault(of: fields, head, isHTTP1: isHTTP1, isHTTP10: isHTTP10) {
            return refuseNow(core.responder.refusal(fault, for: request))
        }
        if core.isStopping.load(ordering: .acquiring) {
            return refuseNow(core.responder.refusal(.stopping, for: request))
        }
        // A length past `Int` is past every limit too.
        let declared = fields.codings > 0 ? nil : fields.lengths > 0 ? fields.length ?? .max : 0
        let isTooLong = (declared ?? 0) > core.configuration.bodyByteLimit
        switch core.responder.screen(request, declaredLength: declared) {
        case .refuseNow(let reply):
            return refuseNow(reply)
        case .refuseAfterBody(let reply):
            if isTooLong || (fields.hasBody && fields.expectsContinue && !isHTTP10) {
                return refuseNow(reply)
            }
            stage = .discarding(PlannedReply(reply))
        case .proceed:
            if isTooLong {
                let limit = core.configuration.bodyByteLimit
                return refuseNow(core.responder.refusal(.bodyTooLarge(limit: limit), for: request))
            }
            if let declared, !core.hasRoom(forBodyBytes: declared) {
                return refuseNow(core.responder.refusal(overloaded, for: request))
            }
            // More room is made as the bytes come: a length is quickly declared.
            if let declared, declared > 0 { body.reserveCapacity(min(declared, 64 << 10)) }
            stage = .receiving
        }
        return fields.hasBody ? beginBody(head) : .YES
    }

    private var overloaded: ListenerRefusal {
        .overloaded(limit: core.configuration.bodiesInFlightByteLimit)
    }

    private func fault(
        of fields: HeaderFields,
        _ head: RequestHead,
        isHTTP1: Bool,
        isHTTP10: Bool
    ) -> ListenerRefusal? {
        guard isHTTP1 else {
            return .malformed(detail: "The protocol is neither HTTP/1.1 nor HTTP/1.0.")
        }
        guard !head.method.isEmpty, head.method.utf8.allSatisfy(isTokenByte) else {
            return .malformed(detail: "The method is not a token.")
        }
        if let fault = fields.fault(isHTTP10: isHTTP10) { return fault }
        switch targetFault {
        case .targetTooLong?, .tooManyQueryItems?: return targetFault
        default: break
        }
        if fields.count > core.configuration.headerFieldLimit
            || fields.bytes > core.configuration.headerByteLimit
        {
            return .headersTooLarge(
                fieldLimit: core.configuration.headerFieldLimit,
                byteLimit: core.configuration.headerByteLimit
            )
        }
        if let targetFault { return targetFault }
        guard head.target.isPath || head.target.path == "*" || head.method == "CONNECT" else {
            return .targetInvalid(detail: "it does not begin with a slash")
        }
        return nil
    }

    private func beginBody(_ head: RequestHead) -> MHD_Result {
        let now = coarseNow()
        return state.withLock { state in
            guard state.isReading else { return .NO }
            state.phase = .body
            state.head = head
            setDeadline(core.configuration.bodyMilliseconds, from: now)
            return .YES
        }
    }

    // MARK: The body

    private func bodyArrived(_ piece: UnsafeRawBufferPointer) -> MHD_Result {
        let limit = core.configuration.bodyByteLimit
        receivedBytes += piece.count
        if case .discarding(let planned) = stage {
            // No response can be queued while a body comes, so that it has to end somewhere.
            guard receivedBytes <= limit * 2 else { return cutShort(with: planned.reply) }
            return .YES
        }
        let refusal: ListenerRefusal
        if receivedBytes > limit {
            refusal = .bodyTooLarge(limit: limit)
        } else if !core.charge(bodyBytes: piece.count) {
            refusal = overloaded
        } else {
            chargedBytes += piece.count
            body.append(contentsOf: piece)
            return .YES
        }
        body = []
        core.release(bodyBytes: chargedBytes)
        chargedBytes = 0
        guard let head else { return .NO }
        stage = .discarding(
            PlannedReply(core.responder.refusal(refusal, for: HTTPRequest(head: head)))
        )
        return .YES
    }

    /// Sends a reply past the library, which is still reading the body, and closes.
    private func cutShort(with reply: HTTPReply) -> MHD_Result {
        guard let head else { return .NO }
        let bytes = rawReply(
            reply,
            requestID: head.requestID,
            omitsBody: head.method == "HEAD"
        )
        let sent = PreparedReply(sentByHand: reply)
        state.withLock { state in
            guard state.phase == .body else { return }
            state.phase = .cut
            state.reply = sent
            sendLastWords(bytes, on: descriptor)
        }
        return .NO
    }

    // MARK: The reply

    private func requestArrived() -> MHD_Result {
        guard let head else { return .NO }
        if case .discarding(let planned) = stage { return queue(planned.reply, for: head) }
        let request = HTTPRequest(head: head, body: body)
        body = []
        let length = request.body.count
        let number = state.withLock { state -> UInt64? in
            guard state.isReading else { return nil }
            state.phase = .responding
            state.exchangeNumber += 1
            state.head = head
            state.requestBytes = length
            deadline.store(.max, ordering: .relaxed)
            return state.exchangeNumber
        }
        guard let number else { return .NO }
        let exchange = HTTPExchange(connection: self, number: number, head: head)
        PromisedTurn.keeping { core.responder.respond(to: request, on: exchange) }
        return queueOrPark(exchange, head)
    }

    private enum Step {
        case queue(PreparedReply)
        case parked
        case refuse
    }

    private func queueOrPark(_ exchange: HTTPExchange, _ head: RequestHead) -> MHD_Result {
        let now = coarseNow()
        // The second time there is a reply, because the first made one.
        for _ in 1...2 {
            let step = state.withLock { state -> Step in
                if let prepared = state.pending {
                    state.pending = nil
                    state.beginReply(prepared)
                    setDeadline(stallCheckMilliseconds, from: now)
                    return .queue(prepared)
                }
                if core.isStopping.load(ordering: .acquiring) { return .refuse }
                state.phase = .parked
                MHD_suspend_connection(handle)
                return .parked
            }
            switch step {
            case .queue(let prepared): return prepared.queue(on: handle) ? .YES : .NO
            case .parked: return .YES
            case .refuse:
                exchange.reply(stoppingReply(to: head))
            }
        }
        return .NO
    }

    /// Refuses a request whose body has not been read: the library closes the connection after it.
    private func refuseNow(_ reply: HTTPReply) -> MHD_Result {
        guard let head else { return .NO }
        var reply = reply
        reply.closesConnection = true
        return queue(reply, for: head)
    }

    private func queue(_ reply: HTTPReply, for head: RequestHead) -> MHD_Result {
        let prepared = PreparedReply(reply, requestID: head.requestID)
        let now = coarseNow()
        let received = receivedBytes
        let mayReply = state.withLock { state in
            guard state.isReading else { return false }
            state.head = head
            state.requestBytes = received
            state.beginReply(prepared)
            setDeadline(stallCheckMilliseconds, from: now)
            return true
        }
        guard mayReply else {
            prepared.discard()
            return .NO
        }
        return prepared.queue(on: handle) ? .YES : .NO
    }

    // MARK: The end

    /// The request is over; `isSent` if the socket took the whole reply.
    func requestEnded(isSent: Bool) {
        let now = monotonicNow()
        var ended = state.withLock { state in
            // Sooner than it may be idle, to see whether a head is arriving.
            setDeadline(
                min(core.configuration.idleMilliseconds, core.configuration.headMilliseconds),
                from: now
            )
            let ended = state.endRequest(now: now)
            // What the client sent before it ended may be read now.
            if state.isGone, state.phase == .idle {
                core.hangups.rearmHangup(descriptor, token: watchToken)
            }
            return ended
        }
        // Cut short in the middle of its body, the head may be known here only.
        if ended.head == nil { ended.head = head }
        core.release(bodyBytes: chargedBytes)
        chargedBytes = 0
        receivedBytes = 0
        body = []
        head = nil
        stage = .head
        hasTarget.store(false, ordering: .relaxed)
        tell(ended, isSent: isSent, now: now)
    }

    private func tell(_ ended: EndedRequest, isSent: Bool, now: Int64) {
        ended.pending?.discard()
        let isSent = isSent && ended.reply?.wasGone == false
        ended.reply?.onHandover?(isSent)
        guard let head = ended.head else { return }
        core.responder.logged(
            RequestLog(
                method: head.method,
                path: head.target.path,
                label: ended.reply?.label,
                status: ended.reply?.status ?? 0,
                durationNanoseconds: now - head.arrivedAt,
                requestID: head.requestID,
                peer: head.peer,
                requestBytes: ended.requestBytes,
                replyBytes: ended.reply?.bytes ?? 0,
                isSent: isSent
            )
        )
    }

    /// The descriptor is about to be closed.
    func connectionEnded() {
        deadline.store(.max, ordering: .relaxed)
        // The library has told the end of the request before, if there was one; if not, now.
        let isWithinRequest = state.withLock { state in
            state.phase = .closed
            return state.reply != nil || state.pending != nil || state.head != nil
        }
        if isWithinRequest { requestEnded(isSent: false) }
        deadline.store(.max, ordering: .relaxed)
        core.connections.remove(self)
        core.release(bodyBytes: chargedBytes)
        if let clientKey { core.leave(client: clientKey) }
        daemon.connectionEnded()
        core.connectionEnded()
    }
}
