import EngineBase
import PortEngine
import TestKit
import Testing

@Suite struct FetchIDTests {
    @Test func `R5 a repeat gives the same batch, the same lease and a fresh expiry`() throws {
        let bench = PortBench()
        let port = try bench.port()
        try port.post(count: 5)
        let first = try port.take(.fetch(max: 3, lease: 100, by: "w", id: "f"))
        bench.pass(milliseconds: 60)
        // Whatever its other parameters say.
        let again = try port.take(.fetch(max: 1, maxBytes: 1, lease: 100, by: "w", id: "f"))
        #expect(again.reason == .entries)
        #expect(again.lease == first.lease)
        #expect(again.numbers == [1, 2, 3])
        #expect(again.deliveries == [1, 1, 1])
        #expect(again.leaseExpiresAt == bench.clock.now().advanced(milliseconds: 100))
        bench.pass(milliseconds: 99)
        #expect(port.counts.leased == 3)
        bench.pass(milliseconds: 1)
        #expect(port.counts.leased == 0)
        #expect(port.counts.redeliveredTotal == 0)
    }

    @Test func `R5 a repeat does not show what was settled`() throws {
        let port = try PortBench().port()
        try port.post(count: 4)
        let first = try port.take(.fetch(by: "w", id: "f"))
        try port.settle(first.lease, ack: [1], nack: [3])
        #expect(try port.take(.fetch(by: "w", id: "f")).numbers == [2, 4])
    }

    @Test func `R5 the id is new again when its lease is settled whole`() throws {
        let port = try PortBench().port()
        try port.post(count: 2)
        let first = try port.take(.fetch(max: 1, by: "w", id: "f"))
        try port.settle(first.lease, ackAll: true)
        let next = try port.take(.fetch(max: 1, by: "w", id: "f"))
        #expect(next.numbers == [2])
        #expect(next.lease != first.lease)
    }

    @Test func `R5 the id is new again when its lease has run out`() throws {
        let bench = PortBench()
        let port = try bench.port()
        try port.post(count: 2)
        let first = try port.take(.fetch(max: 1, lease: 10, by: "w", id: "f"))
        bench.pass(milliseconds: 10)
        let next = try port.take(.fetch(max: 2, by: "w", id: "f"))
        #expect(next.numbers == [1, 2])
        #expect(next.deliveries == [2, 1])
        #expect(next.lease != first.lease)
    }

    @Test func `R5 the id is new when the settle of the same fetch ends its lease`() throws {
        let port = try PortBench().port()
        try port.post(count: 2)
        let first = try port.take(.fetch(max: 1, by: "w", id: "f"))
        let settle = port.settling(first.lease, ackAll: true)
        let next = try port.take(.fetch(max: 1, by: "w", id: "f", settle: settle))
        #expect(next.numbers == [2])
    }

    @Test func `R5 each live lease keeps its own id`() throws {
        let port = try PortBench().port()
        try port.post(count: 2)
        _ = try port.take(.fetch(max: 1, by: "w", id: "f"))
        _ = try port.take(.fetch(max: 1, by: "w", id: "g"))
        #expect(try port.take(.fetch(by: "w", id: "f")).numbers == [1])
        #expect(try port.take(.fetch(by: "w", id: "g")).numbers == [2])
        #expect(try port.take(.fetch(by: "v", id: "f")).reason == .timeout)
    }

    @Test func `R5 a repeat answers though the limit is full, and moves no slot`() throws {
        let port = try PortBench().port("p", PortSettings(concurrencyLimit: 1))
        try port.post(count: 3)
        let first = try port.take(.fetch(max: 1, by: "w", id: "f"))
        let second = try port.take(.fetch(max: 1, by: "w", id: "g"))
        let repeated = try port.take(.fetch(by: "w", id: "f"))
        #expect(repeated.numbers == [1])
        #expect(port.counts.running == 1)
        // The slot is still the newest batch's.
        try port.settle(first.lease, ackAll: true)
        #expect(port.counts.running == 1)
        try port.settle(second.lease, ackAll: true)
        #expect(port.counts.running == 0)
    }

    @Test func `R5 a repeat while another has the slot does not pass the limit`() throws {
        let port = try PortBench().port("p", PortSettings(concurrencyLimit: 1))
        try port.post(count: 1)
        _ = try port.take(.fetch(by: "w", id: "f"))
        // A fetch that brings nothing frees the slot, which another takes.
        #expect(try port.take(.fetch(by: "w", id: "g")).reason == .timeout)
        try port.post("x")
        #expect(try port.take(.fetch(by: "v")).contexts == ["x"])
        #expect(try port.take(.fetch(by: "w", id: "f")).numbers == [1])
        #expect(port.counts.running == 1)
    }

    @Test func `R11 a repeat ends the first one if that still waits`() throws {
        let port = try PortBench().port()
        let first = try port.wait(.fetch(wait: 1_000, by: "w", id: "f"))
        let second = try port.wait(.fetch(wait: 1_000, by: "w", id: "f"))
        #expect(first.answer?.reason == .superseded)
        try port.post("x")
        #expect(second.answer?.contexts == ["x"])
        // The retry after a dropped connection gets what the second was given.
        #expect(try port.take(.fetch(by: "w", id: "f")).contexts == ["x"])
    }

    @Test func `a lost reply of a fetch with an id costs nothing`() throws {
        let port = try PortBench().port()
        try port.post("x")
        let lost = try port.take(.fetch(by: "w", id: "f"))
        #expect(lost.handover == nil)
        port.countUndelivered()
        #expect(port.counts.undeliveredTotal == 1)
        let again = try port.take(.fetch(by: "w", id: "f"))
        #expect(again.lease == lost.lease)
        #expect(again.deliveries == [1])
    }
}
