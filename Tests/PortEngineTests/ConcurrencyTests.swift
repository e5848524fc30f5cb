import EngineBase
import PortEngine
import TestKit
import Testing

@Suite struct ConcurrencyTests {
    private func limited(_ limit: Int?, _ entries: Int = 10) throws -> (PortBench, CompletionPort) {
        let bench = PortBench()
        let port = try bench.port("p", PortSettings(concurrencyLimit: limit))
        try port.post(count: entries)
        return (bench, port)
    }

    @Test func `O03 at most so many consumers run, and further entries wait though they wait too`()
        throws
    {
        let (_, port) = try limited(2)
        let names = ["a", "b", "c", "d"]
        let answers = try names.map { try port.take(.fetch(max: 1, by: $0)).reason }
        #expect(answers == [.entries, .entries, .concurrency, .concurrency])
        #expect(port.counts.running == 2)
        #expect(port.counts.queued == 8)
    }

    @Test func `O03 the end of a batch lets the next one in`() throws {
        let (_, port) = try limited(1)
        let held = try port.take(.fetch(max: 2, by: "a"))
        let waiter = try port.wait(.fetch(wait: 1_000, by: "b"))
        try port.settle(held.lease, ack: [1])
        #expect(waiter.isWaiting)
        try port.settle(held.lease, ack: [2])
        #expect(waiter.answer?.numbers.first == 3)
        #expect(port.counts.running == 1)
    }

    @Test func `G14 no wait says concurrency although entries are queued`() throws {
        let (_, port) = try limited(1)
        _ = try port.take(.fetch(max: 1, by: "busy"))
        let answer = try port.take(.fetch(by: "other"))
        #expect(answer.reason == .concurrency)
        #expect(answer.entries.isEmpty)
        #expect(port.counts.queued == 9)
    }

    @Test func `X11 a batch counts once against the limit however many it took`() throws {
        let (_, port) = try limited(2)
        #expect(try port.take(.fetch(max: 5, by: "a")).entries.count == 5)
        #expect(port.counts.running == 1)
        #expect(try port.take(.fetch(max: 1, by: "b")).reason == .entries)
    }

    @Test func `O08 a consumer that fetches again gives its slot back first`() throws {
        let (_, port) = try limited(1)
        _ = try port.take(.fetch(max: 1, by: "a"))
        let starving = try port.wait(.fetch(wait: 1_000, by: "b"))
        for _ in 0..<5 { #expect(try port.take(.fetch(max: 1, by: "a")).reason == .entries) }
        #expect(starving.isWaiting)
        #expect(port.counts.running == 1)
    }

    @Test func `O09 a consumer that wandered off holds its slot until its lease runs out`() throws {
        let (bench, port) = try limited(1)
        _ = try port.take(.fetch(max: 1, lease: 500, by: "gone"))
        let waiter = try port.wait(.fetch(max: 1, wait: 1_000, by: "b"))
        bench.pass(milliseconds: 499)
        #expect(waiter.isWaiting)
        bench.pass(milliseconds: 1)
        #expect(waiter.answer?.numbers == [1])
    }

    @Test
    func `O10 a consumer that fetches elsewhere frees its slot here, which releases a waiter`()
        throws
    {
        let (bench, port) = try limited(1)
        let elsewhere = try bench.port("q")
        _ = try port.take(.fetch(max: 1, by: "w"))
        let waiter = try port.wait(.fetch(wait: 1_000, by: "v"))
        #expect(try elsewhere.take(.fetch(by: "w")).reason == .timeout)
        #expect(waiter.answer?.reason == .entries)
    }

    @Test func `O11 what a running consumer posts waits for a slot`() throws {
        let (_, port) = try limited(1, 1)
        _ = try port.take(.fetch(by: "poster"))
        let waiter = try port.wait(.fetch(wait: 1_000, by: "other"))
        try port.post("its own")
        #expect(waiter.isWaiting)
        #expect(port.counts.queued == 1)
    }

    @Test func `R1 the next fetch frees the slot, and the new batch takes it`() throws {
        let (_, port) = try limited(1)
        let first = try port.take(.fetch(max: 1, by: "a"))
        let second = try port.take(.fetch(max: 1, by: "a"))
        #expect(port.counts.running == 1)
        // The end of the older lease changes nothing.
        try port.settle(first.lease, ackAll: true)
        #expect(port.counts.running == 1)
        #expect(try port.take(.fetch(by: "b")).reason == .concurrency)
        try port.settle(second.lease, ackAll: true)
        #expect(port.counts.running == 0)
    }

    @Test func `R1 every lease lives on whatever its consumer does`() throws {
        let (_, port) = try limited(1)
        let first = try port.take(.fetch(max: 1, by: "a"))
        _ = try port.take(.fetch(max: 1, by: "a"))
        #expect(port.counts.leased == 2)
        #expect(try port.settle(first.lease, ackAll: true).acked == 1)
    }

    @Test func `R1 a fetch that brings nothing leaves the consumer without a slot`() throws {
        let (_, port) = try limited(1, 1)
        let held = try port.take(.fetch(by: "a"))
        #expect(try port.take(.fetch(by: "a")).reason == .timeout)
        #expect(port.counts.running == 0)
        #expect(port.counts.leased == 1)
        try port.settle(held.lease, ackAll: true)
        #expect(port.counts.running == 0)
    }

    @Test func `R1 a waiting consumer does not run, so its wait is served`() throws {
        let (_, port) = try limited(1, 1)
        _ = try port.take(.fetch(by: "a"))
        let waiter = try port.wait(.fetch(wait: 1_000, by: "a"))
        try port.post("next")
        #expect(waiter.answer?.contexts == ["next"])
        #expect(port.counts.running == 1)
    }

    @Test func `R2 an unnamed fetch can be refused by the slot of its own earlier lease`() throws {
        let (_, port) = try limited(1)
        let held = try port.take(.fetch(max: 1))
        #expect(try port.take(.fetch(max: 1)).reason == .concurrency)
        // Settling inside the fetch comes first.
        let settle = port.settling(held.lease, ackAll: true)
        #expect(try port.take(.fetch(max: 1, settle: settle)).reason == .entries)
    }

    @Test func `R2 each unnamed lease takes a slot until it is settled or runs out`() throws {
        let (bench, port) = try limited(2)
        let first = try port.take(.fetch(max: 1, lease: 1_000))
        _ = try port.take(.fetch(max: 1, lease: 100))
        #expect(port.counts.running == 2)
        bench.pass(milliseconds: 100)
        #expect(port.counts.running == 1)
        try port.settle(first.lease, ackAll: true)
        #expect(port.counts.running == 0)
    }

    @Test func `R3 consuming needs a free slot and keeps none`() throws {
        let (_, port) = try limited(1)
        #expect(try port.take(.fetch(max: 1, mode: .consume, by: "a")).reason == .entries)
        #expect(port.counts.running == 0)
        #expect(try port.take(.fetch(max: 1, mode: .consume, by: "b")).reason == .entries)
        _ = try port.take(.fetch(max: 1, by: "c"))
        #expect(try port.take(.fetch(max: 1, mode: .consume, by: "d")).reason == .concurrency)
        // Its own slot is given back first.
        #expect(try port.take(.fetch(max: 1, mode: .consume, by: "c")).reason == .entries)
        #expect(port.counts.running == 0)
    }

    @Test func `R26 only a batch makes a consumer run`() throws {
        let (bench, port) = try limited(1, 1)
        let held = try port.take(.fetch(by: "a"))
        try port.settle(held.lease, ackAll: true)
        #expect(try port.take(.fetch(by: "b")).reason == .timeout)
        #expect(port.counts.running == 0)
        _ = try port.alert(consumer("c"), Alert())
        #expect(try port.take(.fetch(by: "c", alertable: true)).reason == .alert)
        #expect(port.counts.running == 0)
        let waiter = try port.wait(.fetch(wait: 5, by: "d"))
        bench.pass(milliseconds: 5)
        #expect(waiter.answer?.reason == .timeout)
        #expect(port.counts.running == 0)
    }

    @Test func `R18 moving to another port frees the slot and nothing else`() throws {
        let (bench, port) = try limited(1, 2)
        let other = try bench.port("other")
        let held = try port.take(.fetch(max: 1, by: "w"))
        let waiting = try other.wait(.fetch(wait: 1_000, by: "w"))
        #expect(port.counts.running == 0)
        #expect(port.counts.leased == 1)
        // A fetch on the first port does not end the wait on the other.
        _ = try port.take(.fetch(max: 1, by: "w"))
        #expect(waiting.isWaiting)
        #expect(try port.settle(held.lease, ackAll: true).acked == 1)
    }

    @Test func `R18 a refused fetch frees no slot anywhere`() throws {
        let bench = PortBench(limits: PortLimits(waitingFetches: 1))
        let port = try bench.port("p", PortSettings(concurrencyLimit: 1))
        let other = try bench.port("q")
        try port.post("x")
        _ = try port.take(.fetch(by: "w"))
        _ = try other.wait()
        #expect(throws: PortError.tooManyWaiters(limit: 1)) {
            try other.wait(.fetch(wait: 1_000, by: "w"))
        }
        #expect(port.counts.running == 1)
        _ = try bench.directory.close(other.name, force: true)
        #expect(throws: PortError.closed) { try other.take(.fetch(by: "w")) }
        #expect(port.counts.running == 1)
    }

    @Test func `R5 R18 a repeat moves no slot on another port either`() throws {
        let (bench, port) = try limited(1)
        let other = try bench.port("q", PortSettings(concurrencyLimit: 1))
        try other.post("y")
        _ = try port.take(.fetch(max: 1, by: "w", id: "f"))
        _ = try other.take(.fetch(by: "w"))
        #expect(port.counts.running == 0 && other.counts.running == 1)
        #expect(try port.take(.fetch(by: "w", id: "f")).reason == .entries)
        #expect(port.counts.running == 0 && other.counts.running == 1)
    }

    @Test func `R18 a consumer whose batch is done frees nothing on its old port`() throws {
        let (bench, port) = try limited(1)
        let other = try bench.port("q")
        let held = try port.take(.fetch(max: 1, by: "w"))
        try port.settle(held.lease, ackAll: true)
        _ = try port.take(.fetch(max: 1, by: "v"))
        _ = try other.take(.fetch(by: "w"))
        #expect(port.counts.running == 1)
    }

    @Test func `without a limit everybody runs`() throws {
        let (_, port) = try limited(nil, 50)
        for index in 0..<50 {
            #expect(try port.take(.fetch(max: 1, by: "w\(index)")).reason == .entries)
        }
        #expect(port.counts.running == 50)
    }
}
