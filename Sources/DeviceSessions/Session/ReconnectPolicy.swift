import EngineBase
import PortEngine

/// When a session that has lost its device tries to come back.
public struct ReconnectPolicy: Hashable, Sendable {
    /// The shortest pause before an attempt.
    public var minDelayMilliseconds: Int
    /// The longest pause before an attempt.
    public var maxDelayMilliseconds: Int
    /// After how many attempts in a row it gives up; `nil`: never.
    public var maxAttempts: Int?

    /// A policy with these values.
    public init(minDelayMilliseconds: Int, maxDelayMilliseconds: Int, maxAttempts: Int?) {
        self.minDelayMilliseconds = minDelayMilliseconds
        self.maxDelayMilliseconds = max(minDelayMilliseconds, maxDelayMilliseconds)
        self.maxAttempts = maxAttempts
    }

    /// The pause before attempt `number`: anything up to a limit that doubles each time, so that
    /// many sessions that lost one device do not come back to it all at once.
    func delay(beforeAttempt number: Int, _ generator: inout SeededGenerator) -> Int {
        let doubled = minDelayMilliseconds << min(number, 20)
        let longest = min(maxDelayMilliseconds, doubled)
        let range = UInt64(longest - minDelayMilliseconds + 1)
        return minDelayMilliseconds + Int(generator.next() % range)
    }
}

/// What a session that comes back knows of its losses.
struct Reconnection: Sendable {
    /// A connection that has just been lost.
    struct Loss: Sendable {
        /// How the operations that were pending end.
        let status: EntryStatus
        let error: EntryError?
        /// The first operation that nobody could have submitted before the loss.
        let firstUnaffected: UInt64
        var hasEndedOperations = false
    }

    let policy: ReconnectPolicy
    /// The opening as it was before its first step: each attempt begins with a copy.
    let blueprint: any SessionOpening
    var generator: SeededGenerator
    var loss: Loss?
    /// Attempts since the connection was lost.
    var attempts = 0
    /// Whether an attempt is under way.
    var isTrying = false
    /// Tells the time-out of an attempt from those of earlier ones.
    var attemptSerial: UInt64 = 0
    /// Whether the pause before the next attempt is over.
    var isDue = false
    /// Places on the port that are kept for entries that tell of losses and returns.
    var places = 2
    /// Such entries that found no place.
    var skipped = 0
    /// The driver has told that the peer is gone.
    var isHangupKnown = false
    /// Bytes of the lost connection that did not fit into the buffer.
    var discarded = 0
    /// Whether something did not fit: then nothing behind it is given to reads, which would not see
    /// the gap.
    var hasOverflown = false

    /// Throws away what came while the end was sought.
    mutating func discard(_ bytes: Int) {
        discarded += bytes
        hasOverflown = true
    }

    init(_ policy: ReconnectPolicy, blueprint: any SessionOpening, seed: UInt64) {
        self.policy = policy
        self.blueprint = blueprint
        generator = SeededGenerator(seed: seed)
    }
}
