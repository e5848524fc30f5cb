import EngineBase
import TestKit

@testable import PortEngine

/// The first difference between the engine and the model.
struct ModelMismatch: Error, CustomStringConvertible {
    var description: String
}

/// A port of the engine and its model, driven by the same random commands.
final class ModelRun {
    /// A handover whose fate is open.
    struct OpenHandover {
        var port: Int
        var life: PortGeneration
        var model: Int
        var engine: HandoverID
    }

    let bench: PortBench
    let settings: [PortSettings]
    let limits: PortLimits
    var ports: [CompletionPort]
    var fleet: ModelFleet
    var dice: SeededGenerator
    /// The names that the engine gave to the model's leases, and the way back.
    var leaseIDs: [[Int: LeaseID]]
    var leaseNumbers: [LeaseID: Int] = [:]
    var waits: [[Int: RecordingWaiter]]
    var handovers: [OpenHandover] = []
    /// Retired lives of the ports, whose ids must mean nothing.
    var oldLeases: [LeaseID] = []
    var isDraining = false
    var alertsSent = 0
    /// What was done, put into words only for a mismatch.
    var trace: [() -> String] = []
    /// How many of the last commands a mismatch shows.
    let traceLength = 12
    /// How many slots unparking may have put above the limit.
    var lastRunning: [Int]

    var now: Int64 { bench.clock.now().nanoseconds }

    init(seed: UInt64) throws {
        var dice = SeededGenerator(seed: seed)
        let limits = PortLimits(
            waitingFetches: Bool.random(using: &dice) ? 3 : 100,
            alertsPerConsumer: 3,
            alertConsumers: 2
        )
        let settings = (0..<(seed.isMultiple(of: 3) ? 2 : 1)).map { _ in
            PortSettings(
                concurrencyLimit: [nil, 1, 1, 2, 3].randomElement(using: &dice) ?? nil,
                capacity: Int.random(in: 4...40, using: &dice),
                capacityBytes: Int.random(in: 50...400, using: &dice),
                leaseMilliseconds: Int.random(in: 5...80, using: &dice),
                maxDeliveries: Int.random(in: 0...3, using: &dice)
            )
        }
        let bench = PortBench(seed: seed, limits: limits)
        ports = try settings.enumerated().map { try bench.port("port-\($0)", $1) }
        fleet = ModelFleet(
            ports: settings.map { ModelPort(settings: $0, limits: limits) },
            consumers: ["ann", "bob", "cyd", "dan"]
        )
        leaseIDs = settings.map { _ in [:] }
        waits = settings.map { _ in [:] }
        lastRunning = settings.map { _ in 0 }
        self.bench = bench
        self.settings = settings
        self.limits = limits
        self.dice = dice
    }

    /// Runs commands until the engine and the model differ.
    func run(commands: Int) throws {
        for _ in 0..<commands {
            try step()
            try compare()
        }
        try runDry()
    }

    // MARK: - Comparing

    private var lastCommands: String {
        trace.suffix(traceLength).map { $0() }.joined(separator: "\n  ")
    }

    func note(_ text: @autoclosure @escaping () -> String) { trace.append(text) }

    func expect<Value: Equatable>(_ engine: Value, _ model: Value, _ what: String) throws {
        guard engine != model else { return }
        throw ModelMismatch(
            description:
                "\(what)\n  engine \(engine)\n  model  \(model)\n after:\n  \(lastCommands)"
        )
    }

    /// The engine's answer in the model's words; new names of leases and handovers are learnt.
    func match(_ engine: FetchAnswer, _ model: ModelAnswer, port: Int) throws {
        var seen = ModelAnswer(reason: engine.reason)
        seen.entries = engine.entries.map {
            .init(
                seq: $0.seq,
                delivery: $0.delivery,
                size: $0.entry.data.count,
                queuedAt: $0.queuedAt.nanoseconds
            )
        }
        if let lease = engine.lease {
            seen.lease = leaseNumbers[lease]
            if seen.lease == nil, let number = model.lease, leaseIDs[port][number] == nil {
                leaseIDs[port][number] = lease
                leaseNumbers[lease] = number
                seen.lease = number
            }
        }
        seen.expiresAt = engine.leaseExpiresAt?.nanoseconds
        seen.alerts = engine.alertContexts
        seen.settled = engine.settled.map(translated)
        seen.handover = engine.handover == nil ? nil : model.handover ?? -1
        try expect(seen, model, "answer of port \(port)")
        guard let handover = engine.handover, let number = model.handover else { return }
        handovers.append(
            OpenHandover(
                port: port,
                life: ports[port].generation,
                model: number,
                engine: handover
            )
        )
    }

    func translated(_ settled: SettleAnswer) -> ModelSettled {
        ModelSettled(
            acked: settled.acked,
            nacked: settled.nacked,
            outcomes: settled.outcomes.map { .init(id: $0.id, outcome: $0.outcome) },
            expiresAt: settled.leaseExpiresAt?.nanoseconds
        )
    }

    /// What those who wait were told, on both sides.
    func compareWaiters() throws {
        for port in ports.indices {
            let answered = fleet.ports[port].answered
            fleet.ports[port].answered = []
            for (number, model) in answered {
                guard let waiter = waits[port].removeValue(forKey: number),
                    let engine = waiter.answer
                else {
                    throw ModelMismatch(
                        description:
                            "wait \(number) of port \(port) was not told \(model)\n \(lastCommands)"
                    )
                }
                try match(engine, model, port: port)
            }
            for (number, waiter) in waits[port] where !waiter.isWaiting {
                throw ModelMismatch(
                    description:
                        "wait \(number) of \(port) was told \(waiter.answers)\n \(lastCommands)"
                )
            }
        }
    }

    func compare() throws {
        try compareWaiters()
        for port in ports.indices {
            let model = fleet.ports[port]
            let (counts, age) = ports[port].status()
            try expect(counts, model.counts, "counts of port \(port)")
            let modelAge = model.oldestQueuedAt().map {
                bench.clock.now().milliseconds(since: MonotonicInstant(nanoseconds: $0))
            }
            try expect(age, modelAge, "oldest age of port \(port)")
            try checkInvariants(port, counts)
            if !model.isClosed && chance(25) { try compareLooks(port) }
        }
        try expect(
            bench.directory.portsHoldingEntries,
            fleet.portsHoldingEntries,
            "ports that hold"
        )
    }

    private func compareLooks(_ port: Int) throws {
        let model = fleet.ports[port]
        let limit = Bool.random(using: &dice) ? 100 : Int.random(in: 1...5, using: &dice)
        let cursor = UInt64.random(in: 0...(model.lastSeq + 2), using: &dice)
        let start = Bool.random(using: &dice) ? 0 : cursor
        let (places, dead) = (model.look(after: start), model.lookAtDeadLetters(after: start))
        let page = try ports[port].peek(after: start, limit: limit)
        try expect(looks(page), Array(places.prefix(limit)), "look at port \(port)")
        try expect(page.next, next(places, limit), "cursor of port \(port)")
        let deadPage = try ports[port].peekDeadLetters(after: start, limit: limit)
        try expect(looks(deadPage), Array(dead.prefix(limit)), "dead letters of port \(port)")
        try expect(deadPage.next, next(dead, limit), "cursor of dead letters of port \(port)")
    }

    private func next(_ looks: [ModelLook], _ limit: Int) -> UInt64? {
        looks.count > limit ? looks[limit - 1].seq : nil
    }

    private func looks(_ page: PeekPage) -> [ModelLook] {
        page.entries.map { entry in
            let place: ModelLook.Place
            switch entry.place {
            case .queued: place = .queued
            case .leased(let expiry): place = .leased(until: expiry?.nanoseconds ?? -1)
            case .delayed(let until): place = .delayed(until: until.nanoseconds)
            case .dead(let since): place = .dead(since: since.nanoseconds)
            }
            return ModelLook(seq: entry.entry.seq, delivery: entry.entry.delivery, place: place)
        }
    }

    /// What must hold of the engine whatever the model says.
    private func checkInvariants(_ port: Int, _ counts: PortCounts) throws {
        try expect(counts.occupied <= settings[port].capacity, true, "capacity of port \(port)")
        try expect(
            counts.postedTotal + counts.completedTotal,
            counts.ackedTotal + counts.discardedTotal + counts.entries,
            "entries in and out of port \(port)"
        )
        // Above the limit only by unparking, and then nobody new is let in.
        if let limit = settings[port].concurrencyLimit, counts.running > limit {
            try expect(
                counts.running <= lastRunning[port]
                    || trace.last?().hasPrefix("unpark") == true,
                true,
                "running \(counts.running) of \(limit) on port \(port)"
            )
        }
        lastRunning[port] = counts.running
    }
}
