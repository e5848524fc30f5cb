import EngineBase

extension PortState {
    /// Settles a batch: nack, then ack, then extend; and serves those who wait.
    mutating func settle(
        _ request: SettleRequest, at now: MonotonicInstant, _ effects: inout PortEffects
    ) throws(PortError) -> SettleAnswer {
        guard !isClosed else { throw .closed }
        let answer = apply(request, at: now, &effects)
        serve(at: now, &effects)
        return answer
    }

    /// The same without serving: inside a fetch the newcomer comes first.
    mutating func apply(
        _ request: SettleRequest, at now: MonotonicInstant, _ effects: inout PortEffects
    ) -> SettleAnswer {
        var answer = SettleAnswer()
        // 0 is no lease: what is asked in its name finds nothing that it may settle.
        let number = request.lease.flatMap { $0.generation == generation ? $0.number : nil } ?? 0
        if request.namesEntries { takeApart(number) }
        for rejection in request.nack {
            nack(rejection, by: number, at: now, &answer, &effects)
        }
        switch request.ack {
        case nil: break
        case .all:
            // None that was named in `nack`, in time or too late: those are the lease's no longer.
            answer.acked = acknowledgeAll(of: number, &effects)
        case .entries(let references):
            for reference in references {
                if let seq = seqOf(reference), acknowledge([seq], by: number, &effects) > 0 {
                    answer.acked += 1
                } else {
                    answer.outcomes.append((reference.text, refusal(of: reference)))
                }
            }
        }
        if let lease = leases[number], lease.held > 0 {
            if let milliseconds = request.extendMilliseconds {
                rearm(number, until: now.advanced(milliseconds: milliseconds))
            }
            answer.leaseExpiresAt = leases[number]?.expiry
        }
        tidyDeadlines()
        tellRoomWaiters(&effects)
        return answer
    }

    // MARK: - One entry

    func seqOf(_ reference: EntryReference) -> UInt64? {
        reference.id.flatMap { $0.generation == generation ? $0.seq : nil }
    }

    /// Why an entry could not be settled so.
    private func refusal(of reference: EntryReference) -> SettleAnswer.Outcome {
        guard let seq = seqOf(reference), seq < nextSeq else { return .unknown }
        if held.place(of: seq) != nil || dead.place(of: seq) != nil { return .leaseLost }
        if wholeLeases.lease(holding: seq) != nil { return .leaseLost }
        if let first = fresh.firstSeq, seq >= first { return .leaseLost }
        let isLeaving = handovers.values.contains { $0.consumed.contains(seq: seq) }
        return isLeaving ? .leaseLost : .alreadyAcked
    }

    /// Takes out for good all that the lease holds or was the last to hold.
    ///
    /// - Returns: how many those were.
    private mutating func acknowledgeAll(
        of number: UInt64, _ effects: inout PortEffects
    ) -> Int {
        guard let batch = leases[number]?.whole else {
            return acknowledge(leases[number]?.batch ?? [], by: number, &effects)
        }
        leases.update(number) { lease in
            lease.whole = nil
            lease.held = 0
        }
        if let first = batch.runs.first?.firstSeq { wholeLeases.remove(from: first) }
        counts.bytes -= batch.payload
        counts.leased -= batch.count
        counts.ackedTotal += batch.count
        effects.free(batch)
        endLeaseIfEmpty(number, &effects)
        unlink(number, batch.count)
        return batch.count
    }

    /// Takes entries out for good, those of them that the lease holds or was the last to hold.
    ///
    /// - Returns: how many those were.
    private mutating func acknowledge(
        _ numbers: [UInt64], by number: UInt64, _ effects: inout PortEffects
    ) -> Int {
        guard number != 0 else { return 0 }
        var acked = 0
        var held = 0
        for seq in numbers {
            guard let place = takeOut(seq, of: number) else { continue }
            acked += 1
            if place == .leased { held += 1 }
        }
        guard acked > 0 else { return 0 }
        counts.ackedTotal += acked
        leases.update(number) { $0.held -= held }
        endLeaseIfEmpty(number, &effects)
        unlink(number, acked)
        return acked
    }

    /// Takes one entry out; says where it was.
    private mutating func takeOut(_ seq: UInt64, of number: UInt64) -> Slot.Place? {
        if let slot = held.remove(seq, where: { $0.lease == number }) {
            counts.bytes -= slot.entry.dataCount
            if slot.place == .leased {
                counts.leased -= 1
            } else {
                // The lease ran out, but nobody has taken the entry since: late, and still right.
                counts.queued -= 1
                returned.forgetOne { [held] in held[$0]?.place == .queued }
            }
            return slot.place
        }
        guard let slot = dead.remove(seq, where: { $0.lease == number }) else { return nil }
        counts.bytes -= slot.entry.dataCount
        counts.deadLetters -= 1
        return slot.place
    }

    private mutating func nack(
        _ rejection: SettleRequest.Rejection, by number: UInt64, at now: MonotonicInstant,
        _ answer: inout SettleAnswer, _ effects: inout PortEffects
    ) {
        guard number != 0, let seq = seqOf(rejection.entry), var slot = held[seq],
            slot.lease == number, slot.place == .leased
        else {
            answer.outcomes.append((rejection.entry.text, refusal(of: rejection.entry)))
            disown(rejection.entry, by: number)
            return
        }
        answer.nacked += 1
        slot.lease = 0
        held.remove(seq)
        counts.leased -= 1
        putBack(slot, delayMilliseconds: rejection.delayMilliseconds, at: now)
        leases.update(number) { $0.held -= 1 }
        endLeaseIfEmpty(number, &effects)
        unlink(number)
    }

    /// A nack that came too late changes no place, but what failed must not be acked by that lease.
    private mutating func disown(_ reference: EntryReference, by number: UInt64) {
        guard number != 0, let seq = seqOf(reference) else { return }
        if held[seq]?.lease == number {
            held.update(seq) { $0.lease = 0 }
        } else if dead[seq]?.lease == number {
            dead.update(seq) { $0.lease = 0 }
        } else {
            return
        }
        unlink(number)
    }

    /// Puts an entry that was taken back: to the dead letters if it was its last delivery, aside if
    /// there is a delay, else to its old place in the queue.
    mutating func putBack(
        _ slot: Slot, delayMilliseconds: Int, at now: MonotonicInstant
    ) {
        var slot = slot
        if settings.maxDeliveries > 0 && slot.delivery >= settings.maxDeliveries {
            slot.place = .dead
            slot.moment = now
            dead.insert(slot)
            counts.deadLetters += 1
        } else if delayMilliseconds > 0 {
            slot.place = .delayed
            slot.moment = now.advanced(milliseconds: delayMilliseconds)
            held.insert(slot)
            counts.delayed += 1
            deadlines.insert(.delay(slot.seq), at: slot.moment)
        } else {
            requeue(slot)
        }
    }

    /// Puts an entry back into its old place in the queue.
    mutating func requeue(_ slot: Slot) {
        var slot = slot
        slot.place = .queued
        held.insert(slot)
        returned.insert(slot.seq)
        counts.queued += 1
    }

    // MARK: - Leases

    /// From now on each entry of the lease's batch goes its own way.
    mutating func takeApart(_ number: UInt64) {
        guard let batch = leases[number]?.whole else { return }
        if let first = batch.runs.first?.firstSeq { wholeLeases.remove(from: first) }
        takeApart(batch, of: number)
    }

    /// Gives each entry of a batch a slot that the lease holds.
    mutating func takeApart(_ batch: EntryBatch, of number: UInt64) {
        var numbers: [UInt64] = []
        numbers.reserveCapacity(batch.count)
        for queued in batch {
            var slot = Slot(queued, .leased)
            slot.lease = number
            held.insert(slot)
            numbers.append(queued.seq)
        }
        leases.update(number) { lease in
            lease.whole = nil
            lease.batch = numbers
        }
    }

    /// So many entries fewer remember that lease; the record goes with the last.
    mutating func unlink(_ number: UInt64, _ entries: Int = 1) {
        guard number != 0 else { return }
        leases.update(number) { $0.linked -= entries }
        guard let lease = leases[number] else { return }
        guard lease.linked > 0 else {
            if lease.armed != nil { deadlines.forgetOne() }
            leases.remove(number)
            return
        }
        if lease.batch.count > 64 && lease.linked < lease.batch.count / 2 {
            // Memory follows what is held: forget the numbers of entries that are gone.
            let linked = lease.batch.filter { (held[$0] ?? dead[$0])?.lease == number }
            leases.update(number) { $0.batch = linked }
        }
    }

    /// Frees what a lease that holds nothing any more has taken: its slot and its `fetch_id`.
    mutating func endLeaseIfEmpty(_ number: UInt64, _ effects: inout PortEffects) {
        guard let lease = leases[number], lease.held == 0 else { return }
        if lease.takesSlot {
            leases.update(number) { $0.takesSlot = false }
            counts.running -= 1
        }
        guard let consumer = lease.consumer else { return }
        if consumers[consumer]?.runningLease == number {
            consumers[consumer]?.runningLease = nil
            counts.running -= 1
            effects.slotMoved(of: consumer)
        }
        if consumers[consumer]?.parkedLease == number {
            consumers[consumer]?.parkedLease = nil
        }
        prune(consumer)
        if let id = lease.fetchID {
            let key = FetchKey(consumer: consumer, fetchID: id)
            if batches[key] == number { batches[key] = nil }
        }
    }

    /// Sets a lease's expiry.
    ///
    /// A later one costs nothing now: the old deadline finds out.
    mutating func rearm(_ number: UInt64, until expiry: MonotonicInstant) {
        var isEarlier = false
        leases.update(number) { lease in
            lease.expiry = expiry
            guard let armed = lease.armed, expiry < armed else { return }
            lease.armed = expiry
            isEarlier = true
        }
        guard isEarlier else { return }
        deadlines.insert(.lease(number), at: expiry)
        deadlines.forgetOne()
    }
}
