import EngineBase

extension PortState {
    // MARK: - Slots

    /// Frees the slot that a named consumer takes, and ends its parking: it fetches again.
    mutating func giveSlotBack(of consumer: ConsumerName, _ effects: inout PortEffects) {
        guard consumers[consumer] != nil else { return }
        consumers[consumer]?.parkedLease = nil
        if consumers[consumer]?.runningLease != nil {
            consumers[consumer]?.runningLease = nil
            counts.running -= 1
            effects.slotMoved(of: consumer)
        }
        prune(consumer)
    }

    /// "I am blocked elsewhere": the consumer's slot goes to somebody else meanwhile.
    mutating func park(
        _ consumer: ConsumerName, at now: MonotonicInstant, _ effects: inout PortEffects
    ) throws(PortError) -> ConsumerStanding {
        guard !isClosed else { throw .closed }
        if let lease = consumers[consumer]?.runningLease {
            consumers[consumer]?.runningLease = nil
            consumers[consumer]?.parkedLease = lease
            counts.running -= 1
            effects.slotMoved(of: consumer)
            serve(at: now, &effects)
        }
        return standing(of: consumer)
    }

    /// The consumer goes on with the batch that it was parked with, past the limit if need be.
    mutating func unpark(
        _ consumer: ConsumerName, _ effects: inout PortEffects
    ) throws(PortError) -> ConsumerStanding {
        guard !isClosed else { throw .closed }
        if let lease = consumers[consumer]?.parkedLease {
            consumers[consumer]?.parkedLease = nil
            consumers[consumer]?.runningLease = lease
            counts.running += 1
            effects.slotMoved(of: consumer)
        }
        return standing(of: consumer)
    }

    private func standing(of consumer: ConsumerName) -> ConsumerStanding {
        let record = consumers[consumer]
        return ConsumerStanding(
            isRunning: record?.runningLease != nil, isParked: record?.parkedLease != nil)
    }

    /// Forgets a consumer that neither runs, waits, is parked nor has alerts.
    mutating func prune(_ consumer: ConsumerName) {
        if consumers[consumer]?.isEmpty == true { consumers[consumer] = nil }
    }

    // MARK: - Alerts

    /// Wakes one consumer's alertable wait, or keeps the alert for its next one.
    ///
    /// QueueUserAPC.
    ///
    /// - Returns: how many alerts are kept for it now; 0 if a waiting fetch took it at once.
    mutating func alert(
        _ consumer: ConsumerName, _ alert: Alert, _ effects: inout PortEffects
    ) throws(PortError) -> Int {
        guard !isClosed else { throw .closed }
        if let handle = consumers[consumer]?.waiter, let waiter = waiters[handle],
            waiter.request.isAlertable
        {
            var answer = FetchAnswer(reason: .alert)
            answer.alerts = [alert]
            answer.settled = waiter.settled
            answer.handover = handOver(Handover(alerts: [alert], consumer: consumer))
            end(handle, with: answer, &effects)
            return 0
        }
        let kept = consumers[consumer]?.alerts.count ?? 0
        guard kept < limits.alertsPerConsumer else {
            throw .tooManyAlerts(limit: limits.alertsPerConsumer, current: kept)
        }
        if kept == 0 {
            guard consumersWithAlerts < limits.alertConsumers else {
                throw .tooManyAlerts(limit: limits.alertConsumers, current: consumersWithAlerts)
            }
            consumersWithAlerts += 1
        }
        consumers[consumer, default: ConsumerRecord()].alerts.append(alert)
        return kept + 1
    }

    /// Takes the kept alerts of a consumer, oldest first; `nil` if there are none.
    mutating func takeAlerts(of consumer: ConsumerName) -> [Alert]? {
        guard let alerts = consumers[consumer]?.alerts, !alerts.isEmpty else { return nil }
        consumers[consumer]?.alerts = []
        consumersWithAlerts -= 1
        prune(consumer)
        return alerts
    }

    /// Puts alerts of a lost reply back in front of those that came meanwhile.
    mutating func keepAgain(
        _ alerts: [Alert], for consumer: ConsumerName, _ effects: inout PortEffects
    ) {
        guard !alerts.isEmpty else { return }
        let kept = consumers[consumer]?.alerts ?? []
        if kept.isEmpty { consumersWithAlerts += 1 }
        consumers[consumer, default: ConsumerRecord()].alerts = alerts + kept
        guard let handle = consumers[consumer]?.waiter, let waiter = waiters[handle],
            waiter.request.isAlertable, let all = takeAlerts(of: consumer)
        else { return }
        var answer = FetchAnswer(reason: .alert)
        answer.alerts = all
        answer.settled = waiter.settled
        answer.handover = handOver(Handover(alerts: all, consumer: consumer))
        end(handle, with: answer, &effects)
    }
}

/// Whether a consumer takes a slot, or gave it away while it is blocked.
public struct ConsumerStanding: Hashable, Sendable {
    /// It takes a slot of the concurrency limit.
    public var isRunning: Bool
    /// It was parked with a batch that is still held.
    public var isParked: Bool
}
