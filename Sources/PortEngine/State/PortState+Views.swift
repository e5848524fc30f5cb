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
        // One more than fits shows whether there is more. Each kind is in order; put together, the
        // oldest of both are among the first of each.
        var found: [PeekedEntry] = []
        held.walk(after: seq) { slot in
            found.append(PeekedEntry(entry: slot.queued, place: place(of: slot)))
            return found.count <= limit
        }
        let slots = found.count
        wholeLeases.walk(after: seq) { number in
            guard let lease = leases[number], let batch = lease.whole else { return true }
            return batch.runs.allSatisfy { run in
                run.walk(after: seq) { queued in
                    let place = PeekedEntry.Place.leased(expiresAt: lease.expiry)
                    found.append(PeekedEntry(entry: queued, place: place))
                    return found.count - slots <= limit
                }
            }
        }
        if slots > 0 && found.count > slots { found.sort { $0.entry.seq < $1.entry.seq } }
        // What nobody has taken comes after all of these.
        if found.count <= limit {
            fresh.walk(after: seq) { queued in
                found.append(PeekedEntry(entry: queued, place: .queued))
                return found.count <= limit
            }
        }
        var page = PeekPage()
        page.entries = Array(found.prefix(limit))
        if found.count > limit { page.next = page.entries.last?.entry.seq }
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
