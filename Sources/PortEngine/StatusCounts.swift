/// How many entries ended with each status.
struct StatusCounts {
    /// By the number of the status.
    var numbers = InlineArray<8, Int>(repeating: 0)

    /// Adds other counts to these.
    mutating func add(_ other: StatusCounts) {
        for number in numbers.indices { numbers[number] += other.numbers[number] }
    }

    /// The counts of those that are not 0.
    var byStatus: [EntryStatus: Int] {
        var counts: [EntryStatus: Int] = [:]
        for (number, status) in EntryStatus.allCases.enumerated() where numbers[number] > 0 {
            counts[status] = numbers[number]
        }
        return counts
    }
}
