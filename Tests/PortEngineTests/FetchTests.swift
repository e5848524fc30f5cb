import EngineBase
import PortEngine
import TestKit
import Testing

@Suite struct FetchTests {
    @Test func `G01 nothing within no time is a timeout and takes nothing`() throws {
        let port = try PortBench().port()
        let answer = try port.take()
        #expect(answer.reason == .timeout)
        #expect(answer.entries.isEmpty && answer.lease == nil && answer.handover == nil)
    }

    @Test func `G02 a wait does not end before its time`() throws {
        let bench = PortBench()
        let port = try bench.port()
        let waiter = try port.wait(.fetch(wait: 120))
        bench.pass(milliseconds: 119)
        #expect(waiter.isWaiting)
        bench.pass(milliseconds: 1)
        #expect(waiter.answer?.reason == .timeout)
        #expect(port.counts.waiting == 0)
    }

    @Test func `G03 a port that is not there is unknown`() throws {
        let bench = PortBench()
        let name = try #require(PortName("nobody"))
        #expect(throws: PortDirectoryError.unknown) { try bench.directory.find(name) }
    }

    @Test(arguments: EntryStatus.allCases)
    func `G22 a failed operation that is taken is an entry, never an empty answer`(
        status: EntryStatus
    ) throws {
        let port = try PortBench().port()
        try port.reserve(1)
        let details = EntryDetails(
            session: "ses_1",
            error: EntryError(code: "connection_reset", message: "Reset.")
        )
        port.complete([CompletionEntry(kind: .read, status: status, details: details)])
        let answer = try port.take()
        #expect(answer.reason == .entries)
        let entry = try #require(answer.entries.first?.entry)
        #expect(entry.status == status)
        #expect(entry.details?.error?.code == "connection_reset")
    }

    @Test func `G21 the end of a stream is an entry of no bytes, not an empty answer`() throws {
        let port = try PortBench().port()
        try port.reserve(1)
        port.complete([CompletionEntry(kind: .read, status: .endOfStream)])
        let answer = try port.take()
        #expect(answer.reason == .entries)
        #expect(answer.entries.map(\.entry.status) == [.endOfStream])
        #expect(answer.entries.map(\.entry.bytes) == [0])
    }

    @Test func `G09 a waiting fetch returns on the first post`() throws {
        let port = try PortBench().port()
        let waiter = try port.wait()
        try port.post("x")
        #expect(waiter.answer?.contexts == ["x"])
    }

    @Test func `G09 a waiting fetch returns on the first completion`() throws {
        let port = try PortBench().port()
        try port.reserve(1)
        let waiter = try port.wait()
        port.complete([CompletionEntry(kind: .write, context: "w")])
        #expect(waiter.answer?.contexts == ["w"])
    }

    @Test func `X02 a batch of nothing is a timeout, not an empty batch`() throws {
        let port = try PortBench().port()
        let answer = try port.take(.fetch(max: 64, mode: .consume))
        #expect(answer.reason == .timeout)
        #expect(answer.handover == nil)
    }

    @Test func `X03 ten queued and four at a time are four, four, two and a timeout`() throws {
        let port = try PortBench().port()
        try port.post(count: 10)
        let sizes = try (0..<4).map { _ in try port.take(.fetch(max: 4)).numbers }
        #expect(sizes == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10], []])
    }

    @Test func `X05 a batch of nothing but failures is a batch`() throws {
        let port = try PortBench().port()
        try port.post([
            CompletionEntry(kind: .packet, status: .failed),
            CompletionEntry(kind: .packet, status: .cancelled),
        ])
        let answer = try port.take()
        #expect(answer.reason == .entries)
        #expect(answer.entries.map(\.entry.status) == [.failed, .cancelled])
    }

    @Test func `X10 a waiting batch returns with one at the first arrival`() throws {
        let port = try PortBench().port()
        let waiter = try port.wait(.fetch(max: 64, wait: 1_000))
        try port.post("only")
        try port.post("next")
        #expect(waiter.answer?.contexts == ["only"])
        #expect(port.counts.queued == 1)
    }

    @Test func `X20 several takers share the queue with no loss and no copy`() throws {
        let port = try PortBench().port()
        try port.post(count: 100)
        var seen: [UInt64] = []
        for round in 0..<40 {
            let name = ["a", "b", "c"][round % 3]
            seen += try port.take(.fetch(max: round % 5 + 1, by: name)).numbers
        }
        #expect(seen == Array(1...100))
    }

    @Test func `X21 leased and consumed batches may be mixed`() throws {
        let port = try PortBench().port()
        try port.post(count: 4)
        #expect(try port.take(.fetch(max: 1)).numbers == [1])
        #expect(try port.take(.fetch(max: 2, mode: .consume)).numbers == [2, 3])
        #expect(try port.take(.fetch(max: 2)).numbers == [4])
        #expect(port.counts.leased == 2)
        #expect(port.counts.consumedTotal == 2)
    }

    @Test func `R7 the first entry comes whatever its size, and nothing is skipped to fit`() throws
    {
        let port = try PortBench().port()
        for size in [50, 4, 4, 30, 1] { try port.post(count: 1, bytesEach: size) }
        #expect(try port.take(.fetch(maxBytes: 10)).numbers == [1])
        #expect(try port.take(.fetch(maxBytes: 10)).numbers == [2, 3])
        #expect(try port.take(.fetch(maxBytes: 10)).numbers == [4])
        #expect(try port.take(.fetch(maxBytes: 10)).numbers == [5])
    }

    @Test func `R7 a batch may fill its bytes exactly`() throws {
        let port = try PortBench().port()
        try port.post(count: 3, bytesEach: 5)
        #expect(try port.take(.fetch(maxBytes: 10)).numbers == [1, 2])
    }

    @Test func `R7 entries without data ride along when the bytes are used up`() throws {
        let port = try PortBench().port()
        try port.post(count: 1, bytesEach: 10)
        try port.post(count: 2)
        #expect(try port.take(.fetch(maxBytes: 10)).numbers == [1, 2, 3])
    }

    @Test func `R28 delivery counts this handing out, and is 0 before the first`() throws {
        let port = try PortBench().port()
        try port.post("x")
        #expect(try port.peek(after: 0, limit: 9).entries.map(\.entry.delivery) == [0])
        let answer = try port.take()
        #expect(answer.deliveries == [1])
        #expect(try port.peek(after: 0, limit: 9).entries.map(\.entry.delivery) == [1])
        try port.settle(answer.lease, nack: [1])
        #expect(try port.peek(after: 0, limit: 9).entries.map(\.entry.delivery) == [1])
        #expect(try port.take().deliveries == [2])
        #expect(port.counts.redeliveredTotal == 1)
    }

    @Test func `an entry keeps the moment at which it came`() throws {
        let bench = PortBench()
        let port = try bench.port()
        try port.post("x")
        let moment = bench.clock.now()
        bench.pass(milliseconds: 500)
        let answer = try port.take()
        try port.settle(answer.lease, nack: [1])
        #expect(try port.take().entries.first?.queuedAt == moment)
    }
}
