import EngineBase
import PortEngine
import TestKit
import Testing

@Suite struct DeadlineTests {
    private let bench = PortBench()
    private let port: CompletionPort

    init() throws { port = try bench.port() }

    private func distance() -> Int? {
        bench.directory.nextDeadline.map { $0.milliseconds(since: bench.clock.now()) }
    }

    @Test func `an idle port has no deadline`() throws {
        #expect(bench.directory.nextDeadline == nil)
        try port.post("x")
        _ = try port.take(.fetch(mode: .consume))
        #expect(bench.directory.nextDeadline == nil)
        #expect(bench.wakeUpsAsked == 0)
    }

    @Test func `the next deadline is the earliest of waits, leases and delays`() throws {
        try port.post("x", "y")
        let held = try port.take(.fetch(lease: 300))
        #expect(distance() == 300)
        try port.settle(held.lease, nack: [1], delay: 200)
        #expect(distance() == 200)
        _ = try port.wait(.fetch(wait: 100))
        #expect(distance() == 100)
        #expect(bench.wakeUpsAsked == 3)
        // A later one wakes nobody.
        _ = try port.wait(.fetch(wait: 400))
        #expect(bench.wakeUpsAsked == 3)
    }

    @Test func `everything happens at its time though nobody touches the port`() throws {
        try port.post("x")
        let held = try port.take(.fetch(lease: 20))
        try port.settle(held.lease, extend: 40)
        let short = try port.wait(.fetch(wait: 10, by: "a"))
        let long = try port.wait(.fetch(wait: 100, by: "b"))
        var steps = 0
        while let next = bench.directory.nextDeadline, steps < 20 {
            steps += 1
            bench.clock.move(to: next)
            bench.directory.advance()
        }
        #expect(short.answer?.reason == .timeout)
        #expect(long.answer?.contexts == ["x"])
        #expect(steps < 10)
    }

    @Test func `deadlines of several ports come true in one call`() throws {
        let others = try (0..<5).map { try bench.port("q\($0)") }
        let waiters = try others.enumerated().map { index, port in
            try port.wait(.fetch(wait: 10 * (index + 1)))
        }
        bench.pass(milliseconds: 30)
        #expect(waiters.map(\.isWaiting) == [false, false, false, true, true])
        #expect(distance() == 10)
    }

    @Test func `a jump over many deadlines makes all of them true`() throws {
        try port.post(count: 3)
        for lease in [5, 10, 15] { _ = try port.take(.fetch(max: 1, lease: lease)) }
        bench.pass(milliseconds: 1_000)
        #expect(port.counts.expiredTotal == 3)
        #expect(try port.take().numbers == [1, 2, 3])
    }

    @Test func `a request sees what is due though the alarm has not rung`() throws {
        try port.post("x")
        _ = try port.take(.fetch(lease: 5))
        bench.clock.move(milliseconds: 5)
        #expect(try port.take().deliveries == [2])
    }

    @Test func `a wait that outlasts all time does not end`() throws {
        let waiter = try port.wait(.fetch(wait: Int.max))
        bench.pass(milliseconds: 1_000_000_000)
        #expect(waiter.isWaiting)
    }
}
