/// Where a connection stands, and what belongs to the request that it is at.
///
/// It is guarded by the connection's lock; the system calls made under that lock do not block, and
/// keep the descriptor from being closed and used again meanwhile.
struct ExchangeState: Sendable {
    enum Phase: Sendable {
        /// Between two requests.
        case idle
        /// The connection's first head is being read; the others' are while it is idle.
        case head
        /// A body is being read.
        case body
        /// The responder is being asked.
        case responding
        /// The connection is suspended until there is a reply.
        case parked
        /// A reply is on its way.
        case replying
        /// A deadline has passed: last words are being sent, and nothing else may be.
        case cut
        /// The descriptor is closed, or about to be.
        case closed
    }

    var phase = Phase.head
    /// Counts the requests that reached the responder.
    var exchangeNumber: UInt64 = 0
    var head: RequestHead?
    var requestBytes = 0

    /// The reply, given while the responder was still being asked.
    var pending: PreparedReply?
    /// The reply on its way.
    var reply: PreparedReply?

    var onHangup: (@Sendable () -> Void)?
    /// Whether the watch set has the connection; there may have been no room in it.
    var isWatched = false
    /// Whether the watch has seen the client hang up; it stays so.
    var isGone = false

    /// When the connection became idle, in nanoseconds of the monotonic clock.
    var idleSince: Int64 = 0
    /// Whether a head is known to arrive on the idle connection.
    var hasHeadBegun = false
    /// The socket's progress when it was last looked at, and when it was last seen to change.
    var progress: UInt64?
    var progressAt: Int64 = 0

    /// Whether a request is being read, or may be any moment.
    var isReading: Bool { phase == .idle || phase == .head || phase == .body }

    /// Whether the exchange of that number can still be replied to.
    func isOpen(_ number: UInt64) -> Bool {
        exchangeNumber == number && (phase == .responding || phase == .parked)
    }

    /// A reply goes out.
    mutating func beginReply(_ reply: PreparedReply) {
        phase = .replying
        reply.wasGone = isGone
        self.reply = reply
        onHangup = nil
        progress = nil
    }

    /// The request is over, one way or the other.
    mutating func endRequest(now: Int64) -> EndedRequest {
        if phase != .cut && phase != .closed { phase = .idle }
        idleSince = now
        hasHeadBegun = false
        progress = nil
        onHangup = nil
        defer {
            head = nil
            reply = nil
            pending = nil
            requestBytes = 0
        }
        return EndedRequest(
            head: head,
            reply: reply,
            pending: pending,
            requestBytes: requestBytes
        )
    }
}

/// What is left to be told of a request that is over.
struct EndedRequest: Sendable {
    var head: RequestHead?
    var reply: PreparedReply?
    var pending: PreparedReply?
    var requestBytes: Int
}
