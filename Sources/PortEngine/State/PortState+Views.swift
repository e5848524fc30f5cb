import DequeModule
public import EngineBase

/// An entry as a look at the port shows it.
public struct PeekedEntry: Sendable {
    /// Where the entry is.
    public enum Place: Sendable {
        case queued
        case leased(expiresAt: MonotonicInstant?)
        case delayed(until: MonotonicInstant)
        case dead(since: MonotonicInstant)
    }

    /// The entry; `delivery` is how often it has been handed out so far.
    public var entry: QueuedEntry
    /// Where it is.
    public var place: Place
}

/// A page of a look at the port.
public struct PeekPage: Sendable {
    /// The entries, oldest first.
    public var entries: [PeekedEntry] = []
    /// The number to go on after; `nil` at the end.
    public var next: UInt64?

    /// An empty page.
    public init() {}
}

extension PortState {
    /// Looks at entries whose number is above `seq`, and changes nothing.
    ///
    /// O(page).
    func peek(after seq: UInt64, limit: Int) -> PeekPage {
        var page = PeekPage()
        var last = seq
        var isFull = false
        held.walk(after: seq) { slot in
            guard page.entries.count < limit else {
                isFull = true
                return false
            }
            page.entries.append(PeekedEntry(entry: slot.queued, place: place(of: slot)))
            last = slot.seq
            return true
        }
        if !isFull, let first = fresh.first?.seq {
            // Numbers of fresh entries are neighbours, so the first one to show is at once known.
            // A cursor may lie beyond the end, and further than an Int reaches.
            var index = last < first ? 0 : fresh.count
            if last >= first, last - first < UInt64(fresh.count) { index = Int(last - first) + 1 }
            while index < fresh.count {
                guard page.entries.count < limit else {
                    isFull = true
                    break
                }
                page.entries.append(
                    PeekedEntry(entry: fresh[index], place: .queued))
                last = fresh[index].seq
                index += 1
            }
        }
        if isFull { page.next = last }
        return page
    }

    /// Looks at dead letters whose number is above `seq`, and changes nothing.
    ///
    /// O(page).
    func peekDeadLetters(after seq: UInt64, limit: Int) -> PeekPage {
        var page = PeekPage()
        dead.walk(after: seq) { slot in
            guard page.entries.count < limit else {
                page.next = page.entries.last?.entry.seq
                return false
            }
            page.entries.append(PeekedEntry(entry: slot.queued, place: place(of: slot)))
            return true
        }
        return page
    }

    private func place(of slot: Slot) -> PeekedEntry.Place {
        switch slot.place {
        case .queued: .queued
        case .delayed: .delayed(until: slot.moment)
        case .leased: .leased(expiresAt: leases[slot.lease]?.expiry)
        case .dead: .dead(since: slot.moment)
        }
    }
}
