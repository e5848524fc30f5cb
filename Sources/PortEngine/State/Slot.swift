import EngineBase

/// An entry inside the port, with what the port knows of it.
struct Slot {
    /// Where the entry is.
    enum Place: UInt8 {
        /// In the queue, never taken or given back.
        case queued
        /// Waiting out the delay of a nack.
        case delayed
        /// Held by `lease`.
        case leased
        /// Past the port's `maxDeliveries`.
        case dead
    }

    /// What clients are told of it.
    var queued: QueuedEntry
    var place: Place
    /// The lease that holds it, or that held it last and may still ack it; 0 is none.
    var lease: UInt64 = 0
    /// Since when it is dead, or until when it is delayed.
    var moment: MonotonicInstant

    /// An entry that leaves those that nobody has taken, or comes back from its way to a client.
    init(_ queued: QueuedEntry, _ place: Place) {
        self.queued = queued
        self.place = place
        moment = queued.queuedAt
    }

    var seq: UInt64 { queued.seq }
    var queuedAt: MonotonicInstant { queued.queuedAt }
    var entry: CompletionEntry { queued.entry }

    /// How often it was handed out.
    var delivery: Int {
        get { queued.delivery }
        set { queued.delivery = newValue }
    }
}
