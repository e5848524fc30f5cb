import EngineBase
import PortEngine
import TestKit
import Testing

@Suite struct PeekTests {
    private func states(_ page: PeekPage) -> [String] {
        page.entries.map { entry in
            switch entry.place {
            case .queued: "\(entry.entry.seq) queued"
            case .leased: "\(entry.entry.seq) leased"
            case .delayed: "\(entry.entry.seq) delayed"
            case .dead: "\(entry.entry.seq) dead"
            }
        }
    }

    @Test func `R32 a look shows entries in order with where they are`() throws {
        let bench = PortBench()
        let port = try bench.port()
        try port.post(count: 5)
        let first = try port.take(.fetch(max: 1, lease: 70))
        let second = try port.take(.fetch(max: 2))
        try port.settle(second.lease, nack: [2], delay: 30)
        try port.settle(second.lease, nack: [3])
        let page = try port.peek(after: 0, limit: 100)
        #expect(states(page) == ["1 leased", "2 delayed", "3 queued", "4 queued", "5 queued"])
        #expect(page.next == nil)
        guard case .leased(let expiry) = page.entries[0].place,
            case .delayed(let until) = page.entries[1].place
        else {
            Issue.record("other places")
            return
        }
        #expect(expiry == first.leaseExpiresAt)
        #expect(until == bench.clock.now().advanced(milliseconds: 30))
    }

    @Test func `a look changes nothing`() throws {
        let port = try PortBench().port()
        try port.post(count: 3)
        _ = try port.take(.fetch(max: 1))
        let before = port.counts
        for _ in 0..<5 { _ = try port.peek(after: 0, limit: 2) }
        #expect(port.counts == before)
        #expect(try port.take().numbers == [2, 3])
    }

    @Test(arguments: 1...7)
    func `pages put together are the whole, wherever they are cut`(limit: Int) throws {
        let port = try PortBench().port()
        try port.post(count: 6)
        let held = try port.take(.fetch(max: 4))
        try port.settle(held.lease, ack: [2])
        var seen: [UInt64] = []
        var cursor: UInt64? = 0
        while let after = cursor, seen.count < 20 {
            let page = try port.peek(after: after, limit: limit)
            #expect(page.entries.count <= limit)
            seen += page.entries.map(\.entry.seq)
            #expect(page.next == nil || page.next == seen.last)
            cursor = page.next
        }
        #expect(seen == [1, 3, 4, 5, 6])
    }

    @Test func `a cursor goes on after its entry though that is gone`() throws {
        let port = try PortBench().port()
        try port.post(count: 6)
        let page = try port.peek(after: 0, limit: 3)
        let held = try port.take(.fetch(max: 3))
        try port.settle(held.lease, ackAll: true)
        let next = try #require(page.next)
        #expect(try port.peek(after: next, limit: 9).entries.map(\.entry.seq) == [4, 5, 6])
    }

    @Test(arguments: [UInt64(3), 100, UInt64(Int64.max), UInt64(Int64.max) + 2, UInt64.max])
    func `a cursor beyond the end finds nothing`(cursor: UInt64) throws {
        let port = try PortBench().port("p", PortSettings(maxDeliveries: 1))
        try port.post(count: 3)
        let dead = try port.take(.fetch(max: 1))
        try port.settle(dead.lease, nack: [1])
        let page = try port.peek(after: cursor, limit: 9)
        #expect(page.entries.isEmpty && page.next == nil)
        #expect(try port.peekDeadLetters(after: cursor, limit: 9).entries.isEmpty)
    }

    @Test func `the oldest age is that of the oldest entry that may be taken`() throws {
        let bench = PortBench()
        let port = try bench.port()
        #expect(port.status().oldestAgeMilliseconds == nil)
        try port.post("a")
        bench.pass(milliseconds: 30)
        try port.post("b")
        bench.pass(milliseconds: 12)
        #expect(port.status().oldestAgeMilliseconds == 42)
        let held = try port.take(.fetch(max: 1))
        #expect(port.status().oldestAgeMilliseconds == 12)
        try port.settle(held.lease, nack: [1], delay: 8)
        #expect(port.status().oldestAgeMilliseconds == 12)
        bench.pass(milliseconds: 8)
        #expect(port.status().oldestAgeMilliseconds == 50)
    }
}
