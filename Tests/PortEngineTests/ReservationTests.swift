import EngineBase
import PortEngine
import TestKit
import Testing

@Suite struct ReservationTests {
    @Test func `I05 an accepted operation gives exactly one entry, in the place promised to it`()
        throws
    {
        let port = try PortBench().port("p", PortSettings(capacity: 3))
        try port.reserve(1)
        try port.post(count: 2)
        #expect(port.counts.reserved == 1)
        // Full for others, and yet it can complete.
        #expect(throws: PortError.full(limit: 3, current: 3)) { try port.post("more") }
        #expect(throws: PortError.full(limit: 3, current: 3)) { try port.reserve(1) }
        port.complete([CompletionEntry(kind: .read, context: "op")])
        #expect(port.counts.reserved == 0)
        #expect(try port.take().contexts == ["1", "2", "op"])
        #expect(port.counts.completedTotal == 1)
    }

    @Test func `I06 an operation that was refused gives none`() throws {
        let port = try PortBench().port("p", PortSettings(capacity: 1))
        try port.reserve(1)
        #expect(throws: PortError.full(limit: 1, current: 1)) { try port.reserve(1) }
        port.release(1)
        #expect(port.counts.occupied == 0)
        #expect(try port.take().reason == .timeout)
    }

    @Test func `I07 an operation that ended at once still gives its entry`() throws {
        let port = try PortBench().port()
        let waiter = try port.wait()
        try port.reserve(1)
        port.complete([CompletionEntry(kind: .write, bytes: 4)])
        #expect(waiter.answer?.entries.map(\.entry.bytes) == [4])
    }

    @Test func `R17 what is there and what is promised is never more than the capacity`() throws {
        let bench = PortBench()
        let port = try bench.port("p", PortSettings(capacity: 6, maxDeliveries: 1))
        try port.reserve(2)
        try port.post(count: 4)
        let dead = try port.take(.fetch(max: 1))
        try port.settle(dead.lease, nack: [1])
        _ = try port.take(.fetch(max: 1))
        _ = try port.take(.fetch(max: 1, mode: .consume), arrives: false)
        let counts = port.counts
        #expect(counts.deadLetters == 1)
        #expect(counts.leased == 2)
        #expect(counts.queued == 1)
        #expect(counts.reserved == 2)
        #expect(counts.occupied == 6)
        #expect(throws: PortError.full(limit: 6, current: 6)) { try port.reserve(1) }
    }

    @Test func `R17 what came in is what went out and what is held`() throws {
        let bench = PortBench()
        let port = try bench.port("p", PortSettings(maxDeliveries: 1))
        try port.reserve(2)
        port.complete([CompletionEntry(kind: .read), CompletionEntry(kind: .sessionClosed)])
        try port.post(count: 5)
        let first = try port.take(.fetch(max: 2))
        try port.settle(first.lease, ack: [1], nack: [2])
        _ = try port.discard(.all)
        _ = try port.take(.fetch(max: 1, mode: .consume))
        _ = try port.take(.fetch(max: 1))
        let counts = port.counts
        #expect(counts.postedTotal + counts.completedTotal == 7)
        #expect(counts.ackedTotal == 2 && counts.discardedTotal == 1 && counts.entries == 4)
        #expect(counts.consumedTotal == 1)
    }

    @Test func `R17 a reservation takes a place and no bytes`() throws {
        let port = try PortBench().port("p", PortSettings(capacity: 3, capacityBytes: 4))
        try port.reserve(1)
        try port.post(count: 1, bytesEach: 4)
        #expect(!port.acceptsPayload)
        port.complete([CompletionEntry(kind: .read, data: [1, 2, 3])])
        #expect(port.counts.bytes == 7)
    }

    @Test func `reads are told when the payload is below its line again`() throws {
        let port = try PortBench().port("p", PortSettings(capacityBytes: 10))
        #expect(port.acceptsPayload)
        try port.post(count: 2, bytesEach: 5)
        #expect(!port.acceptsPayload)
        let reader = RecordingRoomWaiter()
        port.awaitRoom(reader)
        #expect(reader.calls == 0)
        let answer = try port.take()
        #expect(reader.calls == 0)
        try port.settle(answer.lease, ack: [1])
        #expect(reader.calls == 1)
        #expect(port.acceptsPayload)
    }

    @Test func `who waits for room is told as places come, first come, first served`() throws {
        let port = try PortBench().port("p", PortSettings(capacity: 2))
        try port.reserve(2)
        let waiters = (0..<3).map { _ in RecordingRoomWaiter() }
        for waiter in waiters { port.awaitRoom(waiter) }
        #expect(waiters.map(\.calls) == [0, 0, 0])
        port.release(1)
        #expect(waiters.map(\.calls) == [1, 0, 0])
        // The first one did not use it.
        port.passRoomOn()
        #expect(waiters.map(\.calls) == [1, 1, 0])
        port.release(1)
        #expect(waiters.map(\.calls) == [1, 1, 1])
        port.passRoomOn()
        #expect(waiters.map(\.calls) == [1, 1, 1])
    }

    @Test(arguments: ["confirm", "discard", "fetch with settle", "close"])
    func `whatever makes room tells those who wait for it`(way: String) throws {
        let bench = PortBench()
        let port = try bench.port("p", PortSettings(capacity: 1, maxDeliveries: 1))
        try port.post("x")
        let mode: FetchMode = way == "confirm" ? .consume : .lease
        let answer = try port.take(.fetch(mode: mode), arrives: false)
        if way == "discard" { try port.settle(answer.lease, nack: [1]) }
        let waiter = RecordingRoomWaiter()
        port.awaitRoom(waiter)
        #expect(waiter.calls == 0)
        switch way {
        case "confirm": port.confirm(try #require(answer.handover))
        case "discard": _ = try port.discard(.all)
        case "close": _ = try bench.directory.close(port.name, force: true)
        default: _ = try port.take(.fetch(settle: port.settling(answer.lease, ackAll: true)))
        }
        #expect(waiter.calls == 1)
    }

    @Test func `who asks for room that is there is told at once`() throws {
        let port = try PortBench().port()
        let waiter = RecordingRoomWaiter()
        port.awaitRoom(waiter)
        #expect(waiter.calls == 1)
    }
}
