public import EngineBase

/// A clock that stands still until the simulation moves it.
public final class VirtualClock: EngineClock {
    private let nanoseconds: Guarded<Int64>

    /// A clock at `milliseconds` after its start.
    public init(milliseconds: Int = 1_000) {
        nanoseconds = Guarded(Int64(milliseconds) * 1_000_000)
    }

    /// The moment that the clock stands at.
    public func now() -> MonotonicInstant {
        MonotonicInstant(nanoseconds: nanoseconds.withLock { $0 })
    }

    /// A fixed distance, so that times of day follow from the virtual ones.
    public func wallClockOffset() -> Int64 { 1_700_000_000_000_000_000 }

    /// Moves the clock on; nobody is told.
    public func move(milliseconds: Int) {
        nanoseconds.withLock { $0 += Int64(milliseconds) * 1_000_000 }
    }

    /// Moves the clock on to `moment`, never back; nobody is told.
    public func move(to moment: MonotonicInstant) {
        nanoseconds.withLock { $0 = max($0, moment.nanoseconds) }
    }
}
