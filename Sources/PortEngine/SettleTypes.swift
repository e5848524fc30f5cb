public import EngineBase

/// An entry's id as a client gave it.
public struct EntryReference: Hashable, Sendable {
    /// The text, for the answer.
    public let text: String
    /// What it means; `nil` if no port can have given it out.
    public let id: EntryID?

    /// Reads an id; any text is accepted, and a strange one is `unknown` later.
    public init(_ text: String) {
        self.text = text
        id = EntryID(text)
    }
}

/// What becomes of a batch.
public struct SettleRequest: Sendable {
    /// Which entries are done.
    public enum Acknowledgement: Sendable {
        /// All that the lease may still ack, except those named in `nack`.
        case all
        /// These.
        case entries([EntryReference])
    }

    /// An entry to give back.
    public struct Rejection: Sendable {
        /// Which.
        public var entry: EntryReference
        /// How long nobody shall get it.
        public var delayMilliseconds: Int

        /// Gives `entry` back, to be taken again after the delay.
        public init(entry: EntryReference, delayMilliseconds: Int) {
            self.entry = entry
            self.delayMilliseconds = delayMilliseconds
        }
    }

    /// The lease; `nil` if the text given is none that a port gave out.
    public var lease: LeaseID?
    /// What is done.
    public var ack: Acknowledgement?
    /// What is given back.
    public var nack: [Rejection]
    /// How long from now the rest is held.
    public var extendMilliseconds: Int?

    /// Whether it is about some entries of the batch and not about the batch.
    var namesEntries: Bool {
        if case .entries = ack { return true }
        return !nack.isEmpty
    }

    /// A settle of `lease` with these lists.
    public init(
        lease: LeaseID?, ack: Acknowledgement? = nil, nack: [Rejection] = [],
        extendMilliseconds: Int? = nil
    ) {
        self.lease = lease
        self.ack = ack
        self.nack = nack
        self.extendMilliseconds = extendMilliseconds
    }

    /// The first id that is named twice, if any: such a settle contradicts itself.
    public var idNamedTwice: String? {
        var seen = Set<String>()
        for rejection in nack where !seen.insert(rejection.entry.text).inserted {
            return rejection.entry.text
        }
        guard case .entries(let references) = ack else { return nil }
        for reference in references where !seen.insert(reference.text).inserted {
            return reference.text
        }
        return nil
    }
}

/// What a settle did.
public struct SettleAnswer: Sendable {
    /// Why an entry was not simply done.
    public enum Outcome: String, Sendable, CaseIterable {
        case alreadyAcked = "already_acked"
        case leaseLost = "lease_lost"
        case unknown
    }

    /// Entries acked now.
    public var acked = 0
    /// Entries given back now.
    public var nacked = 0
    /// The entries for which it was otherwise, in the order they were named.
    public var outcomes: [(id: String, outcome: Outcome)] = []
    /// When the lease runs out, while it still holds entries.
    public var leaseExpiresAt: MonotonicInstant?

    /// An answer that says that nothing was done.
    public init() {}
}
