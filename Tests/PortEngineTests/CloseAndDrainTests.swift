import EngineBase
import PortEngine
import TestKit
import Testing

@Suite struct CloseAndDrainTests {
    private let bench = PortBench()
    private let port: CompletionPort

    init() throws { port = try bench.port() }

    private func close(force: Bool = true) throws -> Int {
        try bench.directory.close(port.name, force: force).discarded
    }

    @Test func `Z01 closing the port wakes all who wait`() throws {
        let waiters = [
            try port.wait(.fetch(max: 1, wait: 1_000)),
            try port.wait(.fetch(max: 64, wait: 1_000, mode: .consume)),
            try port.wait(.fetch(wait: 1_000, by: "w", alertable: true)),
        ]
        _ = try close(force: false)
        #expect(waiters.map { $0.answer?.reason } == [.closed, .closed, .closed])
    }

    @Test func `Z02 a closed port refuses all that comes later`() throws {
        try port.post("x")
        let held = try port.take(arrives: false)
        let worker = try consumer("w")
        _ = try close()
        #expect(throws: PortError.closed) { try port.take() }
        #expect(throws: PortError.closed) { try port.post("y") }
        #expect(throws: PortError.closed) { try port.reserve(1) }
        #expect(throws: PortError.closed) { try port.settle(held.lease, ackAll: true) }
        #expect(throws: PortError.closed) { try port.park(worker) }
        #expect(throws: PortError.closed) { try port.unpark(worker) }
        #expect(throws: PortError.closed) { try port.alert(worker, Alert()) }
        #expect(throws: PortError.closed) { try port.peek(after: 0, limit: 1) }
        #expect(throws: PortError.closed) { try port.peekDeadLetters(after: 0, limit: 1) }
        #expect(throws: PortError.closed) { try port.redrive(.all) }
        #expect(throws: PortError.closed) { try port.discard(.all) }
        #expect(throws: PortDirectoryError.closed) { try close() }
    }

    @Test func `Z04 what operations of a closed port give goes nowhere`() throws {
        try port.reserve(2)
        #expect(try close() == 2)
        port.complete([CompletionEntry(kind: .read)])
        port.release(1)
        #expect(port.counts.occupied == 0)
        #expect(port.counts.completedTotal == 0)
    }

    @Test func `Z05 entries that are queued survive the end of their session, with its key`() throws
    {
        port.sessionOpened()
        try port.reserve(2)
        port.complete([CompletionEntry(kind: .read, key: "meter", data: [1])])
        port.complete([CompletionEntry(kind: .sessionClosed, status: .cancelled, key: "meter")])
        port.sessionClosed()
        #expect(port.counts.sessions == 0)
        let answer = try port.take()
        #expect(answer.entries.map(\.entry.key) == ["meter", "meter"])
        #expect(answer.entries.map(\.entry.kind) == [.read, .sessionClosed])
    }

    @Test func `Z06 what is queued dies with the port, and is counted`() throws {
        try port.post(count: 5)
        #expect(try close() == 5)
        #expect(port.counts.entries == 0 && port.counts.bytes == 0)
    }

    @Test func `R23 without force a port with any entry or promised place stays`() throws {
        try port.post("x")
        #expect(throws: PortDirectoryError.notEmpty(entries: 1, reserved: 0)) {
            try close(force: false)
        }
        let leased = try port.take(.fetch(max: 1))
        #expect(throws: PortDirectoryError.notEmpty(entries: 1, reserved: 0)) {
            try close(force: false)
        }
        try port.settle(leased.lease, nack: [1], delay: 50)
        #expect(throws: PortDirectoryError.notEmpty(entries: 1, reserved: 0)) {
            try close(force: false)
        }
        bench.pass(milliseconds: 50)
        let leaving = try port.take(.fetch(mode: .consume), arrives: false)
        try port.reserve(3)
        #expect(throws: PortDirectoryError.notEmpty(entries: 1, reserved: 3)) {
            try close(force: false)
        }
        port.confirm(try #require(leaving.handover))
        #expect(throws: PortDirectoryError.notEmpty(entries: 0, reserved: 3)) {
            try close(force: false)
        }
        port.release(3)
        // Waiters, alerts and running consumers do not matter.
        _ = try port.wait()
        _ = try port.alert(consumer("w"), Alert())
        #expect(try close(force: false) == 0)
    }

    @Test func `R23 discarded counts entries wherever they are, and promised places`() throws {
        let port = try bench.port("q", PortSettings(maxDeliveries: 1))
        try port.post(count: 5)
        let dead = try port.take(.fetch(max: 1))
        try port.settle(dead.lease, nack: [1])
        _ = try port.take(.fetch(max: 1))
        _ = try port.take(.fetch(max: 1, mode: .consume), arrives: false)
        try port.reserve(2)
        #expect(try bench.directory.close(port.name, force: true).discarded == 7)
    }

    @Test func `a reply whose fate comes after the close changes nothing`() throws {
        try port.post(count: 2)
        let consumed = try port.take(.fetch(max: 1, mode: .consume), arrives: false)
        let leased = try port.take(arrives: false)
        _ = try close()
        port.confirm(try #require(consumed.handover))
        port.putBack(try #require(leased.handover))
        #expect(port.counts.entries == 0)
        #expect(port.counts.ackedTotal == 0)
        #expect(bench.directory.portsHoldingEntries == 0)
    }

    @Test func `a lease of a closed port runs out without effect`() throws {
        try port.post("x")
        _ = try port.take(.fetch(lease: 10))
        _ = try port.wait(.fetch(wait: 20))
        _ = try close()
        bench.pass(milliseconds: 100)
        #expect(port.counts == PortCounts())
    }

    // MARK: - Draining

    @Test func `R19 draining tells all who wait at once`() throws {
        let waiters = try (0..<3).map { _ in try port.wait() }
        bench.directory.startDraining()
        #expect(waiters.map { $0.answer?.reason } == [.draining, .draining, .draining])
        #expect(port.counts.waiting == 0)
    }

    @Test func `R19 while draining a fetch takes what is there and never waits`() throws {
        try port.post("x")
        bench.directory.startDraining()
        #expect(try port.take(.fetch(wait: 1_000)).contexts == ["x"])
        #expect(try port.take(.fetch(wait: 1_000)).reason == .draining)
        #expect(try port.take(.fetch(wait: 0)).reason == .draining)
    }

    @Test func `R19 what cancelled operations give during the drain can be fetched`() throws {
        try port.reserve(1)
        bench.directory.startDraining()
        port.complete([CompletionEntry(kind: .read, status: .cancelled)])
        let answer = try port.take(.fetch(wait: 1_000))
        #expect(answer.entries.map(\.entry.status) == [.cancelled])
        #expect(bench.directory.portsHoldingEntries == 1)
        #expect(try port.settle(answer.lease, ackAll: true).acked == 1)
        #expect(bench.directory.portsHoldingEntries == 0)
    }

    @Test func `R19 settle, extend and peek work as ever while draining`() throws {
        try port.post("x", "y")
        let held = try port.take()
        bench.directory.startDraining()
        #expect(try port.settle(held.lease, nack: [1], extend: 10).leaseExpiresAt != nil)
        #expect(try port.peek(after: 0, limit: 9).entries.count == 2)
        bench.pass(milliseconds: 10)
        #expect(port.counts.queued == 2)
    }

    @Test func `R25 alerts come before draining`() throws {
        _ = try port.alert(consumer("w"), Alert(context: "up"))
        bench.directory.startDraining()
        #expect(try port.take(.fetch(wait: 9, by: "w", alertable: true)).reason == .alert)
        #expect(try port.take(.fetch(wait: 9, by: "w", alertable: true)).reason == .draining)
    }

    @Test func `R19 the settled of a fetch that draining ends is in its answer`() throws {
        try port.post("x")
        let held = try port.take()
        let settle = port.settling(held.lease, ackAll: true)
        let waiter = try port.wait(.fetch(wait: 1_000, settle: settle))
        bench.directory.startDraining()
        #expect(waiter.answer?.settled?.acked == 1)
    }
}
