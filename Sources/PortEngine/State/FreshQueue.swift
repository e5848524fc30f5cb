import DequeModule
import EngineBase

/// Entries that nobody has taken yet, oldest first, in the runs in which they came.
///
/// A run that is taken whole changes hands as it is: nothing is done for each of its entries.
struct FreshQueue {
    private var runs = Deque<EntryRun>()
    /// The most runs since it was last empty.
    private var peak = 0
    /// How many entries there are.
    private(set) var count = 0

    /// The number of the oldest entry.
    var firstSeq: UInt64? { runs.first?.firstSeq }

    /// When the oldest entry came in.
    var firstQueuedAt: MonotonicInstant? { runs.first?.queuedAt }

    /// Adds entries at the end: the numbers from `seq` on are theirs.
    mutating func append(_ entries: EntryList, from seq: UInt64, at now: MonotonicInstant) {
        guard !entries.isEmpty else { return }
        runs.append(EntryRun(firstSeq: seq, queuedAt: now, delivery: 0, entries: entries))
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
        if runs[0].entries.count <= most, runs[0].entries.payload <= limit {
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
        let next = runs.partitioningIndex(where: { $0.firstSeq > seq })
        for position in max(next - 1, 0)..<runs.count {
            guard runs[position].walk(after: seq, visit) else { return }
        }
    }

    // MARK: - Parts

    /// How many entries of the first run there is room for.
    private func sizeOfPart(most: Int, payload limit: Int, isFirst: Bool) -> Int {
        let end = min(runs[0].entries.count, most)
        var size = 0
        var bytes = 0
        while size < end {
            bytes += runs[0].entries[size].dataCount
            guard bytes <= limit || (isFirst && size == 0) else { break }
            size += 1
        }
        return size
    }

    /// Moves the next entries out of the first run, so that it does not keep what was taken.
    private mutating func takePart(_ size: Int) -> EntryRun {
        let (seq, queuedAt) = (runs[0].firstSeq, runs[0].queuedAt)
        let part = runs[0].entries.takeFirst(size)
        runs[0].firstSeq += UInt64(size)
        if runs[0].entries.isEmpty { runs.removeFirst() }
        return EntryRun(firstSeq: seq, queuedAt: queuedAt, delivery: 0, entries: part)
    }

    /// Gives back the memory of a long queue that has been emptied.
    private mutating func shrink() {
        if peak > 16_384 { runs = [] }
        peak = 0
    }
}
