import CLinux
import CMicrohttpd
import EngineBase
import Glibc
import Synchronization

// What the watch thread does with a connection whose deadline has passed.
extension HTTPConnection {
    private enum Verdict: Sendable {
        case wait
        case sayTimeout(RequestHead?, RequestPart)
    }

    func deadlinePassed(now: Int64) {
        let verdict = state.withLock { state -> Verdict in
            // It may have moved on since the watch thread looked.
            guard deadline.load(ordering: .relaxed) <= now else { return .wait }
            deadline.store(.max, ordering: .relaxed)
            switch state.phase {
            case .idle: return idleTooLong(&state, now: now)
            case .head:
                if state.idleSince == 0, tcpProgress()?.received == 0 {
                    // It never sent a byte: there is no request to answer.
                    cut(&state)
                    return .wait
                }
                state.phase = .cut
                return .sayTimeout(nil, .head)
            case .body:
                state.phase = .cut
                return .sayTimeout(state.head, .body)
            case .replying:
                checkStall(&state, now: now)
                return .wait
            case .responding, .parked, .cut, .closed: return .wait
            }
        }
        guard case .sayTimeout(let head, let part) = verdict else { return }
        sayTimeout(head, part)
    }

    private func cut(_ state: inout ExchangeState) {
        state.phase = .cut
        sendLastWords([], on: descriptor)
    }

    /// Ends an idle connection after its time, and sooner one on which a head comes too slowly.
    ///
    /// The library does not tell when a head begins, only that its first line is complete. So the
    /// kernel's count of received bytes is looked at every so often, and a head that is seen to
    /// have begun has its time from then on: it may take twice that in all, if it comes steadily.
    private func idleTooLong(_ state: inout ExchangeState, now: Int64) -> Verdict {
        let configuration = core.configuration
        if state.hasHeadBegun {
            state.phase = .cut
            return .sayTimeout(nil, .head)
        }
        let received = tcpProgress()?.received
        let hasMoved = received != nil && state.progress != nil && received != state.progress
        if hasMoved || hasTarget.load(ordering: .relaxed) {
            state.hasHeadBegun = true
            setDeadline(configuration.headMilliseconds, from: now)
            return .wait
        }
        state.progress = received
        let end = state.idleSince + Int64(configuration.idleMilliseconds) * 1_000_000
        if now >= end {
            cut(&state)
        } else {
            let next = now + Int64(configuration.headMilliseconds) * 1_000_000
            deadline.store(min(end, next), ordering: .relaxed)
        }
        return .wait
    }

    /// Ends a connection whose client has taken no byte of its reply for too long.
    private func checkStall(_ state: inout ExchangeState, now: Int64) {
        let progress = tcpProgress()?.acknowledged ?? unixOutstanding()
        if progress == nil || progress != state.progress {
            state.progress = progress
            state.progressAt = now
        }
        let stalled = Int64(core.configuration.stalledReplyMilliseconds) * 1_000_000
        if now - state.progressAt >= stalled {
            // The library finds the socket broken and ends the request as failed.
            sendLastWords([], on: descriptor)
        } else {
            setDeadline(stallCheckMilliseconds, from: now)
        }
    }

    private func tcpProgress() -> (acknowledged: UInt64, received: UInt64)? {
        guard !isUnix else { return nil }
        var acknowledged: UInt64 = 0
        var received: UInt64 = 0
        guard iocpd_tcp_progress(descriptor, &acknowledged, &received) == 0 else { return nil }
        return (acknowledged, received)
    }

    /// What lies in a Unix socket unread by the other side: it changes as the client reads.
    private func unixOutstanding() -> UInt64? {
        var bytes: Int32 = 0
        guard ioctl(descriptor, UInt(TIOCOUTQ), &bytes) == 0 else { return nil }
        return UInt64(UInt32(bitPattern: bytes))
    }

    /// Sends a 408 past the library, which is still reading the request, and ends the connection.
    private func sayTimeout(_ head: RequestHead?, _ part: RequestPart) {
        let configuration = core.configuration
        let head =
            head
            ?? RequestHead(
                method: "",
                target: RequestTarget(),
                fields: KeptFields(names: core.fieldNames),
                requestID: core.requestIDs.next(),
                peer: peer,
                arrivedOverUnixSocket: isUnix,
                arrivedAt: monotonicNow()
            )
        let limit =
            part == .head ? configuration.headMilliseconds : configuration.bodyMilliseconds
        let refusal = ListenerRefusal.requestTimeout(part: part, limitMilliseconds: limit)
        let reply = core.responder.refusal(refusal, for: HTTPRequest(head: head))
        let bytes = rawReply(reply, requestID: head.requestID, omitsBody: head.method == "HEAD")
        let sent = PreparedReply(sentByHand: reply)
        let isSent = state.withLock { state in
            // The client may have gone in the meantime, and its descriptor with it.
            guard state.phase == .cut else { return false }
            state.head = head
            state.reply = sent
            sendLastWords(bytes, on: descriptor)
            return true
        }
        if !isSent { reply.onHandover?(false) }
    }
}
