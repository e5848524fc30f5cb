public import EngineBase
import Glibc

/// The kernel's monotonic clock, as the daemon has it.
public struct BenchClock: EngineClock {
    /// The clock; all of them tell the same time.
    public init() {}

    /// Nanoseconds since the machine started.
    public func now() -> MonotonicInstant {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return MonotonicInstant(
            nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    /// No wall clock is asked for here.
    public func wallClockOffset() -> Int64 { 0 }
}
