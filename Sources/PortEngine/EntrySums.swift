/// What entries that come together amount to, from one look at each.
struct EntrySums {
    /// Bytes of their payloads.
    private(set) var payload = 0
    private var counts = StatusCounts()

    init(_ entries: [CompletionEntry]) {
        let entries = entries.span
        guard !entries.isEmpty else { return }
        let first = entries[0].head
        // No branch for each: that made the whole round of a batch a tenth slower.
        var differences: UInt64 = 0
        var sum = 0
        for index in entries.indices {
            differences |= entries[index].head.word ^ first.word
            // They have just been made: their payloads are near.
            if let payload = entries[index].payload { sum += payload.count }
        }
        payload = sum
        // Most that come together ended alike.
        if differences & EntryHead.statusBits == 0 {
            counts.numbers[first.statusNumber] = entries.count
        } else {
            for index in entries.indices { counts.numbers[entries[index].head.statusNumber] += 1 }
        }
    }

    /// Adds what they are to counts of all entries.
    func add(to total: inout StatusCounts) {
        for number in counts.numbers.indices { total.numbers[number] += counts.numbers[number] }
    }
}

/// How many entries ended with each status.
struct StatusCounts {
    /// By the number of the status.
    var numbers = InlineArray<8, Int>(repeating: 0)

    /// The counts of those that are not 0.
    var byStatus: [EntryStatus: Int] {
        var counts: [EntryStatus: Int] = [:]
        for (number, status) in EntryStatus.allCases.enumerated() where numbers[number] > 0 {
            counts[status] = numbers[number]
        }
        return counts
    }
}
