import PortEngine

/// What a fetch came to, in the model.
enum ModelOutcome {
    case answered(ModelAnswer)
    case waits(Int)
}

extension ModelPort {
    /// A fetch, judged whole: if it is refused, nothing has happened.
    mutating func fetch(
        _ request: ModelFetch,
        at now: Int64
    ) throws(PortError) -> (outcome: ModelOutcome, isRepeat: Bool) {
        guard !isClosed else { throw .closed }
        let before = waiters.count >= limits.waitingFetches ? self : nil
        let result = accepted(request, at: now)
        if case .waits = result.outcome, waiters.count > limits.waitingFetches, let before {
            self = before
            throw .tooManyWaiters(limit: limits.waitingFetches)
        }
        return result
    }

    private mutating func accepted(
        _ request: ModelFetch,
        at now: Int64
    ) -> (outcome: ModelOutcome, isRepeat: Bool) {
        let settled = request.settle.map { settle($0, at: now) }
        if let consumer = request.consumer {
            for waiter in waiters where waiter.request.consumer == consumer {
                end(waiter, with: ModelAnswer(reason: .superseded))
            }
        }
        if var answer = repeated(request, at: now) {
            answer.settled = settled
            serve(at: now)
            return (.answered(answer), true)
        }
        if let consumer = request.consumer { freeSlot(of: consumer) }
        var answer = batch(for: request, at: now) ?? alerts(for: request)
        if answer == nil && isDraining { answer = ModelAnswer(reason: .draining) }
        if answer == nil && request.wait == 0 { answer = emptyHanded() }
        guard var answer else {
            lastWaiter += 1
            waiters.append(
                ModelWaiter(
                    number: lastWaiter,
                    request: request,
                    deadline: now + Int64(request.wait) * 1_000_000,
                    settled: settled
                )
            )
            let number = lastWaiter
            serve(at: now)
            return (.waits(number), false)
        }
        serve(at: now)
        answer.settled = settled
        return (.answered(answer), false)
    }

    /// The consumer fetches again: its batches live on, and none of them takes a slot or is parked.
    mutating func freeSlot(of consumer: String) {
        for index in living where leases[index].consumer == consumer {
            leases[index].standing = .neither
        }
    }

    private mutating func repeated(_ request: ModelFetch, at now: Int64) -> ModelAnswer? {
        guard let consumer = request.consumer, let fetchID = request.fetchID,
            let index = living.first(where: {
                leases[$0].consumer == consumer && leases[$0].fetchID == fetchID
            })
        else { return nil }
        let milliseconds = request.leaseMilliseconds ?? settings.leaseMilliseconds
        leases[index].expiry = now + Int64(milliseconds) * 1_000_000
        var answer = ModelAnswer(reason: .entries)
        answer.entries =
            entries
            .filter { $0.lease == leases[index].number && $0.place == .leased }.map(taken)
        answer.lease = leases[index].number
        answer.expiresAt = leases[index].expiry
        return answer
    }

    private func taken(_ entry: ModelEntry) -> ModelAnswer.Taken {
        .init(
            seq: entry.seq,
            delivery: entry.delivery,
            size: entry.size,
            queuedAt: entry.queuedAt
        )
    }

    /// The oldest entries, as many as the request may have.
    mutating func batch(for request: ModelFetch, at now: Int64) -> ModelAnswer? {
        guard hasQueued && hasFreeSlot else { return nil }
        var answer = ModelAnswer(reason: .entries)
        var size = 0
        let number = leases.count + 1
        for index in entries.indices where entries[index].place == .queued {
            let isFirst = answer.entries.isEmpty
            if answer.entries.count == request.maxEntries { break }
            if !isFirst && size + entries[index].size > request.maxBytes { break }
            size += entries[index].size
            entries[index].delivery += 1
            if entries[index].delivery > 1 { totals.redeliveredTotal += 1 }
            entries[index].place = request.mode == .lease ? .leased : .leaving
            entries[index].lease = request.mode == .lease ? number : nil
            answer.entries.append(taken(entries[index]))
        }
        if request.mode == .consume {
            answer.handover = handOver(ModelHandover(consumed: answer.entries.map(\.seq)))
            return answer
        }
        let milliseconds = request.leaseMilliseconds ?? settings.leaseMilliseconds
        let expiry = now + Int64(milliseconds) * 1_000_000
        leases.append(
            ModelLease(
                number: number,
                consumer: request.consumer,
                fetchID: request.fetchID,
                expiry: expiry
            )
        )
        answer.lease = number
        answer.expiresAt = expiry
        if request.fetchID == nil { answer.handover = handOver(ModelHandover(lease: number)) }
        return answer
    }

    private mutating func alerts(for request: ModelFetch) -> ModelAnswer? {
        guard request.isAlertable, let consumer = request.consumer else { return nil }
        let contexts = alerts.filter { $0.consumer == consumer }.map(\.context)
        guard !contexts.isEmpty else { return nil }
        alerts.removeAll { $0.consumer == consumer }
        return alertAnswer(contexts, for: consumer)
    }

    private mutating func alertAnswer(_ contexts: [String], for consumer: String) -> ModelAnswer {
        var answer = ModelAnswer(reason: .alert)
        answer.alerts = contexts
        answer.handover = handOver(ModelHandover(alerts: contexts, consumer: consumer))
        return answer
    }

    private mutating func handOver(_ handover: ModelHandover) -> Int {
        lastHandover += 1
        handovers[lastHandover] = handover
        return lastHandover
    }

    // MARK: - The fate of replies

    mutating func confirm(_ number: Int) {
        guard let handover = handovers.removeValue(forKey: number) else { return }
        let gone = entries.count { handover.consumed.contains($0.seq) }
        entries.removeAll { handover.consumed.contains($0.seq) }
        totals.ackedTotal += gone
        totals.consumedTotal += gone
    }

    mutating func putBack(_ number: Int, at now: Int64) {
        guard let handover = handovers.removeValue(forKey: number) else { return }
        totals.undeliveredTotal += 1
        for index in entries.indices {
            let isConsumed = handover.consumed.contains(entries[index].seq)
            let isLeased = handover.lease.map {
                entries[index].lease == $0 && entries[index].place == .leased
            }
            guard isConsumed || isLeased == true else { continue }
            entries[index].delivery -= 1
            entries[index].place = .queued
            entries[index].lease = nil
        }
        if let consumer = handover.consumer {
            let mine = alerts.filter { $0.consumer == consumer }
            alerts.removeAll { $0.consumer == consumer }
            alerts += handover.alerts.map { (consumer, $0) } + mine
            if let waiter = waiters.first(where: { $0.request.consumer == consumer }),
                let answer = alerts(for: waiter.request)
            {
                end(waiter, with: answer)
            }
        }
        serve(at: now)
    }

    // MARK: - Consumers

    mutating func alert(_ consumer: String, _ context: String) throws(PortError) -> Int {
        guard !isClosed else { throw .closed }
        let waiting = waiters.first { $0.request.consumer == consumer && $0.request.isAlertable }
        if let waiting {
            end(waiting, with: alertAnswer([context], for: consumer))
            return 0
        }
        let kept = alerts.count { $0.consumer == consumer }
        if kept >= limits.alertsPerConsumer {
            throw .tooManyAlerts(limit: limits.alertsPerConsumer, current: kept)
        }
        let names = Set(alerts.map(\.consumer))
        if !names.contains(consumer) && names.count >= limits.alertConsumers {
            throw .tooManyAlerts(limit: limits.alertConsumers, current: names.count)
        }
        alerts.append((consumer, context))
        return kept + 1
    }

    mutating func park(_ consumer: String, at now: Int64) throws(PortError) {
        guard !isClosed else { throw .closed }
        move(consumer, from: .runs, to: .parked)
        serve(at: now)
    }

    mutating func unpark(_ consumer: String) throws(PortError) {
        guard !isClosed else { throw .closed }
        move(consumer, from: .parked, to: .runs)
    }

    private mutating func move(
        _ consumer: String,
        from old: ModelLease.Standing,
        to new: ModelLease.Standing
    ) {
        if let index = lease(of: consumer, old) { leases[index].standing = new }
    }
}
