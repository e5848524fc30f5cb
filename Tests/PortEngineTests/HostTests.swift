import EngineBase
import TestKit
import Testing

@testable import PortEngine

/// A keeper of ports to whom another thread's news can come in between.
private final class InterruptedHost: PortHost {
    private struct Record {
        var running: Set<ConsumerName> = []
        var interruption: (@Sendable () -> Void)?
    }

    let virtualClock = VirtualClock()
    private let record = Guarded(Record())

    var clock: any EngineClock { virtualClock }

    var running: Set<ConsumerName> { record.withLock { $0.running } }

    /// What happens just before the next news of a consumer is noted.
    func interrupt(with body: @escaping @Sendable () -> Void) {
        record.withLock { $0.interruption = body }
    }

    private func interruption() {
        let body = record.withLock { record in
            defer { record.interruption = nil }
            return record.interruption
        }
        body?()
    }

    func consumer(_ consumer: ConsumerName, startedOn port: CompletionPort) {
        interruption()
        record.withLock { _ = $0.running.insert(consumer) }
    }

    func consumer(_ consumer: ConsumerName, stoppedOn port: CompletionPort) {
        interruption()
        record.withLock { _ = $0.running.remove(consumer) }
    }

    func arm(_ port: CompletionPort, at moment: MonotonicInstant) {}
    func dropAlarm() {}
    func entriesQueued(_ statuses: StatusCounts) {}
    func holdingChanged(by change: Int) {}
    func freeSlot(of consumer: ConsumerName, besides port: CompletionPort) {}
}

@Suite struct HostTests {
    private let host = InterruptedHost()
    private let port: CompletionPort

    init() throws {
        let name = try #require(PortName("p"))
        port = CompletionPort(
            name: name,
            generation: PortGeneration(1),
            settings: PortSettings(),
            limits: PortLimits(),
            host: host
        )
        try port.post("x", "y")
    }

    @Test func `news that a consumer runs, overtaken by the end of its batch, is taken back`()
        throws
    {
        host.interrupt { [port] in
            _ = try? port.settle(LeaseID(generation: port.generation, number: 1), ackAll: true)
        }
        _ = try port.take(.fetch(max: 1, by: "w"))
        #expect(port.counts.running == 0)
        #expect(host.running.isEmpty)
    }

    @Test func `news that a consumer stopped, overtaken by its next batch, is taken back`() throws {
        let held = try port.take(.fetch(max: 1, by: "w"))
        host.interrupt { [port] in _ = try? port.take(.fetch(max: 1, by: "w")) }
        try port.settle(held.lease, ackAll: true)
        #expect(port.counts.running == 1)
        #expect(host.running == [try consumer("w")])
    }
}
