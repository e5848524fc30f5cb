import EngineBase
import TestKit
import Testing

@testable import PortEngine

/// Memory follows what is held, whatever was done how often before.
@Suite struct GrowthTests {
    private let bench = PortBench()
    private let port: CompletionPort

    init() throws { port = try bench.port("p", PortSettings(capacity: 200_000)) }

    private var census: PortCensus { port.census() }

    @Test func `heartbeats add no deadlines`() throws {
        try port.post("x")
        let held = try port.take(.fetch(lease: 30_000))
        for _ in 0..<10_000 {
            bench.pass(milliseconds: 10)
            try port.settle(held.lease, extend: 30_000)
        }
        #expect(port.counts.leased == 1)
        #expect(census.deadlines <= 2)
        #expect(bench.directory.alarmCount <= 2)
    }

    @Test func `heartbeats that shorten and lengthen add no deadlines`() throws {
        try port.post("x")
        let held = try port.take(.fetch(lease: 30_000))
        for round in 0..<10_000 {
            try port.settle(held.lease, extend: 40_000_000 - round * 1_000)
            try port.settle(held.lease, extend: 40_000_000)
        }
        #expect(census.deadlines <= 140)
        #expect(bench.directory.alarmCount <= 140)
        bench.pass(milliseconds: 40_000_000)
        #expect(port.counts.expiredTotal == 1)
        #expect(census.deadlines == 0)
    }

    @Test func `repeats of a fetch add no deadlines`() throws {
        try port.post("x")
        for round in 0..<10_000 {
            let answer = try port.take(.fetch(lease: 40_000_000 - round * 1_000, by: "w", id: "f"))
            #expect(answer.deliveries == [1])
        }
        #expect(census.deadlines <= 140)
        #expect(census.leases == 1 && census.batches == 1 && census.handovers == 0)
    }

    @Test func `replies that are lost leave no deadlines`() throws {
        try port.post("x")
        for round in 0..<10_000 {
            let name = round.isMultiple(of: 2) ? "w\(round)" : nil
            let lost = try port.take(.fetch(lease: 40_000_000, by: name), arrives: false)
            port.putBack(try #require(lost.handover))
        }
        #expect(census.deadlines <= 140)
        #expect(census.leases == 0 && census.consumers == 0 && census.handovers == 0)
        #expect(bench.directory.runningConsumerCount == 0)
    }

    @Test func `a crowd that hangs up leaves nothing`() throws {
        let waiters = try (0..<10_000).map { index in
            try port.wait(.fetch(wait: 50_000, by: index.isMultiple(of: 2) ? "w\(index)" : nil))
        }
        #expect(port.counts.waiting == 10_000)
        for waiter in waiters { port.abandon(try #require(waiter.ticket)) }
        #expect(port.counts.waiting == 0)
        #expect(census.waiterNodes == 0)
        #expect(census.consumers == 0)
        #expect(census.deadlines <= 140)
    }

    @Test func `fetches that come and hang up one by one leave nothing`() throws {
        for _ in 0..<10_000 {
            let waiter = try port.wait(.fetch(wait: 50_000))
            port.abandon(try #require(waiter.ticket))
        }
        #expect(census.waiterNodes <= 1)
        #expect(census.deadlines <= 140)
    }

    @Test func `deadlines that live on are kept when dead ones are dropped`() throws {
        try port.post("x", "y")
        let delayed = try port.take(.fetch(max: 1))
        _ = try port.take(.fetch(lease: 1_000))
        try port.settle(delayed.lease, nack: [1], delay: 1_000)
        let waiter = try port.wait(.fetch(max: 1, wait: 999))
        for _ in 0..<1_000 {
            let other = try port.wait(.fetch(wait: 500))
            port.abandon(try #require(other.ticket))
        }
        #expect(census.deadlines < 140)
        bench.pass(milliseconds: 999)
        #expect(waiter.answer?.reason == .timeout)
        #expect(port.counts.delayed == 1 && port.counts.leased == 1)
        bench.pass(milliseconds: 1)
        #expect(port.counts.queued == 2)
    }

    @Test func `each earlier deadline takes the place of the alarm before`() throws {
        for round in 0..<10_000 {
            let waiter = try port.wait(.fetch(wait: 50_000 - round))
            port.abandon(try #require(waiter.ticket))
        }
        #expect(bench.directory.alarmCount <= 140)
        let last = try port.wait(.fetch(wait: 7))
        bench.pass(milliseconds: 7)
        #expect(last.answer?.reason == .timeout)
    }

    @Test func `consumers with names of their own leave no records`() throws {
        for index in 0..<5_000 {
            try port.post("x")
            let answer = try port.take(.fetch(by: "w\(index)", id: "f"))
            if index.isMultiple(of: 2) { _ = try port.park(consumer("w\(index)")) }
            try port.settle(answer.lease, ackAll: true)
            _ = try port.take(.fetch(by: "v\(index)", alertable: true))
        }
        #expect(census.consumers == 0 && census.leases == 0 && census.batches == 0)
        #expect(bench.directory.runningConsumerCount == 0)
    }

    @Test func `an entry that is leased for long keeps only itself`() throws {
        try port.post("long")
        let long = try port.take(.fetch(lease: 40_000_000))
        for _ in 0..<200 {
            try port.post(count: 500)
            let answer = try port.take(.fetch(max: 500))
            try port.settle(answer.lease, ackAll: true)
        }
        #expect(port.counts.ackedTotal == 100_000)
        #expect(census.leases == 1 && census.wholeLeases <= 66)
        #expect(census.chunks == 0 && census.batchNumbers == 0)
        #expect(census.returnedNumbers == 0)
        #expect(try port.settle(long.lease, ackAll: true).acked == 1)
        #expect(census.wholeLeases == 0)
    }

    @Test func `entries of a lease whose batch was taken apart keep only themselves`() throws {
        try port.post(count: 2)
        let long = try port.take(.fetch(lease: 40_000_000))
        try port.settle(long.lease, ack: [2])
        for _ in 0..<200 {
            try port.post(count: 500)
            let answer = try port.take(.fetch(max: 500))
            try port.settle(answer.lease, ack: [answer.numbers.last ?? 0])
            try port.settle(answer.lease, ackAll: true)
        }
        #expect(port.counts.ackedTotal == 100_001)
        #expect(census.chunks == 1 && census.wholeLeases == 0)
        #expect(census.leases == 1 && census.batchNumbers == 2)
        #expect(try port.settle(long.lease, ackAll: true).acked == 1)
        #expect(census.chunks == 0 && census.leases == 0)
    }

    @Test func `what was taken of a large post is not kept by the rest of it`() throws {
        let details = try postWithDetails(100)
        for taken in 1...99 {
            _ = try port.take(.fetch(max: 1, mode: .consume))
            #expect(details.living == 100 - taken)
        }
        #expect(port.counts.queued == 1)
    }

    @Test func `what was acked of a batch is not kept by the rest of it`() throws {
        let details = try postWithDetails(100)
        let lease = try port.take(.fetch(max: 100)).lease
        for number in UInt64(1)...99 {
            try port.settle(lease, ack: [number])
            #expect(details.living == 100 - Int(number))
        }
        #expect(port.counts.leased == 1)
    }

    @Test func `a batch that is acked whole is freed`() throws {
        let details = try postWithDetails(100)
        let lease = try port.take(.fetch(max: 100)).lease
        #expect(details.living == 100)
        try port.settle(lease, ackAll: true)
        #expect(details.living == 0)
    }

    /// Posts entries in one call; gives an eye on which of them are in memory.
    private func postWithDetails(_ count: Int) throws -> Witnesses {
        let details = (0..<count).map { _ in EntryDetails(session: "s") }
        try port.post(EntryList(details.map { CompletionEntry(kind: .packet, details: $0) }))
        return Witnesses(details: details.map { Witnesses.Weak(details: $0) })
    }

    private struct Witnesses {
        struct Weak { weak var details: EntryDetails? }

        let details: [Weak]
        var living: Int { details.count { $0.details != nil } }
    }

    @Test func `late acks leave no numbers in the queue`() throws {
        try port.post("first")
        for _ in 0..<2_000 {
            try port.post("x")
            let answer = try port.take(.fetch(lease: 5))
            bench.pass(milliseconds: 5)
            #expect(try port.settle(answer.lease, ack: [answer.numbers.last ?? 0]).acked == 1)
        }
        #expect(census.returnedNumbers <= 140)
        #expect(census.leases == 1)
        #expect(port.counts.queued == 1)
    }

    @Test func `late acks behind an older entry leave no numbers either`() throws {
        try port.post(count: 1_000)
        let answer = try port.take(.fetch(max: 1_000, lease: 5))
        bench.pass(milliseconds: 5)
        let late = answer.numbers.filter { $0 > 1 && !$0.isMultiple(of: 50) }
        #expect(try port.settle(answer.lease, ack: late).acked == late.count)
        #expect(census.returnedNumbers <= 140)
        let rest = try port.take(.fetch(max: 1_000))
        #expect(rest.numbers == [1] + (1...20).map { $0 * 50 })
    }

    @Test func `a batch forgets the entries that are gone`() throws {
        try port.post(count: 4_096)
        let answer = try port.take(.fetch(max: 4_096))
        try port.settle(answer.lease, ack: Array(answer.numbers.dropFirst()))
        #expect(census.batchNumbers <= 128)
        #expect(try port.take(.fetch(max: 4_096)).reason == .timeout)
        #expect(try port.settle(answer.lease, ackAll: true).acked == 1)
        #expect(census.batchNumbers == 0)
    }

    @Test func `leases that ran out are remembered only while an entry remembers them`() throws {
        try port.post("x", "y")
        for _ in 0..<1_000 {
            _ = try port.take(.fetch(lease: 5))
            bench.pass(milliseconds: 5)
        }
        #expect(census.leases == 1)
        #expect(port.counts.expiredTotal == 2_000)
    }

    @Test func `ports that are closed leave no alarms`() throws {
        for index in 0..<2_000 {
            let port = try bench.port("q\(index)")
            try port.post("x")
            _ = try port.take(.fetch(lease: 40_000_000, by: "w\(index)"))
            _ = try bench.directory.close(port.name, force: true)
        }
        #expect(bench.directory.alarmCount <= 140)
        #expect(bench.directory.runningConsumerCount == 0)
    }
}
