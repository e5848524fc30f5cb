import EngineBase
import PortEngine
import TestKit

extension ModelRun {
    /// A random fetch, done to the engine and to the model.
    func fetch(_ port: Int) throws {
        let (request, modelRequest) = randomFetch(port)
        note("fetch \(modelRequest) from \(port)")
        let waiter = RecordingWaiter()
        let engine = Result { () throws(PortError) in
            try ports[port].fetch(request, for: waiter)
        }
        let model = Result { () throws(PortError) in
            try fleet.fetch(modelRequest, from: port, at: now)
        }
        switch (engine, model) {
        case (.success(.answered(let engine)), .success(.answered(let model))):
            try match(engine, model, port: port)
            if request.fetchID != nil && engine.reason == .entries && chance(5) {
                ports[port].countUndelivered()
                fleet.ports[port].totals.undeliveredTotal += 1
            }
        case (.success(.waiting(let ticket)), .success(.waits(let number))):
            waiter.ticket = ticket
            waits[port][number] = waiter
        case (.failure(let engine), .failure(let model)):
            try expect(engine, model, "refusal of fetch")
        default:
            try expect("\(engine)", "\(model)", "fetch")
        }
    }

    private func randomFetch(_ port: Int) -> (FetchRequest, ModelFetch) {
        var model = ModelFetch()
        model.maxEntries = chance(50) ? pick(1...3) : 64
        if chance(30) { model.maxBytes = pick(1...100) }
        if chance(50) { model.wait = pick(1...60) }
        if chance(75) { model.consumer = fleet.consumers[pick(0...3)] }
        if chance(20) { model.mode = .consume }
        if chance(50) { model.leaseMilliseconds = pick(1...100) }
        if model.consumer != nil {
            model.isAlertable = chance(40)
            if model.mode == .lease && chance(50) { model.fetchID = ["f", "g"][pick(0...1)] }
        }
        var settle: SettleRequest?
        if chance(30) {
            let both = randomSettle(port)
            settle = both.engine
            model.settle = both.model
        }
        let request = FetchRequest.fetch(
            max: model.maxEntries,
            maxBytes: model.maxBytes,
            wait: model.wait,
            mode: model.mode,
            lease: model.leaseMilliseconds,
            by: model.consumer,
            id: model.fetchID,
            alertable: model.isAlertable,
            settle: settle
        )
        return (request, model)
    }

    func hangUp(_ port: Int) throws {
        guard let number = waits[port].keys.sorted().randomElement(using: &dice),
            let ticket = waits[port].removeValue(forKey: number)?.ticket
        else { return }
        note("hang up \(number) on \(port)")
        ports[port].abandon(ticket)
        fleet.ports[port].waiters.removeAll { $0.number == number }
    }
}
