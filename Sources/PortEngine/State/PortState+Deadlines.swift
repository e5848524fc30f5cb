import EngineBase

extension PortState {
    /// Does what time has made due: leases and delays first, then the ends of waits.
    mutating func advance(to now: MonotonicInstant, _ effects: inout PortEffects) {
        guard let earliest = deadlines.earliest, earliest <= now else { return }
        var endedWaits: [WaiterHandle] = []
        while let (mark, deadline) = deadlines.popDue(at: now) {
            switch mark {
            case .wait(let handle):
                if waiters[handle] == nil {
                    deadlines.popWasForgotten()
                } else {
                    endedWaits.append(handle)
                }
            case .lease(let number):
                leaseIsDue(number, deadline, at: now, &effects)
            case .delay(let seq):
                delayIsDue(seq, deadline)
            }
        }
        serve(at: now, &effects)
        for handle in endedWaits {
            if waiters[handle] != nil { endWait(handle, &effects) }
            // The end of a wait counts its deadline as dead; these have been popped already.
            deadlines.popWasForgotten()
        }
    }

    private mutating func endWait(_ handle: WaiterHandle, _ effects: inout PortEffects) {
        let isHeldBack = oldestQueued() != nil && !hasFreeSlot
        var answer = FetchAnswer(reason: isHeldBack ? .concurrency : .timeout)
        answer.settled = waiters[handle]?.settled
        end(handle, with: answer, &effects)
    }

    private mutating func leaseIsDue(
        _ number: UInt64, _ deadline: MonotonicInstant, at now: MonotonicInstant,
        _ effects: inout PortEffects
    ) {
        guard let lease = leases[number], lease.armed == deadline else {
            deadlines.popWasForgotten()
            return
        }
        if lease.expiry > now {
            leases.update(number) { $0.armed = $0.expiry }
            deadlines.insert(.lease(number), at: lease.expiry)
            return
        }
        leases.update(number) { $0.armed = nil }
        takeApart(number)
        for seq in leases[number]?.batch ?? [] {
            guard var slot = held[seq], slot.lease == number, slot.place == .leased else {
                continue
            }
            held.remove(seq)
            // The entry remembers the lease: a late ack counts while nobody else takes it.
            slot.place = .queued
            counts.leased -= 1
            counts.expiredTotal += 1
            putBack(slot, delayMilliseconds: 0, at: now)
        }
        leases.update(number) { $0.held = 0 }
        endLeaseIfEmpty(number, &effects)
    }

    private mutating func delayIsDue(_ seq: UInt64, _ deadline: MonotonicInstant) {
        guard let slot = held[seq], slot.place == .delayed, slot.moment == deadline else {
            deadlines.popWasForgotten()
            return
        }
        held.remove(seq)
        counts.delayed -= 1
        requeue(slot)
    }

    /// Drops dead deadlines when they are more than half.
    mutating func tidyDeadlines() {
        guard deadlines.isWorthCompacting else { return }
        var heap = DeadlineHeap<PortDeadline>()
        swap(&heap, &deadlines)
        heap.compact { mark, deadline in
            switch mark {
            case .wait(let handle): waiters[handle] != nil
            case .lease(let number): leases[number]?.armed == deadline
            case .delay(let seq):
                held[seq].map { $0.place == .delayed && $0.moment == deadline } ?? false
            }
        }
        swap(&heap, &deadlines)
    }
}
