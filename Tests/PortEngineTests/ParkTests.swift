import EngineBase
import TestKit
import Testing

@testable import PortEngine

@Suite struct ParkTests {
    private let worker: ConsumerName
    private let bench = PortBench()
    private let port: CompletionPort

    init() throws {
        worker = try consumer("w")
        port = try bench.port("p", PortSettings(concurrencyLimit: 1))
        try port.post(count: 4)
    }

    private func standing(_ isRunning: Bool, _ isParked: Bool) -> ConsumerStanding {
        ConsumerStanding(isRunning: isRunning, isParked: isParked)
    }

    @Test func `O04 a running consumer that is blocked elsewhere gives its slot to another`() throws
    {
        _ = try port.take(.fetch(max: 1, by: "w"))
        let waiter = try port.wait(.fetch(max: 1, wait: 1_000, by: "v"))
        #expect(try port.park(worker) == standing(false, true))
        #expect(waiter.answer?.numbers == [2])
        #expect(port.counts.running == 1)
    }

    @Test func `O07 who goes on may pass the limit, and nobody new is let in until it falls`()
        throws
    {
        let held = try port.take(.fetch(max: 1, by: "w"))
        _ = try port.park(worker)
        let other = try port.take(.fetch(max: 1, by: "v"))
        #expect(try port.unpark(worker) == standing(true, false))
        #expect(port.counts.running == 2)
        #expect(try port.take(.fetch(by: "u")).reason == .concurrency)
        try port.settle(other.lease, ackAll: true)
        #expect(try port.take(.fetch(by: "u")).reason == .concurrency)
        try port.settle(held.lease, ackAll: true)
        #expect(try port.take(.fetch(by: "u")).reason == .entries)
    }

    @Test func `R16 parking a consumer that does not run changes nothing`() throws {
        #expect(try port.park(worker) == standing(false, false))
        #expect(try port.unpark(worker) == standing(false, false))
        _ = try port.take(.fetch(max: 1, by: "w"))
        #expect(try port.unpark(worker) == standing(true, false))
        _ = try port.park(worker)
        #expect(try port.park(worker) == standing(false, true))
        #expect(port.counts.running == 0)
    }

    @Test func `R16 the end of its batch ends the parking`() throws {
        let held = try port.take(.fetch(max: 1, by: "w"))
        _ = try port.park(worker)
        try port.settle(held.lease, ackAll: true)
        #expect(try port.unpark(worker) == standing(false, false))
        #expect(port.counts.running == 0)
    }

    @Test func `R16 the expiry of its batch ends the parking`() throws {
        _ = try port.take(.fetch(max: 1, lease: 10, by: "w"))
        _ = try port.park(worker)
        bench.pass(milliseconds: 10)
        #expect(try port.unpark(worker) == standing(false, false))
    }

    @Test func `R16 part of its batch settled does not end the parking`() throws {
        let held = try port.take(.fetch(max: 2, by: "w"))
        _ = try port.park(worker)
        try port.settle(held.lease, ack: [1])
        #expect(try port.unpark(worker) == standing(true, false))
    }

    @Test func `R16 a fetch ends the parking`() throws {
        _ = try port.take(.fetch(max: 4, by: "w"))
        _ = try port.park(worker)
        #expect(try port.take(.fetch(by: "w")).reason == .timeout)
        #expect(try port.unpark(worker) == standing(false, false))
    }

    @Test func `R16 unparking goes back to the batch of the parking, not to an older one`() throws {
        let older = try port.take(.fetch(max: 1, by: "w"))
        let newer = try port.take(.fetch(max: 1, by: "w"))
        _ = try port.park(worker)
        try port.settle(older.lease, ackAll: true)
        #expect(try port.unpark(worker) == standing(true, false))
        try port.settle(newer.lease, ackAll: true)
        #expect(port.counts.running == 0)
    }
}
