import EngineBase
import PortEngine
import TestKit
import Testing

@Suite struct DeadLetterTests {
    /// A port whose entries are handed out twice at most.
    private func twice() throws -> (bench: PortBench, port: CompletionPort) {
        let bench = PortBench()
        return (bench, try bench.port("p", PortSettings(capacity: 10, maxDeliveries: 2)))
    }

    private func nack(_ port: CompletionPort, times: Int, delay: Int = 0) throws {
        for _ in 0..<times {
            let answer = try port.take()
            try port.settle(answer.lease, nack: answer.numbers, delay: delay)
        }
    }

    @Test func `R20 an entry nacked at its last delivery goes to the dead letters at once`() throws
    {
        let (bench, port) = try twice()
        try port.post("a")
        try nack(port, times: 1)
        #expect(port.counts.queued == 1)
        // Its delay is ignored.
        try nack(port, times: 1, delay: 5_000)
        #expect(port.counts.deadLetters == 1)
        #expect(port.counts.delayed == 0)
        let dead = try port.peekDeadLetters(after: 0, limit: 9)
        #expect(dead.entries.map(\.entry.seq) == [1])
        #expect(dead.entries.first?.entry.delivery == 2)
        guard case .dead(let since) = dead.entries.first?.place else {
            Issue.record("no dead letter")
            return
        }
        #expect(since == bench.clock.now())
        #expect(try port.take().reason == .timeout)
    }

    @Test func `R20 an entry whose lease runs out at its last delivery goes there too`() throws {
        let (bench, port) = try twice()
        try port.post("a", "b")
        _ = try port.take(.fetch(lease: 10))
        bench.pass(milliseconds: 10)
        _ = try port.take(.fetch(max: 1, lease: 10))
        bench.pass(milliseconds: 10)
        #expect(port.counts.deadLetters == 1)
        #expect(port.counts.queued == 1)
        #expect(port.counts.expiredTotal == 3)
    }

    @Test func `R20 without a limit nothing ever goes there`() throws {
        let port = try PortBench().port()
        try port.post("a")
        try nack(port, times: 50)
        #expect(port.counts.deadLetters == 0)
        #expect(try port.take().deliveries == [51])
    }

    @Test func `R20 redrive puts back in the old place, counts anew and leaves no right to ack`()
        throws
    {
        let bench = PortBench()
        let port = try bench.port("p", PortSettings(maxDeliveries: 1))
        try port.post("a")
        let lost = try port.take(.fetch(lease: 10))
        try port.post("b")
        bench.pass(milliseconds: 10)
        let answer = try port.redrive(.all)
        #expect(answer.count == 1 && answer.unknown.isEmpty)
        #expect(try port.settle(lost.lease, ack: [1]).reasons == [.leaseLost])
        let again = try port.take()
        #expect(again.contexts == ["a", "b"])
        #expect(again.deliveries == [1, 1])
    }

    @Test func `R20 redrive serves those who wait`() throws {
        let (_, port) = try twice()
        try port.post("a")
        try nack(port, times: 2)
        let waiter = try port.wait()
        _ = try port.redrive(.entries([port.reference(1)]))
        #expect(waiter.answer?.contexts == ["a"])
    }

    @Test func `R32 an id that is no dead letter is unknown`() throws {
        let (_, port) = try twice()
        try port.post("a", "b")
        let answer = try port.take(.fetch(max: 1))
        try port.settle(answer.lease, nack: [1])
        try nack(port, times: 1)
        try nack(port, times: 1)
        #expect(port.counts.deadLetters == 2)
        try port.post("c")
        let names = [port.reference(3), port.reference(1), EntryReference("x"), port.reference(1)]
        let discarded = try port.discard(.entries(names))
        #expect(discarded.count == 1)
        #expect(discarded.unknown == [names[0].text, "x", names[3].text])
        #expect(port.counts.discardedTotal == 1)
        #expect(try port.redrive(.entries(names)).unknown.count == 4)
    }

    @Test func `dead letters count in the capacity until they are dealt with`() throws {
        let (_, port) = try twice()
        try port.post(count: 10, bytesEach: 2)
        try nack(port, times: 2)
        #expect(throws: PortError.full(limit: 10, current: 10)) { try port.post("more") }
        #expect(port.counts.bytes == 20)
        #expect(try port.discard(.all).count == 10)
        #expect(port.counts.bytes == 0)
        try port.post("more")
        #expect(port.counts.occupied == 1)
    }

    @Test func `a discarded entry is gone for its lease too`() throws {
        let bench = PortBench()
        let port = try bench.port("p", PortSettings(maxDeliveries: 1))
        try port.post("a")
        let lost = try port.take(.fetch(lease: 10))
        bench.pass(milliseconds: 10)
        _ = try port.discard(.all)
        #expect(try port.settle(lost.lease, ack: [1]).reasons == [.alreadyAcked])
        #expect(try port.settle(lost.lease, ackAll: true).acked == 0)
        #expect(port.counts.ackedTotal == 0)
    }

    @Test func `dead letters are shown apart and page by page`() throws {
        let (_, port) = try twice()
        try port.post(count: 5)
        try nack(port, times: 2)
        #expect(try port.peek(after: 0, limit: 9).entries.isEmpty)
        let first = try port.peekDeadLetters(after: 0, limit: 2)
        #expect(first.entries.map(\.entry.seq) == [1, 2] && first.next == 2)
        let rest = try port.peekDeadLetters(after: 2, limit: 3)
        #expect(rest.entries.map(\.entry.seq) == [3, 4, 5] && rest.next == nil)
    }
}
