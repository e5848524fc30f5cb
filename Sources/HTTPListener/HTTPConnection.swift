import CMicrohttpd
import EngineBase
import Synchronization

/// One client's connection.
///
/// libmicrohttpd calls it from whoever serves its daemon (`HTTPConnection+Request.swift`), exchanges
/// from any thread, and the watch thread when its deadline has passed
/// (`HTTPConnection+Deadline.swift`) or its client hangs up (`HTTPConnection+Hangup.swift`).
final class HTTPConnection: @unchecked Sendable {
    let core: ListenerCore
    let daemon: HTTPDaemon
    // SAFETY: the library's connection lives until its closed callback, and is used only by whoever
    // serves its daemon, or under the lock while `state` says that it is suspended.
    let handle: OpaquePointer
    let descriptor: Int32
    let peer: String
    let isUnix: Bool
    /// What its client's connections are counted by, if they are.
    let clientKey: [UInt8]?
    /// Names the connection in the watch set: its descriptor, and a number of its own above it.
    let watchToken: UInt64

    let state = Guarded(ExchangeState())
    /// When the watch thread shall look at it, in nanoseconds of the monotonic clock.
    let deadline: Atomic<Int64>
    /// Whether the request line has been read, and the request's end not come yet.
    let hasTarget = Atomic(false)

    // SAFETY: what follows is touched only by whoever serves the daemon, and by who stops it.
    var target = RequestTarget()
    var targetFault: ListenerRefusal?
    var recentTargets = RecentTargets()
    var head: RequestHead?
    var stage = Stage.head
    var body: [UInt8] = []
    var receivedBytes = 0
    var chargedBytes = 0

    /// What the bytes that come next are for.
    enum Stage {
        case head
        /// The body is kept.
        case receiving
        /// The body is thrown away; then comes this reply.
        case discarding(PlannedReply)
    }

    /// A reply that waits for the end of the body.
    final class PlannedReply {
        let reply: HTTPReply

        init(_ reply: HTTPReply) { self.reply = reply }
    }

    init(daemon: HTTPDaemon, handle: OpaquePointer) {
        core = daemon.core
        self.daemon = daemon
        self.handle = handle
        descriptor = iocpd_mhd_descriptor(handle)
        let address = iocpd_mhd_peer(handle)
        (peer, isUnix) = describePeer(address)
        clientKey =
            core.configuration.connectionsPerClient > 0
            ? address.flatMap { clientAddressBytes($0) } : nil
        watchToken = UInt64(daemon.nextSerial()) << 32 | UInt64(UInt32(bitPattern: descriptor))
        deadline = Atomic(
            monotonicNow() + Int64(core.configuration.headMilliseconds) * 1_000_000
        )
    }

    /// Sets when the watch thread shall look next.
    func setDeadline(_ milliseconds: Int, from now: Int64) {
        deadline.store(now + Int64(milliseconds) * 1_000_000, ordering: .relaxed)
    }

    /// How often a reply's progress is looked at.
    var stallCheckMilliseconds: Int { max(1, core.configuration.stalledReplyMilliseconds / 4) }

    // MARK: Calls from exchanges

    /// Gives an exchange its reply; `false` if it cannot have one any more.
    func deliver(_ prepared: PreparedReply, exchange number: UInt64) -> Bool {
        let now = coarseNow()
        return state.withLock { state in
            guard state.isOpen(number) else { return false }
            guard state.phase == .parked else {
                guard state.pending == nil else { return false }
                state.pending = prepared
                state.onHangup = nil
                return true
            }
            state.beginReply(prepared)
            setDeadline(stallCheckMilliseconds, from: now)
            // While it is suspended any thread may queue a response. Both calls are made under the
            // lock, so that whoever stops the listener finds the connection suspended or resumed.
            if !prepared.queue(on: handle) {
                // The library will ask again for an answer, and be told to close.
                state.phase = .cut
            }
            MHD_resume_connection(handle)
            daemon.connectionResumed()
            return true
        }
    }

    func watch(exchange number: UInt64, _ body: @escaping @Sendable () -> Void) {
        state.withLock { state in
            guard state.isOpen(number), state.pending == nil else { return }
            state.onHangup = body
            if !state.isWatched {
                state.isWatched = core.hangups.addHangup(descriptor, token: watchToken)
            } else if state.isGone {
                core.hangups.rearmHangup(descriptor, token: watchToken)
            }
        }
    }

    func clientIsGone(exchange number: UInt64) -> Bool {
        state.withLock { state in
            guard state.isOpen(number), !state.isGone else { return true }
            return iocpd_peer_is_gone(descriptor) != 0
        }
    }

    // MARK: Calls from whoever stops the listener

    /// Whether a reply is on its way.
    var isReplying: Bool { state.withLock { $0.phase == .replying } }

    /// Answers the exchange that is parked, if one is: the listener is being stopped.
    func refuseParked() {
        let parked = state.withLock { state -> (UInt64, RequestHead)? in
            guard state.phase == .parked, let head = state.head else { return nil }
            return (state.exchangeNumber, head)
        }
        guard let (number, head) = parked else { return }
        let prepared = PreparedReply(stoppingReply(to: head), requestID: head.requestID)
        if !deliver(prepared, exchange: number) { prepared.discard() }
    }

    func stoppingReply(to head: RequestHead) -> HTTPReply {
        var reply = core.responder.refusal(.stopping, for: HTTPRequest(head: head))
        reply.closesConnection = true
        return reply
    }
}
