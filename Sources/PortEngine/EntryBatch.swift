public import EngineBase

/// Neighbours in a port that came in together and go out together.
public struct EntryRun: Sendable {
    /// The number of the first; those that follow have the numbers that follow.
    public internal(set) var firstSeq: UInt64
    /// When they came into the port.
    public let queuedAt: MonotonicInstant
    /// How often they have been handed out, this time included.
    public internal(set) var delivery: Int
    /// What they say, oldest first.
    public internal(set) var entries: EntryList

    /// One of them with its place in the port.
    func queued(at index: Int) -> QueuedEntry {
        QueuedEntry(
            seq: firstSeq + UInt64(index), delivery: delivery, queuedAt: queuedAt,
            entry: entries[index])
    }

    /// Visits entries in order, from the first whose number is above `seq`, until `visit` says false.
    ///
    /// - Returns: whether `visit` never did.
    func walk(after seq: UInt64, _ visit: (QueuedEntry) -> Bool) -> Bool {
        // A cursor may lie beyond the end, and further than an Int reaches.
        let skipped = seq < firstSeq ? 0 : min(seq - firstSeq, UInt64(entries.count - 1)) + 1
        for index in Int(skipped)..<entries.count {
            guard visit(queued(at: index)) else { return false }
        }
        return true
    }
}

/// The entries that a fetch brings, oldest first.
///
/// They stay in the runs in which they came: what was posted in one call and is fetched in one is
/// never taken apart. Walk over ``runs`` where speed counts; as a collection it copies each entry.
public struct EntryBatch: Sendable {
    /// The entries, in runs of neighbours.
    public private(set) var runs: [EntryRun] = []
    /// How many entries there are.
    public private(set) var count = 0
    /// Bytes of their payloads.
    public private(set) var payload = 0

    /// A batch of none.
    public init() {}

    mutating func append(_ run: EntryRun) {
        runs.append(run)
        count += run.entries.count
        payload += run.entries.payload
    }

    mutating func append(_ queued: QueuedEntry) {
        count += 1
        payload += queued.entry.dataCount
        if let last = runs.indices.last, runs[last].queuedAt == queued.queuedAt,
            runs[last].delivery == queued.delivery,
            runs[last].firstSeq + UInt64(runs[last].entries.count) == queued.seq
        {
            runs[last].entries.append(queued.entry)
            return
        }
        runs.append(
            EntryRun(
                firstSeq: queued.seq, queuedAt: queued.queuedAt, delivery: queued.delivery,
                entries: [queued.entry]))
    }

    /// Whether the entry of that number is one of these.
    func contains(seq: UInt64) -> Bool {
        runs.contains { $0.firstSeq <= seq && seq - $0.firstSeq < UInt64($0.entries.count) }
    }
}

extension EntryBatch: RandomAccessCollection {
    /// The place of the oldest entry.
    public var startIndex: Int { 0 }
    /// The place after the newest one.
    public var endIndex: Int { count }

    /// An entry, the oldest being the first.
    ///
    /// O(runs).
    public subscript(position: Int) -> QueuedEntry {
        var index = position
        for run in runs {
            if index < run.entries.count { return run.queued(at: index) }
            index -= run.entries.count
        }
        preconditionFailure("a batch of \(count) entries has none at \(position)")
    }

    /// Walks over copies of the entries.
    public func makeIterator() -> Iterator { Iterator(runs: runs) }

    /// Walks over the entries, oldest first.
    public struct Iterator: IteratorProtocol {
        fileprivate let runs: [EntryRun]
        private var run = 0
        private var index = 0

        fileprivate init(runs: [EntryRun]) { self.runs = runs }

        /// The next entry; `nil` after the last.
        public mutating func next() -> QueuedEntry? {
            guard run < runs.count else { return nil }
            let queued = runs[run].queued(at: index)
            index += 1
            if index == runs[run].entries.count { (run, index) = (run + 1, 0) }
            return queued
        }
    }
}
