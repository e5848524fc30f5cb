import PortEngine

/// Several ports of the reference model, and the one thing that they share: who runs where.
struct ModelFleet {
    var ports: [ModelPort]
    let consumers: [String]
    /// The port on which a consumer began to run last, while it does.
    private var running: [String: Int] = [:]

    init(ports: [ModelPort], consumers: [String]) {
        self.ports = ports
        self.consumers = consumers
    }

    var portsHoldingEntries: Int { ports.count { !$0.entries.isEmpty } }

    /// Changes one port, and notes who began or ceased to run there.
    mutating func change<Outcome>(
        _ port: Int,
        _ body: (inout ModelPort) throws(PortError) -> Outcome
    ) throws(PortError) -> Outcome {
        let before = ports[port].runningLeases
        defer { note(port, before) }
        return try body(&ports[port])
    }

    private mutating func note(_ port: Int, _ before: [String: Int]) {
        let after = ports[port].runningLeases
        if after == before { return }
        for consumer in consumers where before[consumer] != after[consumer] {
            if after[consumer] != nil {
                running[consumer] = port
            } else if running[consumer] == port {
                running[consumer] = nil
            }
        }
    }

    /// A fetch, which also frees the slot that its consumer takes on another port.
    mutating func fetch(
        _ request: ModelFetch,
        from port: Int,
        at now: Int64
    ) throws(PortError) -> ModelOutcome {
        let before = request.consumer.map { running[$0] } ?? nil
        let result: (outcome: ModelOutcome, isRepeat: Bool) = try change(port) {
            model throws(PortError) in
            try model.fetch(request, at: now)
        }
        guard let consumer = request.consumer, let other = before, other != port, !result.isRepeat
        else { return result.outcome }
        try change(other) { model in
            model.freeSlot(of: consumer)
            model.serve(at: now)
        }
        return result.outcome
    }

    mutating func advance(to now: Int64) {
        for port in ports.indices {
            // No error can come: the body throws none.
            try? change(port) { model in model.advance(to: now) }
        }
    }

    mutating func startDraining() {
        for port in ports.indices { ports[port].startDraining() }
    }
}
