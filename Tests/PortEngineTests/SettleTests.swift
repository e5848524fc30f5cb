import EngineBase
import PortEngine
import TestKit
import Testing

@Suite struct SettleTests {
    /// A port with entries taken under a lease of 100 ms.
    private func held(
        _ entries: Int = 3,
        _ settings: PortSettings = PortSettings()
    ) throws -> (bench: PortBench, port: CompletionPort, lease: LeaseID) {
        let bench = PortBench()
        let port = try bench.port("p", settings)
        try port.post(count: entries)
        let lease = try #require(try port.take(.fetch(lease: 100)).lease)
        return (bench, port, lease)
    }

    @Test func `an acked entry is never shown again`() throws {
        let (bench, port, lease) = try held()
        let answer = try port.settle(lease, ack: [2])
        #expect(answer.acked == 1 && answer.outcomes.isEmpty)
        #expect(try port.peek(after: 0, limit: 9).entries.map(\.entry.seq) == [1, 3])
        bench.pass(milliseconds: 100)
        #expect(try port.take().numbers == [1, 3])
        #expect(port.counts.ackedTotal == 1)
    }

    @Test func `R4 a nacked entry returns to its old place at once`() throws {
        let (_, port, lease) = try held()
        try port.post("4")
        try port.settle(lease, ack: [1], nack: [2, 3])
        #expect(try port.take().numbers == [2, 3, 4])
    }

    @Test func `R4 a delayed entry waits apart and holds back nothing`() throws {
        let (bench, port, lease) = try held()
        try port.post("4")
        try port.settle(lease, ack: [2, 3], nack: [1], delay: 500)
        #expect(port.counts.delayed == 1)
        let later = try port.take(.fetch(max: 1))
        #expect(later.numbers == [4])
        try port.settle(later.lease, nack: [4])
        bench.pass(milliseconds: 499)
        #expect(port.counts.delayed == 1)
        bench.pass(milliseconds: 1)
        #expect(port.counts.delayed == 0)
        #expect(try port.take().numbers == [1, 4])
    }

    @Test func `R4 the fetch that nacked an entry may get it in its very answer`() throws {
        let (_, port, lease) = try held(1)
        let answer = try port.take(.fetch(settle: port.settling(lease, nack: [1])))
        #expect(answer.numbers == [1])
        #expect(answer.deliveries == [2])
        #expect(answer.settled?.nacked == 1)
    }

    @Test func `R8 a late ack counts while nobody has taken the entry`() throws {
        let (bench, port, lease) = try held(2)
        bench.pass(milliseconds: 100)
        #expect(port.counts.queued == 2)
        let answer = try port.settle(lease, ack: [1])
        #expect(answer.acked == 1)
        #expect(port.counts.queued == 1)
        #expect(try port.take().numbers == [2])
    }

    @Test func `R8 a late ack is lost once another lease has taken the entry`() throws {
        let (bench, port, lease) = try held(1)
        bench.pass(milliseconds: 100)
        let other = try port.take()
        #expect(try port.settle(lease, ack: [1]).reasons == [.leaseLost])
        // Also after that lease gave it back: the right went with the taking.
        try port.settle(other.lease, nack: [1])
        #expect(try port.settle(lease, ack: [1]).reasons == [.leaseLost])
        #expect(port.counts.queued == 1)
    }

    @Test func `R8 a lease that nacked an entry may not ack it`() throws {
        let (_, port, lease) = try held(2)
        try port.settle(lease, nack: [1])
        #expect(try port.settle(lease, ack: [1]).reasons == [.leaseLost])
        #expect(try port.settle(lease, ackAll: true).acked == 1)
        #expect(port.counts.queued == 1)
    }

    @Test func `R8 a lease whose nack came too late may not ack the entry either`() throws {
        let (bench, port, lease) = try held(2)
        bench.pass(milliseconds: 100)
        #expect(try port.settle(lease, nack: [1]).reasons == [.leaseLost])
        #expect(try port.settle(lease, ack: [1]).reasons == [.leaseLost])
        #expect(try port.settle(lease, ackAll: true).acked == 1)
        #expect(try port.take().numbers == [1])
    }

    @Test func `R8 an entry that became a dead letter may still be acked`() throws {
        let (bench, port, lease) = try held(2, PortSettings(maxDeliveries: 1))
        bench.pass(milliseconds: 100)
        #expect(port.counts.deadLetters == 2)
        #expect(try port.settle(lease, ack: [2]).acked == 1)
        #expect(port.counts.deadLetters == 1)
        #expect(try port.settle(lease, ackAll: true).acked == 1)
        #expect(port.counts.deadLetters == 0)
        #expect(port.counts.bytes == 0)
    }

    @Test func `R8 ids are already acked, lost or unknown`() throws {
        let (_, port, lease) = try held(2)
        try port.post("4th", "5th")
        let other = try port.take(.fetch(max: 1))
        try port.settle(lease, ack: [1])
        let ids = [1, 3, 4, 6].map { port.reference($0) }
        let life = PortGeneration(port.generation.rawValue ^ 1)
        let strange = ["", "cmp_", "cmp_x", "cmp_1_01", EntryID(generation: life, seq: 1).text]
        let answer = try port.settle(
            SettleRequest(lease: lease, ack: .entries(ids + strange.map { EntryReference($0) }))
        )
        let expected: [SettleAnswer.Outcome] = [.alreadyAcked, .leaseLost, .leaseLost, .unknown]
        #expect(answer.reasons == expected + [.unknown, .unknown, .unknown, .unknown, .unknown])
        #expect(answer.outcomes.map(\.id) == ids.map(\.text) + strange)
        #expect(other.numbers == [3])
    }

    @Test func `R8 an entry on its way out is lost, and acked when it has arrived`() throws {
        let port = try PortBench().port()
        try port.post(count: 2)
        let held = try port.take(.fetch(max: 1))
        let consumed = try port.take(.fetch(mode: .consume), arrives: false)
        #expect(try port.settle(held.lease, ack: [2]).reasons == [.leaseLost])
        port.confirm(try #require(consumed.handover))
        #expect(try port.settle(held.lease, ack: [2]).reasons == [.alreadyAcked])
    }

    @Test func `R9 nack comes before ack, so all does not ack what failed`() throws {
        let (_, port, lease) = try held()
        let answer = try port.settle(lease, ackAll: true, nack: [2])
        #expect(answer.acked == 2)
        #expect(answer.nacked == 1)
        #expect(try port.take().numbers == [2])
    }

    @Test func `R9 all does not ack what failed when the nack comes too late`() throws {
        let (bench, port, lease) = try held()
        bench.pass(milliseconds: 100)
        let answer = try port.settle(lease, ackAll: true, nack: [2], delay: 5_000)
        #expect(answer.acked == 2)
        #expect(answer.nacked == 0)
        #expect(answer.reasons == [.leaseLost])
        // It is back already, and its delay is not applied.
        #expect(port.counts.delayed == 0)
        #expect(try port.take().numbers == [2])
    }

    @Test func `R9 an id named twice is found before anything is done`() throws {
        let (_, port, lease) = try held()
        let twice = port.reference(1).text
        #expect(port.settling(lease, ack: [1, 2, 1]).idNamedTwice == twice)
        #expect(port.settling(lease, ack: [1], nack: [1]).idNamedTwice == twice)
        #expect(port.settling(lease, nack: [1, 1]).idNamedTwice == twice)
        #expect(port.settling(lease, ack: [1], nack: [2]).idNamedTwice == nil)
        #expect(port.settling(lease, ackAll: true, nack: [2]).idNamedTwice == nil)
    }

    @Test func `R10 the settle of a fetch is done before it looks at the queue`() throws {
        let (_, port, lease) = try held(1, PortSettings(concurrencyLimit: 1))
        try port.post("next")
        let answer = try port.take(.fetch(settle: port.settling(lease, ackAll: true)))
        #expect(answer.contexts == ["next"])
        #expect(answer.settled?.acked == 1)
    }

    @Test func `R10 settled is in the answer whatever its reason`() throws {
        let (bench, port, lease) = try held(4)
        func settle(_ seq: UInt64) -> SettleRequest { port.settling(lease, ack: [seq]) }
        #expect(try port.take(.fetch(settle: settle(1))).settled?.acked == 1)
        let late = try port.wait(.fetch(wait: 10, settle: settle(2)))
        bench.pass(milliseconds: 10)
        #expect(late.answer?.reason == .timeout)
        #expect(late.answer?.settled?.acked == 1)
        let served = try port.wait(.fetch(wait: 10, settle: settle(3)))
        try port.post("5")
        #expect(served.answer?.reason == .entries)
        #expect(served.answer?.settled?.acked == 1)
        let closed = try port.wait(.fetch(wait: 10, settle: settle(4)))
        _ = try bench.directory.close(port.name, force: true)
        #expect(closed.answer?.reason == .closed)
        #expect(closed.answer?.settled?.acked == 1)
    }

    @Test func `R10 what is settled stays settled though the client hangs up`() throws {
        let (_, port, lease) = try held(1)
        let waiter = try port.wait(
            .fetch(wait: 10, settle: port.settling(lease, ackAll: true))
        )
        port.abandon(try #require(waiter.ticket))
        #expect(port.counts.ackedTotal == 1)
        #expect(port.counts.leased == 0)
    }

    @Test func `R10 repeating a settle is harmless`() throws {
        let (_, port, lease) = try held(2)
        let settle = port.settling(lease, ack: [1], nack: [2])
        _ = try port.settle(settle)
        let again = try port.settle(settle)
        #expect(again.acked == 0 && again.nacked == 0)
        #expect(again.reasons == [.leaseLost, .alreadyAcked])
        #expect(port.counts.queued == 1)
    }

    @Test func `settling frees room`() throws {
        let (_, port, lease) = try held(3, PortSettings(capacity: 3))
        #expect(throws: PortError.full(limit: 3, current: 3)) { try port.post("more") }
        try port.settle(lease, ack: [1])
        try port.post("more")
        #expect(port.counts.occupied == 3)
    }
}
