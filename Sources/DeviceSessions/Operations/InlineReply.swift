import EngineBase
public import PortEngine

/// Gathers the entries of operations whose submitter waits for them in the reply.
///
/// Each operation keeps its place on the port until the reply has arrived: if the client has gone,
/// the entries are queued there as if they had been asked for so.
public final class InlineReply: Sendable {
    private struct Gathering {
        var entries: [CompletionEntry?]
        /// What follows the entries if they go to the port after all.
        var trailing: [CompletionEntry] = []
        var missing: Int
        var isSettled = false

        /// The entries of the operations, in order.
        var list: EntryList {
            var list = EntryList(reservingCapacity: entries.count)
            for case .some(let entry) in entries { list.append(entry) }
            return list
        }
    }

    private let port: CompletionPort
    private let gathering: Guarded<Gathering>
    private let whenComplete: @Sendable (InlineReply, EntryList) -> Void

    /// Waits for `count` entries of operations on sessions of `port`.
    ///
    /// `whenComplete`: called once, on a worker's thread, with the entries in the order of
    ///   the request; its receiver calls ``delivered()`` or ``undelivered()`` once.
    public init(
        port: CompletionPort, count: Int,
        whenComplete: @escaping @Sendable (InlineReply, EntryList) -> Void
    ) {
        self.port = port
        self.whenComplete = whenComplete
        gathering = Guarded(Gathering(entries: Array(repeating: nil, count: count), missing: count))
    }

    /// Takes the entry of operation `index`.
    ///
    /// `trailing`: entries, with places of their own, that the client needs only if it
    ///   did not get the reply: the end of a session whose open failed.
    public func fulfil(
        _ index: Int, with entry: CompletionEntry, followedBy trailing: [CompletionEntry] = []
    ) {
        let complete: EntryList? = gathering.withLock { gathering in
            precondition(gathering.entries[index] == nil, "an operation ended twice")
            gathering.entries[index] = entry
            gathering.trailing += trailing
            gathering.missing -= 1
            return gathering.missing == 0 ? gathering.list : nil
        }
        if let complete { whenComplete(self, complete) }
    }

    /// The client has the entries: their places are free.
    public func delivered() {
        guard let entries = takeEntries() else { return }
        port.release(entries.count)
    }

    /// The client has gone: the entries go to the port.
    public func undelivered() {
        guard let entries = takeEntries() else { return }
        port.complete(entries)
    }

    private func takeEntries() -> EntryList? {
        gathering.withLock { gathering in
            guard !gathering.isSettled else { return nil }
            gathering.isSettled = true
            var entries = gathering.list
            for entry in gathering.trailing { entries.append(entry) }
            gathering.entries = []
            gathering.trailing = []
            return entries
        }
    }
}
