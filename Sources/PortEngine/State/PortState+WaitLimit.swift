import EngineBase

extension PortState {
    /// Refuses a fetch that would have to wait where no more may, before it has any effect.
    mutating func refuseIfTooManyWait(_ request: FetchRequest) throws(PortError) {
        guard waiters.count >= limits.waitingFetches, request.waitMilliseconds > 0, !isDraining
        else { return }
        let prospect = prospect(of: request.settle)
        var running = prospect.running
        if let consumer = request.consumer {
            let record = consumers[consumer] ?? ConsumerRecord()
            // It takes the place of its own fetch that waits.
            if record.waiter != nil { return }
            if request.isAlertable && !record.alerts.isEmpty { return }
            if let id = request.fetchID {
                let number = batches[FetchKey(consumer: consumer, fetchID: id)]
                if number != nil && number != prospect.endedLease { return }
            }
            let own = record.runningLease
            if own != nil && own != prospect.endedLease { running -= 1 }
        }
        let hasFreeSlot = settings.concurrencyLimit.map { running < $0 } ?? true
        if hasFreeSlot && prospect.queued > 0 { return }
        throw .tooManyWaiters(limit: limits.waitingFetches)
    }

    /// What a settle will leave.
    private struct Prospect {
        var queued: Int
        var running: Int
        var endedLease: UInt64?
    }

    /// Foresees a settle: one that travels in a fetch that is then refused must not happen.
    private mutating func prospect(of settle: SettleRequest?) -> Prospect {
        var prospect = Prospect(queued: counts.queued, running: counts.running)
        guard let settle, let id = settle.lease, id.generation == generation,
            leases[id.number] != nil
        else { return prospect }
        takeApart(id.number)
        guard let lease = leases[id.number] else { return prospect }
        var stillHeld = lease.held
        var nacked = Set<UInt64>()
        for rejection in settle.nack {
            guard let seq = seqOf(rejection.entry), let slot = held[seq], slot.lease == id.number
            else { continue }
            nacked.insert(seq)
            guard slot.place == .leased else { continue }
            stillHeld -= 1
            let isLast = settings.maxDeliveries > 0 && slot.delivery >= settings.maxDeliveries
            if !isLast && rejection.delayMilliseconds == 0 { prospect.queued += 1 }
        }
        for seq in acknowledged(settle, lease) where !nacked.contains(seq) {
            guard let slot = held[seq], slot.lease == id.number else { continue }
            if slot.place == .leased { stillHeld -= 1 } else { prospect.queued -= 1 }
        }
        if lease.held > 0 && stillHeld == 0 {
            prospect.endedLease = id.number
            let consumerRuns = lease.consumer.map { consumers[$0]?.runningLease == id.number }
            if lease.takesSlot || consumerRuns == true { prospect.running -= 1 }
        }
        return prospect
    }

    private func acknowledged(_ settle: SettleRequest, _ lease: LeaseRecord) -> [UInt64] {
        switch settle.ack {
        case nil: []
        case .all: lease.batch
        case .entries(let references): references.compactMap { seqOf($0) }
        }
    }
}
