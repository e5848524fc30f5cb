import EngineBase
import PortEngine
import TestKit
import Testing

@Suite struct WaitersTests {
    @Test func `O02 waiters are released last in, first out`() throws {
        let port = try PortBench().port()
        let a = try port.wait()
        let b = try port.wait()
        let c = try port.wait()
        for context in ["1", "2", "3"] { try port.post(context) }
        #expect(c.answer?.contexts == ["1"])
        #expect(b.answer?.contexts == ["2"])
        #expect(a.answer?.contexts == ["3"])
    }

    @Test func `O12 a newcomer does not overtake what was handed to a waiter`() throws {
        let port = try PortBench().port()
        let first = try port.wait()
        let second = try port.wait()
        for context in ["3", "4", "5"] { try port.post(context) }
        let third = try port.take()
        #expect(second.answer?.contexts == ["3"])
        #expect(first.answer?.contexts == ["4"])
        #expect(third.contexts == ["5"])
    }

    @Test func `R25 a newcomer stands on top of those who wait`() throws {
        // What its settle gives back is its own to take before the older wait gets it.
        let port = try PortBench().port()
        try port.post("x")
        let held = try port.take()
        let older = try port.wait()
        let answer = try port.take(.fetch(settle: port.settling(held.lease, nack: [1])))
        #expect(answer.contexts == ["x"])
        #expect(older.isWaiting)
    }

    @Test func `R25 what a newcomer leaves goes on to those who wait`() throws {
        let port = try PortBench().port()
        try port.post("x", "y")
        let held = try port.take()
        let older = try port.wait()
        let answer = try port.take(.fetch(max: 1, settle: port.settling(held.lease, nack: [1, 2])))
        #expect(answer.contexts == ["x"])
        #expect(older.answer?.contexts == ["y"])
    }

    @Test func `R25 a lease that ends with a wait comes before it`() throws {
        let bench = PortBench()
        let port = try bench.port()
        try port.post("x")
        _ = try port.take(.fetch(lease: 100))
        let waiter = try port.wait(.fetch(wait: 100))
        bench.pass(milliseconds: 100)
        #expect(waiter.answer?.reason == .entries)
        #expect(waiter.answer?.deliveries == [2])
    }

    @Test func `R25 a delay that ends with a wait comes before it`() throws {
        let bench = PortBench()
        let port = try bench.port()
        try port.post("x")
        let held = try port.take()
        let waiter = try port.wait(.fetch(wait: 100))
        try port.settle(held.lease, nack: [1], delay: 100)
        bench.pass(milliseconds: 100)
        #expect(waiter.answer?.contexts == ["x"])
    }

    @Test func `R25 a wait that was held back by the limit ends with concurrency`() throws {
        let bench = PortBench()
        let port = try bench.port("p", PortSettings(concurrencyLimit: 1))
        try port.post("x", "y")
        _ = try port.take(.fetch(max: 1, by: "a"))
        let waiter = try port.wait(.fetch(wait: 50, by: "b"))
        bench.pass(milliseconds: 50)
        #expect(waiter.answer?.reason == .concurrency)
    }

    @Test func `R25 delayed entries do not make it concurrency`() throws {
        let bench = PortBench()
        let port = try bench.port("p", PortSettings(concurrencyLimit: 1))
        try port.post("x", "y")
        let held = try port.take(.fetch(by: "a"))
        try port.settle(held.lease, nack: [2], delay: 1_000)
        let waiter = try port.wait(.fetch(wait: 50, by: "b"))
        bench.pass(milliseconds: 50)
        #expect(waiter.answer?.reason == .timeout)
        #expect(try port.take(.fetch(by: "b")).reason == .timeout)
    }

    @Test func `R11 any fetch of a named consumer ends its waiting fetch`() throws {
        let port = try PortBench().port()
        let first = try port.wait(.fetch(wait: 1_000, by: "w", id: "1"))
        let second = try port.wait(.fetch(wait: 1_000, by: "w", id: "1"))
        #expect(first.answer?.reason == .superseded)
        let third = try port.take(.fetch(mode: .consume, by: "w"))
        #expect(second.answer?.reason == .superseded)
        #expect(third.reason == .timeout)
        #expect(port.counts.waiting == 0)
    }

    @Test func `R11 the settled of a superseded fetch is in its own answer`() throws {
        let port = try PortBench().port()
        try port.post("x")
        let held = try port.take(.fetch(by: "w"))
        let settle = port.settling(held.lease, ackAll: true)
        let first = try port.wait(.fetch(wait: 1_000, by: "w", settle: settle))
        _ = try port.take(.fetch(by: "w"))
        #expect(first.answer?.reason == .superseded)
        #expect(first.answer?.settled?.acked == 1)
    }

    @Test func `R11 other consumers and unnamed fetches are not superseded`() throws {
        let port = try PortBench().port()
        let other = try port.wait(.fetch(wait: 1_000, by: "v"))
        let unnamed = try port.wait(.fetch(wait: 1_000))
        _ = try port.take(.fetch(by: "w"))
        _ = try port.take()
        #expect(other.isWaiting && unnamed.isWaiting)
    }

    @Test func `R31 one fetch more than may wait is refused, and its settle has no effect`() throws
    {
        let bench = PortBench(limits: PortLimits(waitingFetches: 2))
        let port = try bench.port()
        try port.post("x", "y")
        let held = try port.take()
        _ = try port.wait(.fetch(wait: 1_000, by: "a"))
        _ = try port.wait()
        let settle = port.settling(held.lease, ack: [1])
        #expect(throws: PortError.tooManyWaiters(limit: 2)) {
            try port.wait(.fetch(wait: 1_000, settle: settle))
        }
        #expect(port.counts.ackedTotal == 0)
        #expect(port.counts.waiting == 2)
    }

    /// A port on which no further fetch may wait: one does already.
    private func crowded(
        _ settings: PortSettings = PortSettings()
    ) throws -> (bench: PortBench, port: CompletionPort) {
        let bench = PortBench(limits: PortLimits(waitingFetches: 1))
        return (bench, try bench.port("p", settings))
    }

    @Test func `R31 who need not wait is not refused`() throws {
        let (_, port) = try crowded()
        try port.post("x", "y")
        let held = try port.take(.fetch(max: 1, by: "b", id: "f"))
        let plain = try port.take(.fetch(max: 1))
        let waiter = try port.wait(.fetch(wait: 1_000, by: "a"))
        // No wait asked.
        #expect(try port.take().reason == .timeout)
        // A repeat, though its consumer does not run any more.
        #expect(try port.take(.fetch(by: "b")).reason == .timeout)
        #expect(try port.take(.fetch(wait: 1_000, by: "b", id: "f")).lease == held.lease)
        // An alert is there.
        _ = try port.alert(consumer("c"), Alert(context: "up"))
        #expect(try port.take(.fetch(wait: 1_000, by: "c", alertable: true)).reason == .alert)
        // Its own settle gives it something to take.
        let settle = port.settling(plain.lease, nack: [2])
        #expect(try port.take(.fetch(wait: 1_000, settle: settle)).contexts == ["y"])
        // It takes the place of its own waiting fetch.
        _ = try port.wait(.fetch(wait: 1_000, by: "a"))
        #expect(waiter.answer?.reason == .superseded)
    }

    @Test func `R31 who gets a slot by its own settle is not refused`() throws {
        let (_, port) = try crowded(PortSettings(concurrencyLimit: 1))
        try port.post("x", "y")
        let held = try port.take(.fetch(max: 1))
        _ = try port.wait(.fetch(wait: 1_000, by: "a"))
        let settle = port.settling(held.lease, ackAll: true)
        #expect(try port.take(.fetch(wait: 1_000, settle: settle)).contexts == ["y"])
    }

    @Test func `R31 a settle that takes away what could be had makes a fetch one too many`() throws
    {
        let (bench, port) = try crowded(PortSettings(concurrencyLimit: 1))
        try port.post("x", "y")
        let late = try port.take(.fetch(max: 1, lease: 10, by: "w"))
        let busy = try port.take(.fetch(max: 1, by: "w"))
        _ = try port.wait()
        bench.pass(milliseconds: 10)
        // "x" is back, and held back by the limit; "w" could have it, but acks it late.
        #expect(port.counts.queued == 1)
        let settle = port.settling(late.lease, ackAll: true)
        #expect(throws: PortError.tooManyWaiters(limit: 1)) {
            try port.wait(.fetch(wait: 1_000, by: "w", settle: settle))
        }
        #expect(port.counts.queued == 1)
        #expect(port.counts.running == 1)
        #expect(busy.contexts == ["y"])
    }

    @Test func `R31 a slot that the settle frees is not freed twice`() throws {
        let (_, port) = try crowded(PortSettings(concurrencyLimit: 1))
        try port.post("x", "y", "z")
        let held = try port.take(.fetch(max: 1, by: "w"))
        _ = try port.park(consumer("w"))
        _ = try port.take(.fetch(max: 1, by: "v"))
        _ = try port.unpark(consumer("w"))
        _ = try port.wait()
        // Two run past the limit of one, so that the end of one lets nobody in.
        #expect(port.counts.running == 2)
        let settle = port.settling(held.lease, ackAll: true)
        #expect(throws: PortError.tooManyWaiters(limit: 1)) {
            try port.wait(.fetch(wait: 1_000, by: "w", settle: settle))
        }
        #expect(port.counts.waiting == 1)
    }

    @Test func `R31 a repeat whose settle ends its lease is one too many`() throws {
        let (_, port) = try crowded()
        try port.post("x")
        let held = try port.take(.fetch(by: "w", id: "f"))
        _ = try port.wait()
        let settle = port.settling(held.lease, ackAll: true)
        #expect(throws: PortError.tooManyWaiters(limit: 1)) {
            try port.wait(.fetch(wait: 1_000, by: "w", id: "f", settle: settle))
        }
        #expect(port.counts.leased == 1)
    }

    @Test func `a client that hangs up is removed and swallows nothing`() throws {
        let port = try PortBench().port()
        let gone = try port.wait()
        let ticket = try #require(gone.ticket)
        #expect(port.abandon(ticket))
        #expect(!port.abandon(ticket))
        #expect(port.counts.waiting == 0)
        try port.post("x")
        #expect(gone.isWaiting)
        #expect(port.counts.queued == 1)
        #expect(try port.take().contexts == ["x"])
    }

    @Test func `a client in the middle hangs up and the order of the others stays`() throws {
        let port = try PortBench().port()
        let waiters = try (0..<5).map { _ in try port.wait() }
        for index in [2, 4, 0] { port.abandon(try #require(waiters[index].ticket)) }
        try port.post("1")
        #expect(waiters[3].answer?.contexts == ["1"])
        try port.post("2")
        #expect(waiters[1].answer?.contexts == ["2"])
    }

    @Test func `an old ticket ends nobody else's wait`() throws {
        let port = try PortBench().port()
        let old = try port.wait()
        try port.post("x")
        #expect(old.answer != nil)
        let new = try port.wait()
        port.abandon(try #require(old.ticket))
        #expect(port.counts.waiting == 1)
        try port.post("y")
        #expect(new.answer?.contexts == ["y"])
    }

    @Test func `old tickets end nobody's wait after a crowd has left`() throws {
        let port = try PortBench().port()
        let crowd = try (0..<2_000).map { _ in try port.wait() }
        for waiter in crowd { port.abandon(try #require(waiter.ticket)) }
        let new = try (0..<3).map { _ in try port.wait() }
        for waiter in crowd.prefix(10) { port.abandon(try #require(waiter.ticket)) }
        #expect(port.counts.waiting == 3)
        #expect(new.map(\.isWaiting) == [true, true, true])
    }
}
