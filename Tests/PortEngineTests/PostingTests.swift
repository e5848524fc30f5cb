import EngineBase
import PortEngine
import TestKit
import Testing

@Suite struct PostingTests {
    @Test func `O01 packets leave in the order in which they came`() throws {
        let port = try PortBench().port()
        try port.post("a", "b")
        try port.post("c")
        let answer = try port.take()
        #expect(answer.contexts == ["a", "b", "c"])
        #expect(answer.numbers == [1, 2, 3])
    }

    @Test func `P01 what is posted comes out exactly as given`() throws {
        let port = try PortBench().port()
        let packet = CompletionEntry(
            kind: .packet,
            key: "18446744073709551615",
            context: "the client's own",
            bytes: 5,
            data: [0, 255, 128]
        )
        try port.post([packet])
        let entry = try #require(try port.take().entries.first?.entry)
        #expect(entry.key == "18446744073709551615")
        #expect(entry.context == "the client's own")
        #expect(entry.bytes == 5)
        #expect(entry.data == [0, 255, 128])
    }

    @Test func `P02 bytes keep all their digits`() throws {
        let port = try PortBench().port()
        let most = CompletionEntry.mostBytes
        for kind in EntryKind.allCases {
            for status in EntryStatus.allCases {
                for bytes in [0, 1, 0x1F_5555_5555_5555 - 1, most - 1, most] {
                    try port.post([CompletionEntry(kind: kind, status: status, bytes: bytes)])
                    let entry = try #require(try port.take().entries.first?.entry)
                    #expect(entry.kind == kind)
                    #expect(entry.status == status)
                    #expect(entry.bytes == bytes)
                }
            }
        }
    }

    @Test func `P03 a packet without key, context and bytes is an entry like any other`() throws {
        let port = try PortBench().port()
        try port.post([CompletionEntry(kind: .packet)])
        let answer = try port.take()
        #expect(answer.reason == .entries)
        #expect(answer.entries.first?.entry.context == nil)
        #expect(answer.entries.first?.entry.key == nil)
    }

    @Test func `P06 the queue is bounded and says so`() throws {
        let port = try PortBench().port("p", PortSettings(capacity: 3))
        try port.post(count: 2)
        #expect(throws: PortError.full(limit: 3, current: 2)) { try port.post(count: 2) }
        #expect(port.counts.queued == 2)
        try port.post(count: 1)
        #expect(port.counts.queued == 3)
    }

    @Test func `P08 a packet with a failing status is taken like any other`() throws {
        let port = try PortBench().port()
        try port.post([CompletionEntry(kind: .packet, status: .failed, bytes: 9)])
        let answer = try port.take()
        #expect(answer.reason == .entries)
        #expect(answer.entries.first?.entry.status == .failed)
        #expect(answer.entries.first?.entry.bytes == 9)
    }

    @Test func `P10 a closed port takes no packet`() throws {
        let bench = PortBench()
        let port = try bench.port()
        _ = try bench.directory.close(port.name, force: false)
        #expect(throws: PortError.closed) { try port.post("late") }
    }

    @Test func `P11 posting wakes exactly one of those who wait`() throws {
        let port = try PortBench().port()
        let first = try port.wait()
        let second = try port.wait()
        try port.post("x")
        #expect(first.isWaiting != second.isWaiting)
        #expect(port.counts.waiting == 1)
    }

    @Test func `a batch of packets is posted whole or not at all`() throws {
        let port = try PortBench().port("p", PortSettings(capacity: 10, capacityBytes: 100))
        try port.post(count: 8)
        #expect(throws: PortError.full(limit: 10, current: 8)) { try port.post(count: 3) }
        #expect(port.counts.queued == 8)
        #expect(port.counts.postedTotal == 8)
        #expect(port.counts.bytes == 0)
    }

    @Test func `R29 what can never fit is told apart from what does not fit now`() throws {
        let port = try PortBench().port("p", PortSettings(capacity: 4, capacityBytes: 10))
        #expect(throws: PortError.neverFits(limit: 4, requested: 5)) { try port.post(count: 5) }
        #expect(throws: PortError.neverFitsBytes(limit: 10, requested: 11)) {
            try port.post(count: 1, bytesEach: 11)
        }
        #expect(throws: PortError.neverFits(limit: 4, requested: 5)) { try port.reserve(5) }
        try port.post(count: 1, bytesEach: 6)
        #expect(throws: PortError.fullOfBytes(limit: 10, current: 6)) {
            try port.post(count: 1, bytesEach: 5)
        }
    }

    @Test func `R29 a packet without data needs only a place`() throws {
        let port = try PortBench().port("p", PortSettings(capacity: 9, capacityBytes: 10))
        try port.reserve(1)
        // Results of operations may pass the line: their bytes are never reserved.
        port.complete([CompletionEntry(kind: .read, data: [UInt8](repeating: 0, count: 25))])
        #expect(port.counts.bytes == 25)
        #expect(!port.acceptsPayload)
        try port.post("empty")
        #expect(throws: PortError.fullOfBytes(limit: 10, current: 25)) {
            try port.post(count: 1, bytesEach: 1)
        }
        #expect(port.counts.queued == 2)
    }

    @Test func `seq grows by one for each entry, whatever way it came`() throws {
        let port = try PortBench().port()
        try port.reserve(1)
        try port.post("a")
        port.complete([CompletionEntry(kind: .read)])
        try port.post("b")
        #expect(try port.take().numbers == [1, 2, 3])
        try port.post("c")
        #expect(try port.take().numbers == [4])
    }
}
