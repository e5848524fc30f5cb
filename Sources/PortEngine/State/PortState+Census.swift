import EngineBase

/// How many records a port keeps, so that tests can see that none is left behind.
struct PortCensus: Equatable {
    var leases = 0
    var consumers = 0
    var batches = 0
    var handovers = 0
    var deadlines = 0
    var waiterNodes = 0
    var returnedNumbers = 0
    var chunks = 0
    var batchNumbers = 0
    var wholeLeases = 0
}

extension PortState {
    /// Counts the records.
    func census() -> PortCensus {
        PortCensus(
            leases: leases.count, consumers: consumers.count, batches: batches.count,
            handovers: handovers.count, deadlines: deadlines.count,
            waiterNodes: waiters.nodeCount, returnedNumbers: returned.count,
            chunks: held.chunkCount + dead.chunkCount,
            batchNumbers: leases.values.reduce(0) { $0 + $1.batch.count },
            wholeLeases: wholeLeases.itemCount)
    }
}
