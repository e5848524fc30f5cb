public import EngineBase
import Glibc

/// The kernel's monotonic clock.
public struct MonotonicClock: EngineClock {
    /// The clock; all of them tell the same time.
    public init() {}

    /// Nanoseconds since the machine started, suspensions left out.
    public func now() -> MonotonicInstant {
        MonotonicInstant(nanoseconds: MonotonicClock.read(CLOCK_MONOTONIC))
    }

    /// What has to be added to get nanoseconds since 1970 UTC, by the present wall clock.
    public func wallClockOffset() -> Int64 {
        MonotonicClock.read(CLOCK_REALTIME) &- MonotonicClock.read(CLOCK_MONOTONIC)
    }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
