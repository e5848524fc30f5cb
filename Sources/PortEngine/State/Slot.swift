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

    let seq: UInt64
    var place: Place
    /// How often it was handed out.
    var delivery: Int
    /// The lease that holds it, or that held it last and may still ack it; 0 is none.
    var lease: UInt64
    let queuedAt: MonotonicInstant
    /// Since when it is dead, or until when it is delayed.
    var moment: MonotonicInstant
    let entry: CompletionEntry

    /// A new entry, at the end of the queue.
    init(seq: UInt64, entry: CompletionEntry, at now: MonotonicInstant) {
        self.seq = seq
        place = .queued
        delivery = 0
        lease = 0
        queuedAt = now
        moment = now
        self.entry = entry
    }

    var queuedEntry: QueuedEntry {
        QueuedEntry(seq: seq, delivery: delivery, queuedAt: queuedAt, entry: entry)
    }
}
