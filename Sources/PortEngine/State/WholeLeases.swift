import EngineBase

/// The leases whose batch is still as it was taken, found by the numbers of their entries.
///
/// Such a batch came straight from the entries that nobody had taken: its numbers are neighbours,
/// and above those of every batch that was taken so before.
struct WholeLeases {
    private struct Whole {
        let lastSeq: UInt64
        let lease: UInt64
    }

    /// By the number of the first entry.
    private var leases = NumberedTable<Whole>()

    var itemCount: Int { leases.itemCount }

    /// Adds a lease with the numbers from `seq` on, which are above all that were ever added.
    mutating func append(_ lease: UInt64, from seq: UInt64, count: Int) {
        leases.append(Whole(lastSeq: seq + UInt64(count - 1), lease: lease), as: seq)
    }

    /// Removes the lease whose first entry is `seq`.
    mutating func remove(from seq: UInt64) { leases.remove(seq) }

    /// The lease that holds `seq`.
    func lease(holding seq: UInt64) -> UInt64? {
        guard let whole = leases.last(upTo: seq), seq <= whole.lastSeq else { return nil }
        return whole.lease
    }

    /// Visits leases in order, from the one that holds the first number above `seq`, until `visit`
    /// says false.
    func walk(after seq: UInt64, _ visit: (UInt64) -> Bool) {
        leases.walk(fromLastUpTo: seq) { whole in
            whole.lastSeq <= seq || visit(whole.lease)
        }
    }
}
