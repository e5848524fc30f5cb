import EngineBase
import PortEngine
import TestKit
import Testing

@Suite struct LeaseTests {
    @Test func `a batch that is not settled in time returns to its old place`() throws {
        let bench = PortBench()
        let port = try bench.port()
        try port.post("a", "b")
        let answer = try port.take(.fetch(max: 1, lease: 100))
        #expect(answer.leaseExpiresAt == bench.clock.now().advanced(milliseconds: 100))
        bench.pass(milliseconds: 99)
        #expect(port.counts.leased == 1)
        bench.pass(milliseconds: 1)
        #expect(port.counts.leased == 0)
        #expect(port.counts.expiredTotal == 1)
        let again = try port.take()
        #expect(again.contexts == ["a", "b"])
        #expect(again.deliveries == [2, 1])
    }

    @Test func `the port's lease lasts where the fetch does not say`() throws {
        let bench = PortBench()
        let port = try bench.port("p", PortSettings(leaseMilliseconds: 700))
        try port.post("a")
        let answer = try port.take()
        #expect(answer.leaseExpiresAt == bench.clock.now().advanced(milliseconds: 700))
    }

    @Test func `an entry is held by one lease at a time`() throws {
        let port = try PortBench().port()
        try port.post(count: 3)
        _ = try port.take(.fetch(max: 2))
        #expect(try port.take().numbers == [3])
        #expect(try port.take().reason == .timeout)
    }

    @Test func `R14 an extension counts from now, for all that the lease still holds`() throws {
        let bench = PortBench()
        let port = try bench.port()
        try port.post(count: 3)
        let answer = try port.take(.fetch(lease: 100))
        bench.pass(milliseconds: 50)
        let settled = try port.settle(answer.lease, ack: [1], extend: 200)
        #expect(settled.leaseExpiresAt == bench.clock.now().advanced(milliseconds: 200))
        bench.pass(milliseconds: 199)
        #expect(port.counts.leased == 2)
        bench.pass(milliseconds: 1)
        #expect(port.counts.queued == 2)
    }

    @Test func `R14 an extension may shorten the lease`() throws {
        let bench = PortBench()
        let port = try bench.port()
        try port.post("a")
        let answer = try port.take(.fetch(lease: 100_000))
        try port.settle(answer.lease, extend: 10)
        bench.pass(milliseconds: 10)
        #expect(port.counts.queued == 1)
    }

    @Test func `R14 a lease may be extended any number of times`() throws {
        let bench = PortBench()
        let port = try bench.port()
        try port.post("a")
        let answer = try port.take(.fetch(lease: 100))
        for _ in 0..<50 {
            bench.pass(milliseconds: 90)
            #expect(try port.settle(answer.lease, extend: 100).leaseExpiresAt != nil)
        }
        #expect(port.counts.leased == 1)
        #expect(port.counts.expiredTotal == 0)
        bench.pass(milliseconds: 100)
        #expect(port.counts.queued == 1)
    }

    @Test func `R14 a lease that is over cannot be extended`() throws {
        let bench = PortBench()
        let port = try bench.port()
        try port.post("a")
        let answer = try port.take(.fetch(lease: 100))
        bench.pass(milliseconds: 100)
        #expect(try port.settle(answer.lease, extend: 1_000).leaseExpiresAt == nil)
        #expect(port.counts.queued == 1)
    }

    @Test func `R14 twelve hours are held`() throws {
        let bench = PortBench()
        let port = try bench.port()
        try port.post("a")
        let day = 12 * 3_600 * 1_000
        _ = try port.take(.fetch(lease: day))
        bench.pass(milliseconds: day - 1)
        #expect(port.counts.leased == 1)
        bench.pass(milliseconds: 1)
        #expect(port.counts.queued == 1)
    }

    @Test func `R27 a settle names the expiry for as long as the lease holds something`() throws {
        let port = try PortBench().port()
        try port.post(count: 2)
        let answer = try port.take()
        #expect(
            try port.settle(answer.lease, ack: [1]).leaseExpiresAt == answer.leaseExpiresAt
        )
        #expect(try port.settle(answer.lease, ack: [2]).leaseExpiresAt == nil)
    }

    @Test func `R27 a lease that is over or unknown is told by its entries`() throws {
        let bench = PortBench()
        let port = try bench.port()
        try port.post("a")
        let answer = try port.take()
        try port.settle(answer.lease, ackAll: true)
        let again = try port.settle(answer.lease, ack: [1])
        #expect(again.acked == 0)
        #expect(again.reasons == [.alreadyAcked])
        #expect(try port.settle(answer.lease, ackAll: true).outcomes.isEmpty)
        let other = try bench.port("other")
        try other.post("b")
        let strange = try other.take()
        try port.post("c")
        #expect(try port.settle(strange.lease, ack: [2]).reasons == [.leaseLost])
        #expect(try port.settle(nil, ack: [2], ackAll: false).reasons == [.leaseLost])
        #expect(try port.settle(nil, ackAll: true).acked == 0)
    }

    @Test func `a settle that takes the newest waiter's entry away is served in order`() throws {
        let port = try PortBench().port()
        try port.post("a", "b", "c")
        let answer = try port.take()
        let waiter = try port.wait()
        try port.settle(answer.lease, ack: [1], nack: [2, 3])
        #expect(waiter.answer?.contexts == ["b", "c"])
    }
}
