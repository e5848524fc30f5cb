/// A moment on the monotonic clock, in nanoseconds since an arbitrary start.
///
/// Every deadline is one of these, computed once. The clock is injected (``EngineClock``), so that
/// the simulation can run on virtual time.
public struct MonotonicInstant: Hashable, Comparable, Sendable {
    /// Nanoseconds since the clock's start.
    public var nanoseconds: Int64

    /// The moment `nanoseconds` after the clock's start.
    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// A moment that never comes.
    public static let distantFuture = MonotonicInstant(nanoseconds: .max)

    /// The moment `milliseconds` later; ``distantFuture`` where the sum would overflow.
    public func advanced(milliseconds: Int) -> MonotonicInstant {
        let (product, tooLarge) = Int64(milliseconds).multipliedReportingOverflow(by: 1_000_000)
        let (sum, overflow) = nanoseconds.addingReportingOverflow(product)
        return tooLarge || overflow ? .distantFuture : MonotonicInstant(nanoseconds: sum)
    }

    /// Whole milliseconds from `earlier` until this moment, rounded up; 0 if it has passed.
    public func milliseconds(since earlier: MonotonicInstant) -> Int {
        let distance = nanoseconds &- earlier.nanoseconds
        return distance <= 0 ? 0 : Int((distance &+ 999_999) / 1_000_000)
    }

    /// Orders moments by time.
    public static func < (left: MonotonicInstant, right: MonotonicInstant) -> Bool {
        left.nanoseconds < right.nanoseconds
    }
}

/// Where the time comes from: the kernel, or the simulation.
public protocol EngineClock: Sendable {
    /// The present moment on the monotonic clock.
    func now() -> MonotonicInstant

    /// Nanoseconds to add to a monotonic moment to get nanoseconds since 1970 UTC.
    func wallClockOffset() -> Int64
}
