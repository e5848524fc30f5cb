import PortEngine

extension ModelPort {
    /// Nack, then ack, then extend.
    mutating func settle(_ request: ModelSettle, at now: Int64) -> ModelSettled {
        var answer = ModelSettled()
        for (entry, delay) in request.nack {
            let index = linked(entry, to: request.lease)
            if let index, entries[index].place == .leased {
                entries[index].lease = nil
                comeBack(index, delay: delay, at: now)
                answer.nacked += 1
            } else {
                answer.outcomes.append(.init(id: entry.text, outcome: refusal(of: entry)))
                // Too late to give it back, but it failed: the lease may not ack it either.
                if let index { entries[index].lease = nil }
            }
        }
        if request.acksAll {
            let doomed = entries.filter { request.lease != nil && $0.lease == request.lease }
            for entry in doomed { remove(entry.seq) }
            answer.acked += doomed.count
        }
        for entry in request.ack ?? [] {
            if let index = linked(entry, to: request.lease) {
                remove(entries[index].seq)
                answer.acked += 1
            } else {
                answer.outcomes.append(.init(id: entry.text, outcome: refusal(of: entry)))
            }
        }
        if let lease = request.lease, holds(lease) > 0 {
            if let extend = request.extend {
                leases[lease - 1].expiry = now + Int64(extend) * 1_000_000
            }
            answer.expiresAt = leases[lease - 1].expiry
        }
        return answer
    }

    /// Where the entry is, if that lease may ack it.
    private func linked(_ entry: ModelSettle.Named, to lease: Int?) -> Int? {
        guard let lease, let seq = entry.seq else { return nil }
        return entries.firstIndex { $0.seq == seq && $0.lease == lease }
    }

    private func refusal(of entry: ModelSettle.Named) -> SettleAnswer.Outcome {
        guard let seq = entry.seq, seq <= lastSeq else { return .unknown }
        return entries.contains { $0.seq == seq } ? .leaseLost : .alreadyAcked
    }

    private mutating func remove(_ seq: UInt64) {
        entries.removeAll { $0.seq == seq }
        totals.ackedTotal += 1
    }

    // MARK: - Dead letters

    /// The dead letters meant, and the names of those that are none.
    private func selected(_ named: [ModelSettle.Named]?) -> (seqs: [UInt64], unknown: [String]) {
        let dead = lookAtDeadLetters(after: 0).map(\.seq)
        guard let named else { return (dead, []) }
        var seqs: [UInt64] = []
        var unknown: [String] = []
        for entry in named {
            if let seq = entry.seq, dead.contains(seq), !seqs.contains(seq) {
                seqs.append(seq)
            } else {
                unknown.append(entry.text)
            }
        }
        return (seqs, unknown)
    }

    mutating func redrive(
        _ named: [ModelSettle.Named]?,
        at now: Int64
    ) throws(PortError) -> (count: Int, unknown: [String]) {
        guard !isClosed else { throw .closed }
        let (seqs, unknown) = selected(named)
        for index in entries.indices where seqs.contains(entries[index].seq) {
            entries[index].place = .queued
            entries[index].delivery = 0
            entries[index].lease = nil
        }
        serve(at: now)
        return (seqs.count, unknown)
    }

    mutating func discard(
        _ named: [ModelSettle.Named]?
    ) throws(PortError) -> (count: Int, unknown: [String]) {
        guard !isClosed else { throw .closed }
        let (seqs, unknown) = selected(named)
        entries.removeAll { seqs.contains($0.seq) }
        totals.discardedTotal += seqs.count
        return (seqs.count, unknown)
    }
}
