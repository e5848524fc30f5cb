import EngineBase
import PortEngine
import TestKit

extension ModelRun {
    /// One random command, done to the engine and to the model.
    func step() throws {
        let port = Int.random(in: ports.indices, using: &dice)
        if fleet.ports[port].isClosed { return try reopen(port) }
        switch Int.random(in: 0..<1_000, using: &dice) {
        case ..<140: try post(port)
        case ..<180: try reserve(port)
        case ..<230: complete(port)
        case ..<250: release(port)
        case ..<550: try fetch(port)
        case ..<700: try settle(port)
        case ..<730: try park(port)
        case ..<760: try unpark(port)
        case ..<800: try alert(port)
        case ..<880: resolveHandover(arrives: true)
        case ..<920: resolveHandover(arrives: false)
        case ..<950: try hangUp(port)
        case ..<960: try deadLetters(port)
        case ..<993: try passTime()
        case ..<994: drain()
        default: try close(port)
        }
    }

    func pick(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &dice) }

    func chance(_ percent: Int) -> Bool { pick(1...100) <= percent }

    /// The outcome of a call, or its refusal, as text that can be compared.
    func outcome<Value>(_ body: () throws(PortError) -> Value) -> String {
        do throws(PortError) {
            return "\(try body())"
        } catch {
            return "\(error)"
        }
    }

    // MARK: - Entries in

    private func sizes(_ count: Int) -> [Int] {
        (0..<count).map { _ in chance(50) ? 0 : pick(1...60) }
    }

    private func entries(_ sizes: [Int], _ kind: EntryKind) -> EntryList {
        EntryList(
            sizes.map {
                CompletionEntry(kind: kind, bytes: $0, data: [UInt8](repeating: 1, count: $0))
            })
    }

    private func post(_ port: Int) throws {
        let sizes = sizes(chance(5) ? pick(30...45) : pick(1...6))
        note("post \(sizes) to \(port)")
        let engine = outcome { () throws(PortError) in
            try ports[port].post(entries(sizes, .packet))
        }
        let model = outcome { () throws(PortError) in
            try fleet.change(port) { model throws(PortError) in
                try model.post(sizes: sizes, at: now)
            }
        }
        try expect(engine, model, "post")
    }

    private func reserve(_ port: Int) throws {
        let places = chance(5) ? pick(30...45) : pick(1...5)
        note("reserve \(places) on \(port)")
        let engine = outcome { () throws(PortError) in try ports[port].reserve(places) }
        let model = outcome { () throws(PortError) in try fleet.ports[port].reserve(places) }
        try expect(engine, model, "reserve")
    }

    private func complete(_ port: Int) {
        guard fleet.ports[port].reserved > 0 else { return }
        let sizes = sizes(pick(1...fleet.ports[port].reserved))
        note("complete \(sizes) on \(port)")
        ports[port].complete(entries(sizes, .read))
        try? fleet.change(port) { $0.complete(sizes: sizes, at: now) }
    }

    private func release(_ port: Int) {
        guard fleet.ports[port].reserved > 0 else { return }
        let places = pick(1...fleet.ports[port].reserved)
        note("release \(places) on \(port)")
        ports[port].release(places)
        fleet.ports[port].release(places)
    }

    // MARK: - Settling

    /// A few ids: mostly what the lease held, some of others, some strange.
    private func names(_ port: Int, _ lease: Int?, _ count: Int) -> [ModelSettle.Named] {
        let model = fleet.ports[port]
        let own = model.entries.filter { $0.lease == lease && lease != nil }.map(\.seq)
        return (0..<count).map { _ in
            if chance(70), let seq = own.randomElement(using: &dice) { return named(port, seq) }
            if chance(80) { return named(port, UInt64(pick(1...Int(model.lastSeq + 3)))) }
            if chance(50) { return .init(text: ["cmp_", "x", "cmp_1_0"][pick(0...2)], seq: nil) }
            let other = PortGeneration(ports[port].generation.rawValue ^ 1)
            return .init(text: EntryID(generation: other, seq: 1).text, seq: nil)
        }
    }

    private func named(_ port: Int, _ seq: UInt64) -> ModelSettle.Named {
        .init(text: ports[port].reference(seq).text, seq: seq)
    }

    func randomSettle(_ port: Int) -> (engine: SettleRequest, model: ModelSettle) {
        var model = ModelSettle()
        let known = fleet.ports[port].entries.compactMap(\.lease)
        model.lease = known.randomElement(using: &dice)
        let last = fleet.ports[port].leases.count
        if chance(25) && last > 0 { model.lease = pick(max(1, last - 12)...last) }
        if chance(3) { model.lease = nil }
        // A lease whose answer has not been seen has no name yet.
        var id = model.lease.flatMap { leaseIDs[port][$0] }
        if id == nil { model.lease = nil }
        if model.lease == nil && chance(50) { id = oldLeases.randomElement(using: &dice) }

        var seen = Set<ModelSettle.Named>()
        if chance(40) {
            for name in names(port, model.lease, pick(1...3)) where seen.insert(name).inserted {
                model.nack.append((name, chance(50) ? 0 : pick(1...40)))
            }
        }
        if chance(40) {
            model.acksAll = true
        } else if chance(70) {
            model.ack = names(port, model.lease, pick(1...4)).filter { seen.insert($0).inserted }
        }
        if chance(25) { model.extend = pick(1...100) }
        let listed = model.ack.map { SettleRequest.Acknowledgement.entries($0.map(reference)) }
        let engine = SettleRequest(
            lease: id,
            ack: model.acksAll ? .all : listed,
            nack: model.nack.map {
                .init(entry: reference($0.entry), delayMilliseconds: $0.delay)
            },
            extendMilliseconds: model.extend
        )
        return (engine, model)
    }

    private func reference(_ name: ModelSettle.Named) -> EntryReference { .init(name.text) }

    private func settle(_ port: Int) throws {
        let (request, modelRequest) = randomSettle(port)
        note("settle \(modelRequest) on \(port)")
        let engine = try ports[port].settle(request)
        let model = try fleet.change(port) { model in
            let answer = model.settle(modelRequest, at: now)
            model.serve(at: now)
            return answer
        }
        try expect(translated(engine), model, "settle")
    }

    // MARK: - Consumers

    private func park(_ port: Int) throws {
        let name = fleet.consumers[pick(0...3)]
        note("park \(name) on \(port)")
        let standing = try ports[port].park(consumer(name))
        try fleet.change(port) { model throws(PortError) in try model.park(name, at: now) }
        try compare(standing, name, port)
    }

    private func unpark(_ port: Int) throws {
        let name = fleet.consumers[pick(0...3)]
        note("unpark \(name) on \(port)")
        let standing = try ports[port].unpark(consumer(name))
        try fleet.change(port) { model throws(PortError) in try model.unpark(name) }
        try compare(standing, name, port)
    }

    private func compare(_ standing: ConsumerStanding, _ name: String, _ port: Int) throws {
        let model = fleet.ports[port]
        try expect(standing.isRunning, model.lease(of: name, .runs) != nil, "\(name) runs")
        try expect(standing.isParked, model.lease(of: name, .parked) != nil, "\(name) is parked")
    }

    private func alert(_ port: Int) throws {
        let name = fleet.consumers[pick(0...3)]
        alertsSent += 1
        let context = "alert \(alertsSent)"
        note("\(context) for \(name) on \(port)")
        let receiver = try consumer(name)
        let engine = outcome { () throws(PortError) in
            try ports[port].alert(receiver, Alert(context: ClientText(context)))
        }
        let model = outcome { () throws(PortError) in
            try fleet.ports[port].alert(name, context)
        }
        try expect(engine, model, "alert")
    }

    private func deadLetters(_ port: Int) throws {
        let all = chance(30)
        let named = all ? nil : names(port, nil, pick(1...4))
        let selection = named.map { DeadLetterSelection.entries($0.map(reference)) } ?? .all
        let redrives = chance(60)
        note("\(redrives ? "redrive" : "discard") \(named ?? []) on \(port)")
        let engine =
            try redrives
            ? ports[port].redrive(selection) : ports[port].discard(selection)
        let model = try fleet.change(port) { model throws(PortError) in
            try redrives ? model.redrive(named, at: now) : model.discard(named)
        }
        try expect(engine.count, model.count, "dead letters dealt with")
        try expect(engine.unknown, model.unknown, "no dead letters")
    }

    // MARK: - Time and end

    private func passTime() throws {
        if ports.count == 1, chance(30), let next = bench.directory.nextDeadline {
            bench.clock.move(to: next)
        } else {
            bench.clock.move(milliseconds: [0, 1, 1, 5, 20, 60, 500][pick(0...6)])
        }
        let moment = now
        note("time \(moment)")
        if ports.count > 1 {
            // In a fixed order, because a consumer may begin to run on both.
            for port in ports { _ = port.status() }
        }
        bench.directory.advance()
        fleet.advance(to: now)
        // Before anybody touches the port: the alarms alone must have done it.
        try compareWaiters()
    }

    private func drain() {
        guard !isDraining, trace.count > 1_500 else { return }
        isDraining = true
        note("drain")
        bench.directory.startDraining()
        fleet.startDraining()
    }

    private func close(_ port: Int) throws {
        let force = chance(15)
        guard !isDraining, !force || trace.count > 500 else { return }
        note("close \(port) \(force)")
        var engine = "", model = ""
        do throws(PortDirectoryError) {
            engine = "\(try bench.directory.close(ports[port].name, force: force).discarded)"
        } catch {
            engine = "\(error)"
        }
        model = outcome { () throws(PortError) in
            try fleet.change(port) { model throws(PortError) in try model.close(force: force) }
        }
        try expect(engine, model, "close")
    }

    private func reopen(_ port: Int) throws {
        note("reopen \(port)")
        // The old life says so to everybody, and late replies change nothing.
        try expect(
            outcome { () throws(PortError) in try ports[port].post([]) },
            "closed",
            "post"
        )
        for handover in handovers where handover.port == port {
            ports[port].putBack(handover.engine)
        }
        handovers.removeAll { $0.port == port }
        oldLeases += leaseIDs[port].values
        leaseIDs[port] = [:]
        let life = ports[port].generation
        ports[port] = try bench.port("port-\(port)", settings[port])
        try expect(ports[port].generation == life, false, "generation")
        fleet.ports[port] = ModelPort(settings: settings[port], limits: limits)
        lastRunning[port] = 0
    }

    private func resolveHandover(arrives: Bool) {
        guard let index = handovers.indices.randomElement(using: &dice) else { return }
        let handover = handovers.remove(at: index)
        note("\(arrives ? "confirm" : "put back") \(handover.model) on \(handover.port)")
        let port = handover.port
        if arrives {
            ports[port].confirm(handover.engine)
            fleet.ports[port].confirm(handover.model)
        } else {
            ports[port].putBack(handover.engine)
            try? fleet.change(port) { $0.putBack(handover.model, at: now) }
        }
    }
}
