import PortEngine

/// An entry of the reference model: one line of a plain list.
struct ModelEntry {
    enum Place: Equatable {
        case queued
        case delayed(until: Int64)
        case leased
        case dead(since: Int64)
        /// Consumed, and its reply not yet known to have arrived.
        case leaving
    }

    var seq: UInt64
    var size: Int
    var queuedAt: Int64
    var place = Place.queued
    var delivery = 0
    /// Who holds it, or who held it last and may still ack it.
    var lease: Int?
}

/// A lease of the reference model. It is never thrown away.
struct ModelLease {
    enum Standing {
        /// Takes a slot for as long as it holds anything.
        case runs
        case parked
        case neither
    }

    var number: Int
    var consumer: String?
    var fetchID: String?
    var expiry: Int64
    var standing = Standing.runs
}

/// What a fetch of the reference model asks.
struct ModelFetch {
    var maxEntries = 64
    var maxBytes = 1_048_576
    var wait = 0
    var mode = FetchMode.lease
    var leaseMilliseconds: Int?
    var consumer: String?
    var fetchID: String?
    var isAlertable = false
    var settle: ModelSettle?
}

/// What a settle of the reference model asks.
struct ModelSettle {
    struct Named: Hashable {
        var text: String
        /// The number, if the id is one of this life of the port.
        var seq: UInt64?
    }

    /// The lease's number here; `nil` for one that the port never gave out.
    var lease: Int?
    var acksAll = false
    var ack: [Named]?
    var nack: [(entry: Named, delay: Int)] = []
    var extend: Int?
}

/// What a settle did, here and in the engine.
struct ModelSettled: Equatable {
    struct Outcome: Equatable {
        var id: String
        var outcome: SettleAnswer.Outcome
    }

    var acked = 0
    var nacked = 0
    var outcomes: [Outcome] = []
    var expiresAt: Int64?
}

/// What a fetch brings, here and in the engine, but for the names of leases and handovers.
struct ModelAnswer: Equatable {
    struct Taken: Equatable {
        var seq: UInt64
        var delivery: Int
        var size: Int
        var queuedAt: Int64
    }

    var reason: FetchReason
    var entries: [Taken] = []
    var lease: Int?
    var expiresAt: Int64?
    var alerts: [String] = []
    var settled: ModelSettled?
    var handover: Int?
}

/// What a fetch that waits is, in the model.
struct ModelWaiter {
    var number: Int
    var request: ModelFetch
    var deadline: Int64
    var settled: ModelSettled?
}

/// What is on its way to a client.
struct ModelHandover {
    var consumed: [UInt64] = []
    var lease: Int?
    var alerts: [String] = []
    var consumer: String?
}

/// A line of a look at the port.
struct ModelLook: Equatable {
    enum Place: Equatable {
        case queued
        case leased(until: Int64)
        case delayed(until: Int64)
        case dead(since: Int64)
    }

    var seq: UInt64
    var delivery: Int
    var place: Place
}
