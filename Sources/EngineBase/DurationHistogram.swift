/// How long things took, counted by ranges, as Prometheus has it.
public struct DurationHistogram: Sendable {
    /// The upper bounds of the ranges, in nanoseconds; what is longer counts in none but the total.
    public static let bounds: [Int64] = [
        100_000, 500_000, 1_000_000, 5_000_000, 10_000_000, 50_000_000, 100_000_000, 500_000_000,
        1_000_000_000, 5_000_000_000, 60_000_000_000,
    ]

    /// How many lie in each range, without those of the shorter ranges.
    public private(set) var buckets = [Int](repeating: 0, count: bounds.count)
    /// How many there are.
    public private(set) var count = 0
    /// How long all of them took together.
    public private(set) var nanoseconds: Int64 = 0

    /// A histogram of nothing.
    public init() {}

    /// Counts one.
    public mutating func add(nanoseconds duration: Int64) {
        count += 1
        nanoseconds += duration
        if let bucket = DurationHistogram.bounds.firstIndex(where: { duration <= $0 }) {
            buckets[bucket] += 1
        }
    }
}
