import EngineBase

extension PortState {
    /// The reply has been taken by the client's socket: what it carried is the client's.
    mutating func confirm(_ id: HandoverID, _ effects: inout PortEffects) {
        guard let handover = handovers.remove(id.number) else { return }
        guard !handover.consumed.isEmpty else { return }
        counts.bytes -= handover.consumed.payload
        counts.leased -= handover.consumed.count
        counts.ackedTotal += handover.consumed.count
        counts.consumedTotal += handover.consumed.count
        effects.free(handover.consumed)
        tellRoomWaiters(&effects)
    }

    /// The reply was lost: what it carried goes back to where it was, as if never handed out.
    mutating func putBack(
        _ id: HandoverID, at now: MonotonicInstant, _ effects: inout PortEffects
    ) {
        guard let handover = handovers.remove(id.number) else { return }
        counts.undeliveredTotal += 1
        for queued in handover.consumed {
            var slot = Slot(queued, .queued)
            slot.delivery -= 1
            requeue(slot)
        }
        counts.leased -= handover.consumed.count
        if let number = handover.lease {
            revoke(number, &effects)
            tidyDeadlines()
        }
        if let consumer = handover.consumer { keepAgain(handover.alerts, for: consumer, &effects) }
        serve(at: now, &effects)
    }

    /// The batch goes, but its lease has a `fetch_id`: it stays for the repeat, and is only counted.
    mutating func countUndelivered() { counts.undeliveredTotal += 1 }

    private mutating func revoke(_ number: UInt64, _ effects: inout PortEffects) {
        takeApart(number)
        guard let lease = leases[number] else { return }
        var returned = 0
        for seq in lease.batch {
            guard var slot = held[seq], slot.lease == number, slot.place == .leased else {
                continue
            }
            held.remove(seq)
            slot.delivery -= 1
            slot.lease = 0
            requeue(slot)
            returned += 1
        }
        counts.leased -= returned
        leases.update(number) { $0.held -= returned }
        endLeaseIfEmpty(number, &effects)
        for _ in 0..<returned { unlink(number) }
    }
}
