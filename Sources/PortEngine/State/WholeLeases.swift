import DequeModule

/// The leases whose batch is still as it was taken, found by the numbers of their entries.
///
/// Such a batch came straight from the entries that nobody had taken: its numbers are neighbours,
/// and above those of every batch that was taken so before. So new ones go at the end, and those in
/// between are found by halving.
struct WholeLeases {
    private struct Item {
        let firstSeq: UInt64
        let count: Int
        /// The lease, or 0 where there is none any more.
        var lease: UInt64

        var lastSeq: UInt64 { firstSeq + UInt64(count - 1) }
    }

    private var items = Deque<Item>()
    private var gone = 0

    /// Items kept, those of no lease included.
    var itemCount: Int { items.count }

    /// Adds a lease with the numbers from `seq` on, which are above all that were ever added.
    mutating func append(_ lease: UInt64, from seq: UInt64, count: Int) {
        items.append(Item(firstSeq: seq, count: count, lease: lease))
    }

    /// Removes the lease that holds `seq`.
    mutating func remove(holding seq: UInt64) {
        guard let position = position(of: seq) else { return }
        items[position].lease = 0
        gone += 1
        while let first = items.first, first.lease == 0 {
            items.removeFirst()
            gone -= 1
        }
        guard gone > 32, gone > items.count / 2 else { return }
        items.removeAll { $0.lease == 0 }
        gone = 0
    }

    /// The lease that holds `seq`.
    func lease(holding seq: UInt64) -> UInt64? {
        position(of: seq).map { items[$0].lease }
    }

    /// Visits leases in order, from the one that holds the first number above `seq`, until `visit`
    /// says false.
    func walk(after seq: UInt64, _ visit: (UInt64) -> Bool) {
        var position = firstItem { $0.lastSeq > seq }
        while position < items.count {
            if items[position].lease != 0 {
                guard visit(items[position].lease) else { return }
            }
            position += 1
        }
    }

    private func position(of seq: UInt64) -> Int? {
        let position = firstItem { $0.lastSeq >= seq }
        guard position < items.count, items[position].firstSeq <= seq, items[position].lease != 0
        else { return nil }
        return position
    }

    /// The first item for which `isFar` holds; it holds for all that follow.
    private func firstItem(_ isFar: (Item) -> Bool) -> Int {
        var low = 0
        var high = items.count
        while low < high {
            let middle = (low + high) / 2
            if isFar(items[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
