import DequeModule
import EngineBase

extension PortState {
    /// Takes entries, or begins to wait.
    ///
    /// GetQueuedCompletionStatusEx.
    ///
    /// - Returns: the answer, or the ticket of a wait whose end `sink` will be told.
    mutating func fetch(
        _ request: FetchRequest, for sink: any FetchWaiter, at now: MonotonicInstant,
        _ effects: inout PortEffects
    ) throws(PortError) -> FetchOutcome {
        guard !isClosed else { throw .closed }
        try refuseIfTooManyWait(request)
        var settled: SettleAnswer?
        if let settle = request.settle { settled = apply(settle, at: now, &effects) }
        if let consumer = request.consumer { supersede(consumer, &effects) }

        if request.fetchID != nil, var answer = repeated(request, at: now) {
            answer.settled = settled
            serve(at: now, &effects)
            return .answered(answer)
        }
        if let consumer = request.consumer {
            giveSlotBack(of: consumer, &effects)
            effects.moved(consumer)
        }
        // The newcomer stands on top of those who wait, so it is served before them.
        if let answer = take(for: request, settled, at: now, &effects) {
            serve(at: now, &effects)
            return .answered(answer)
        }
        if let reason = reasonNotToWait(request) {
            serve(at: now, &effects)
            var answer = FetchAnswer(reason: reason)
            answer.settled = settled
            return .answered(answer)
        }
        let handle = beginWait(request, for: sink, settled: settled, at: now)
        serve(at: now, &effects)
        return .waiting(WaitTicket(handle: handle))
    }

    /// Gives waiting fetches what there is, newest first.
    ///
    /// A waiting consumer never runs, so if the newest cannot be served, none can.
    mutating func serve(at now: MonotonicInstant, _ effects: inout PortEffects) {
        while let handle = waiters.top, let waiter = waiters[handle] {
            guard hasFreeSlot, oldestQueued() != nil else { return }
            let answer = take(for: waiter.request, waiter.settled, at: now, &effects)
            guard let answer else { return }
            end(handle, with: answer, &effects)
        }
    }

    /// Takes a waiting fetch out, unanswered: its client has gone.
    mutating func abandon(_ ticket: WaitTicket) -> Bool {
        guard let waiter = waiters[ticket.handle] else { return false }
        forget(ticket.handle, waiter)
        return true
    }

    /// Whether one more consumer may run.
    var hasFreeSlot: Bool {
        guard let limit = settings.concurrencyLimit else { return true }
        return counts.running < limit
    }

    // MARK: - Parts of a fetch

    /// Ends the consumer's waiting fetch: a thread is in one call at a time.
    private mutating func supersede(_ consumer: ConsumerName, _ effects: inout PortEffects) {
        guard let handle = consumers[consumer]?.waiter, let waiter = waiters[handle] else { return }
        var answer = FetchAnswer(reason: .superseded)
        answer.settled = waiter.settled
        end(handle, with: answer, &effects)
    }

    /// The same batch again, if the request repeats a `fetch_id` whose lease lives.
    private mutating func repeated(
        _ request: FetchRequest, at now: MonotonicInstant
    ) -> FetchAnswer? {
        guard let consumer = request.consumer, let fetchID = request.fetchID,
            let number = batches[FetchKey(consumer: consumer, fetchID: fetchID)],
            let lease = leases[number]
        else { return nil }
        let milliseconds = request.leaseMilliseconds ?? settings.leaseMilliseconds
        rearm(number, until: now.advanced(milliseconds: milliseconds))
        tidyDeadlines()
        var answer = FetchAnswer(reason: .entries)
        if let whole = lease.whole { answer.entries = whole }
        for seq in lease.batch {
            if let slot = held[seq], slot.lease == number, slot.place == .leased {
                answer.entries.append(slot.queued)
            }
        }
        answer.lease = LeaseID(generation: generation, number: number)
        answer.leaseExpiresAt = leases[number]?.expiry
        return answer
    }

    /// What can be had without waiting: a batch, else alerts, else nothing.
    private mutating func take(
        for request: FetchRequest, _ settled: SettleAnswer?, at now: MonotonicInstant,
        _ effects: inout PortEffects
    ) -> FetchAnswer? {
        if hasFreeSlot && oldestQueued() != nil {
            return request.mode == .lease
                ? lease(to: request, settled, at: now, &effects)
                : consume(for: request, settled, &effects)
        }
        guard request.isAlertable, let consumer = request.consumer,
            let alerts = takeAlerts(of: consumer)
        else { return nil }
        var answer = FetchAnswer(reason: .alert)
        answer.alerts = alerts
        answer.settled = settled
        answer.handover = handOver(Handover(alerts: alerts, consumer: consumer))
        return answer
    }

    /// Why a fetch that got nothing does not wait either; `nil` if it waits.
    private mutating func reasonNotToWait(_ request: FetchRequest) -> FetchReason? {
        if isDraining { return .draining }
        guard request.waitMilliseconds == 0 else { return nil }
        return oldestQueued() != nil && !hasFreeSlot ? .concurrency : .timeout
    }

    private mutating func lease(
        to request: FetchRequest, _ settled: SettleAnswer?, at now: MonotonicInstant,
        _ effects: inout PortEffects
    ) -> FetchAnswer {
        let number = nextLease
        nextLease += 1
        let milliseconds = request.leaseMilliseconds ?? settings.leaseMilliseconds
        let expiry = now.advanced(milliseconds: milliseconds)
        let isWhole = oldestReturned() == nil
        let batch = takeOldest(request)
        counts.leased += batch.count
        let record = LeaseRecord(
            whole: batch, held: batch.count, linked: batch.count, expiry: expiry, armed: expiry,
            consumer: request.consumer, fetchID: request.fetchID,
            takesSlot: request.consumer == nil)
        leases.append(record, as: number)
        if isWhole, let first = batch.runs.first?.firstSeq {
            wholeLeases.append(number, from: first, count: batch.count)
        } else {
            takeApart(batch, of: number)
        }
        deadlines.insert(.lease(number), at: expiry)
        counts.running += 1
        if let consumer = request.consumer {
            consumers[consumer, default: ConsumerRecord()].runningLease = number
            effects.slotMoved(of: consumer)
            if let id = request.fetchID {
                batches[FetchKey(consumer: consumer, fetchID: id)] = number
            }
        }
        let isUnknownIfLost = request.fetchID == nil
        return FetchAnswer(
            entries: batch, lease: LeaseID(generation: generation, number: number),
            leaseExpiresAt: expiry, settled: settled,
            handover: isUnknownIfLost ? handOver(Handover(lease: number)) : nil)
    }

    private mutating func consume(
        for request: FetchRequest, _ settled: SettleAnswer?, _ effects: inout PortEffects
    ) -> FetchAnswer {
        let batch = takeOldest(request)
        counts.leased += batch.count
        return FetchAnswer(
            entries: batch, settled: settled, handover: handOver(Handover(consumed: batch)))
    }

    /// Takes the oldest entries out of the queue, up to the request's count and bytes, each counted
    /// as handed out once more.
    private mutating func takeOldest(_ request: FetchRequest) -> EntryBatch {
        var batch = EntryBatch()
        while batch.count < request.maxEntries {
            let room = request.maxBytes - batch.payload
            if let seq = oldestReturned() {
                let isFirst = batch.isEmpty
                guard
                    var slot = held.remove(
                        seq, where: { isFirst || $0.entry.dataCount <= room })
                else { break }
                returned.removeFirst()
                unlink(slot.lease)
                if slot.delivery > 0 { counts.redeliveredTotal += 1 }
                slot.delivery += 1
                batch.append(slot.queued)
            } else {
                let run = fresh.takeRun(
                    most: request.maxEntries - batch.count, payload: room, isFirst: batch.isEmpty)
                guard let run else { break }
                batch.append(run)
            }
        }
        counts.queued -= batch.count
        return batch
    }

    private mutating func beginWait(
        _ request: FetchRequest, for sink: any FetchWaiter, settled: SettleAnswer?,
        at now: MonotonicInstant
    ) -> WaiterHandle {
        let deadline = now.advanced(milliseconds: request.waitMilliseconds)
        let handle = waiters.push(
            Waiter(request: request, deadline: deadline, sink: sink, settled: settled))
        counts.waiting += 1
        deadlines.insert(.wait(handle), at: deadline)
        if let consumer = request.consumer {
            consumers[consumer, default: ConsumerRecord()].waiter = handle
        }
        return handle
    }

    /// Answers a waiting fetch and takes it out.
    mutating func end(
        _ handle: WaiterHandle, with answer: FetchAnswer, _ effects: inout PortEffects
    ) {
        guard let waiter = waiters[handle] else { return }
        forget(handle, waiter)
        effects.answer(waiter.sink, with: answer)
    }

    private mutating func forget(_ handle: WaiterHandle, _ waiter: Waiter) {
        _ = waiters.remove(handle)
        counts.waiting -= 1
        deadlines.forgetOne()
        tidyDeadlines()
        guard let consumer = waiter.request.consumer else { return }
        consumers[consumer]?.waiter = nil
        prune(consumer)
    }

    mutating func handOver(_ handover: consuming Handover) -> HandoverID {
        let number = nextHandover
        nextHandover += 1
        handovers.append(handover, as: number)
        return HandoverID(number: number)
    }
}
