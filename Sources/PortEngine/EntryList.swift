public import EngineBase

/// Entries that came together, oldest first, and what they amount to.
public struct EntryList: Sendable {
    @usableFromInline var entries: BatchList<CompletionEntry>
    /// Bytes of the payloads.
    @usableFromInline var payload = 0
    /// The bits by which the heads of the entries differ from that of the first.
    @usableFromInline var differences: UInt64 = 0

    /// A list of none.
    @inlinable
    public init() { entries = BatchList() }

    /// A list of none, with room for so many.
    @inlinable
    public init(reservingCapacity capacity: Int) {
        entries = BatchList(reservingCapacity: capacity)
    }

    /// A list of these entries.
    public init(_ entries: some Collection<CompletionEntry>) {
        self.init(reservingCapacity: entries.count)
        for entry in entries { append(entry) }
    }

    /// A list of so many entries, of which `make` makes one for each place.
    @inlinable
    @inline(__always)
    public init(count: Int, _ make: (Int) -> CompletionEntry) {
        self.init()
        var first: EntryHead?
        entries = BatchList(count: count) { index in
            let entry = make(index)
            note(entry, first: first ?? entry.head)
            first = first ?? entry.head
            return entry
        }
    }

    /// Adds an entry at the end.
    @inlinable
    @inline(__always)
    public mutating func append(_ entry: __owned CompletionEntry) {
        note(entry, first: entries.isEmpty ? entry.head : entries[0].head)
        entries.append(entry)
    }

    @inlinable
    @inline(__always)
    mutating func note(_ entry: borrowing CompletionEntry, first: EntryHead) {
        // It has just been made: its payload is near.
        if let data = entry.payload { payload &+= data.count }
        differences |= first.word ^ entry.head.word
    }

    /// Takes the first entries out, of which there must be so many.
    mutating func takeFirst(_ number: Int) -> EntryList {
        var taken = EntryList()
        taken.entries = entries.takeFirst(number)
        taken.differences = differences
        for index in taken.indices { taken.payload += taken[index].dataCount }
        payload -= taken.payload
        return taken
    }

    /// How the entries ended.
    var statuses: StatusCounts {
        var counts = StatusCounts()
        // Most that come together ended alike.
        if differences & EntryHead.statusBits == 0 {
            if !isEmpty { counts.numbers[self[0].head.statusNumber] = count }
        } else {
            for index in indices { counts.numbers[self[index].head.statusNumber] += 1 }
        }
        return counts
    }
}

extension EntryList: RandomAccessCollection {
    /// The place of the first entry.
    @inlinable public var startIndex: Int { 0 }
    /// The place after the last one.
    @inlinable public var endIndex: Int { entries.count }

    /// An entry, which is not copied to be looked at.
    @inlinable
    public subscript(position: Int) -> CompletionEntry {
        @inline(__always) _read { yield entries[position] }
    }
}

extension EntryList: ExpressibleByArrayLiteral {
    /// A list of these entries.
    public init(arrayLiteral entries: CompletionEntry...) { self.init(entries) }
}

extension CompletionEntry: BatchElement {
    /// Whether anything may stand outside of the entry: data, details or a long text.
    @inlinable public var holdsMemory: Bool { head.holdsMemory }
}
