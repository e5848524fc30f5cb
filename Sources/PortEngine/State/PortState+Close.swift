import DequeModule
import EngineBase

extension PortState {
    /// Closes the port: those who wait are told, all that it holds or promised is thrown away.
    ///
    /// CloseHandle; waiters get what Windows calls ERROR_ABANDONED_WAIT_0.
    ///
    /// - Returns: entries and promised places that were thrown away.
    /// - Throws: `.notEmpty` without `force` if there is any of either, `.closed` the second time.
    mutating func close(force: Bool, _ effects: inout PortEffects) throws(PortError) -> Int {
        guard !isClosed else { throw .closed }
        let entries = counts.entries
        guard force || (entries == 0 && counts.reserved == 0) else {
            throw .notEmpty(entries: entries, reserved: counts.reserved)
        }
        let discarded = entries + counts.reserved
        isClosed = true
        for waiter in waiters.removeAll() {
            var answer = FetchAnswer(reason: .closed)
            answer.settled = waiter.settled
            effects.answer(waiter.sink, with: answer)
        }
        for (consumer, record) in consumers where record.runningLease != nil {
            effects.slotMoved(of: consumer)
        }
        for waiter in roomWaiters { effects.tellRoom(to: waiter) }
        // The containers go as they are, to be freed outside the lock.
        let storage: [any Sendable] = [
            fresh, held, dead, leases, handovers, deadlines, consumers,
        ]
        effects.free(storage: storage)
        fresh = FreshQueue()
        held = SlotTable()
        dead = SlotTable()
        returned = SequenceHeap()
        leases = NumberedTable()
        wholeLeases = WholeLeases()
        batches = [:]
        handovers = NumberedTable()
        consumers = [:]
        consumersWithAlerts = 0
        roomWaiters = []
        deadlines = DeadlineHeap()
        let sessions = counts.sessions
        counts = PortCounts()
        counts.sessions = sessions
        return discarded
    }

    /// From now on no fetch waits; those that do are told.
    mutating func startDraining(_ effects: inout PortEffects) {
        guard !isClosed, !isDraining else { return }
        isDraining = true
        while let handle = waiters.top {
            var answer = FetchAnswer(reason: .draining)
            answer.settled = waiters[handle]?.settled
            end(handle, with: answer, &effects)
        }
    }
}
