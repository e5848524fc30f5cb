import DequeModule
import EngineBase

/// Entries that nobody has taken yet, oldest first, in the runs in which they came.
///
/// A run that is taken whole changes hands as it is: nothing is done for each of its entries.
struct FreshQueue {
    private var runs = Deque<EntryRun>()
    /// Entries of the first run that have left it; blanks stand in their places.
    private var taken = 0
    /// The most runs since it was last empty.
    private var peak = 0
    /// How many entries there are.
    private(set) var count = 0

    /// The number of the oldest entry.
    var firstSeq: UInt64? { runs.isEmpty ? nil : runs[0].firstSeq + UInt64(taken) }

    /// When the oldest entry came in.
    var firstQueuedAt: MonotonicInstant? { runs.first?.queuedAt }

    /// Adds entries at the end: the numbers from `seq` on are theirs.
    mutating func append(
        _ entries: [CompletionEntry], payload: Int, from seq: UInt64, at now: MonotonicInstant
    ) {
        guard !entries.isEmpty else { return }
        runs.append(
            EntryRun(firstSeq: seq, queuedAt: now, delivery: 0, entries: entries, payload: payload))
        peak = max(peak, runs.count)
        count += entries.count
    }

    /// Takes the first run, or as much of it as fits; its entries are counted as handed out once.
    ///
    /// - Parameters:
    ///   - most: how many entries there is room for.
    ///   - limit: how many bytes of payload there is room for.
    ///   - isFirst: whether one entry is taken even if it is larger than that.
    /// - Returns: what was taken; `nil` if nothing fits.
    mutating func takeRun(most: Int, payload limit: Int, isFirst: Bool) -> EntryRun? {
        guard !runs.isEmpty, most > 0 else { return nil }
        var run: EntryRun
        if taken == 0, runs[0].entries.count <= most, runs[0].payload <= limit {
            run = runs.removeFirst()
        } else {
            let size = sizeOfPart(most: most, payload: limit, isFirst: isFirst)
            guard size > 0 else { return nil }
            run = takePart(size)
        }
        run.delivery = 1
        count -= run.entries.count
        if runs.isEmpty { shrink() }
        return run
    }

    /// Visits entries in order, from the first whose number is above `seq`, until `visit` says false.
    func walk(after seq: UInt64, _ visit: (QueuedEntry) -> Bool) {
        guard let first = firstSeq else { return }
        // Blanks stand before the first.
        let last = max(first - 1, seq)
        let next = runs.partitioningIndex(where: { $0.firstSeq > last })
        for position in max(next - 1, 0)..<runs.count {
            guard runs[position].walk(after: last, visit) else { return }
        }
    }

    // MARK: - Parts

    /// How many entries of the first run there is room for.
    private func sizeOfPart(most: Int, payload limit: Int, isFirst: Bool) -> Int {
        let end = min(runs[0].entries.count, taken + most)
        var index = taken
        var bytes = 0
        while index < end {
            bytes += runs[0].entries[index].dataCount
            guard bytes <= limit || (isFirst && index == taken) else { break }
            index += 1
        }
        return index - taken
    }

    /// Moves the next entries out of the first run, so that it does not keep what was taken.
    private mutating func takePart(_ size: Int) -> EntryRun {
        let seq = runs[0].firstSeq + UInt64(taken)
        let part = runs[0].moveOut(taken..<(taken + size))
        taken += size
        var payload = 0
        for index in part.indices { payload += part[index].dataCount }
        let queuedAt = runs[0].queuedAt
        runs[0].payload -= payload
        if taken == runs[0].entries.count {
            runs.removeFirst()
            taken = 0
        }
        return EntryRun(
            firstSeq: seq, queuedAt: queuedAt, delivery: 0, entries: part, payload: payload)
    }

    /// Gives back the memory of a long queue that has been emptied.
    private mutating func shrink() {
        if peak > 16_384 { runs = [] }
        peak = 0
    }
}

extension EntryRun {
    /// Takes entries out and leaves blanks in their places.
    fileprivate mutating func moveOut(_ range: Range<Int>) -> [CompletionEntry] {
        // SAFETY: each place of the range is moved from once and filled again at once; the new array
        // has as many entries as were moved into it.
        unsafe entries.withUnsafeMutableBufferPointer { places in
            let part = unsafe UnsafeMutableBufferPointer(rebasing: places[range])
            let moved = unsafe [CompletionEntry](unsafeUninitializedCapacity: range.count) {
                target, count in
                count = unsafe target.moveInitialize(fromContentsOf: part)
            }
            unsafe part.initialize(repeating: CompletionEntry(kind: .packet))
            return moved
        }
    }
}
