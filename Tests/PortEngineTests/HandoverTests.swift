import EngineBase
import PortEngine
import TestKit
import Testing

@Suite struct HandoverTests {
    @Test func `R15 consumed entries count as leased until the reply has arrived`() throws {
        let port = try PortBench().port()
        try port.post(count: 2, bytesEach: 3)
        let answer = try port.take(.fetch(mode: .consume), arrives: false)
        #expect(port.counts.leased == 2)
        #expect(port.counts.bytes == 6)
        #expect(port.counts.ackedTotal == 0)
        port.confirm(try #require(answer.handover))
        #expect(port.counts.leased == 0)
        #expect(port.counts.bytes == 0)
        #expect(port.counts.ackedTotal == 2)
        #expect(port.counts.consumedTotal == 2)
    }

    @Test func `G13 R15 consumed entries of a lost reply go back, as if never handed out`() throws {
        let port = try PortBench().port()
        try port.post("a", "b", "c")
        let lost = try port.take(.fetch(max: 2, mode: .consume), arrives: false)
        port.putBack(try #require(lost.handover))
        #expect(port.counts.undeliveredTotal == 1)
        #expect(port.counts.leased == 0)
        let again = try port.take()
        #expect(again.contexts == ["a", "b", "c"])
        #expect(again.deliveries == [1, 1, 1])
    }

    @Test func `R15 a lost lease without an id ends at once, as if never given`() throws {
        let port = try PortBench().port("p", PortSettings(concurrencyLimit: 1))
        try port.post("a", "b")
        for name in [nil, "w"] {
            let lost = try port.take(.fetch(max: 1, by: name), arrives: false)
            #expect(port.counts.running == 1)
            port.putBack(try #require(lost.handover))
            #expect(port.counts.running == 0)
            #expect(port.counts.leased == 0)
            #expect(try port.settle(lost.lease, ack: [1]).reasons == [.leaseLost])
        }
        #expect(port.counts.undeliveredTotal == 2)
        let again = try port.take()
        #expect(again.contexts == ["a", "b"])
        #expect(again.deliveries == [1, 1])
    }

    @Test func `R15 what comes back goes to its old place, behind older ones`() throws {
        let port = try PortBench().port()
        try port.post("a", "b", "c")
        let older = try port.take(.fetch(max: 1))
        let lost = try port.take(.fetch(max: 1, mode: .consume), arrives: false)
        try port.settle(older.lease, nack: [1])
        port.putBack(try #require(lost.handover))
        #expect(try port.take().contexts == ["a", "b", "c"])
    }

    @Test func `R15 what comes back is given to whoever waits`() throws {
        let port = try PortBench().port()
        try port.post("a")
        let lost = try port.take(.fetch(), arrives: false)
        let waiter = try port.wait()
        port.putBack(try #require(lost.handover))
        #expect(waiter.answer?.contexts == ["a"])
        #expect(waiter.answer?.deliveries == [1])
    }

    @Test func `R15 put-back never passes the capacity`() throws {
        let port = try PortBench().port("p", PortSettings(capacity: 2, capacityBytes: 10))
        try port.post(count: 2, bytesEach: 5)
        let lost = try port.take(.fetch(mode: .consume), arrives: false)
        #expect(throws: PortError.full(limit: 2, current: 2)) { try port.post("more") }
        port.putBack(try #require(lost.handover))
        #expect(port.counts.queued == 2)
        #expect(port.counts.bytes == 10)
    }

    @Test func `R15 the fate of a reply is told once`() throws {
        let port = try PortBench().port()
        try port.post("a")
        let answer = try port.take(.fetch(mode: .consume), arrives: false)
        let handover = try #require(answer.handover)
        port.putBack(handover)
        port.putBack(handover)
        port.confirm(handover)
        #expect(port.counts.queued == 1)
        #expect(port.counts.undeliveredTotal == 1)
        #expect(port.counts.ackedTotal == 0)
    }

    @Test func `R15 a lease that ran out before its reply was lost gives nothing back twice`()
        throws
    {
        let bench = PortBench()
        let port = try bench.port()
        try port.post("a")
        let lost = try port.take(.fetch(lease: 10), arrives: false)
        bench.pass(milliseconds: 10)
        let other = try port.take()
        port.putBack(try #require(lost.handover))
        #expect(port.counts.leased == 1)
        #expect(port.counts.queued == 0)
        #expect(try port.settle(other.lease, ackAll: true).acked == 1)
    }

    @Test func `R15 an arrived lease is the client's to settle`() throws {
        let port = try PortBench().port()
        try port.post("a")
        let answer = try port.take(.fetch(), arrives: false)
        port.confirm(try #require(answer.handover))
        #expect(port.counts.leased == 1)
        #expect(try port.settle(answer.lease, ackAll: true).acked == 1)
    }

    @Test func `R20 a delivery that was put back does not count towards the last`() throws {
        let bench = PortBench()
        let port = try bench.port("p", PortSettings(maxDeliveries: 1))
        try port.post("a")
        for mode in [FetchMode.lease, .consume, .lease] {
            let lost = try port.take(.fetch(mode: mode), arrives: false)
            port.putBack(try #require(lost.handover))
            #expect(port.counts.deadLetters == 0)
        }
        let taken = try port.take(.fetch(lease: 10))
        #expect(taken.deliveries == [1])
        bench.pass(milliseconds: 10)
        #expect(port.counts.deadLetters == 1)
    }
}
