import DeviceSessions
import EngineBase
import PortEngine
import TestKit
import Testing

@Suite struct SubmitTests {
    @Test func `operations are accepted in order, numbered, and the worker is told once`() throws {
        let bench = try DirectoryBench()
        let handle = try #require(bench.add())
        let first = try handle.submit(.write("a"), .read(), at: bench.now)
        let second = try handle.submit(.read(), at: bench.now)
        #expect((first + second).map(\.number) == [1, 2, 3])
        #expect(first[0].text == OperationID(session: handle.id, number: 1).text)
        #expect(bench.worker.attended == [handle.id])
        #expect(handle.takeOperations().map(\.number) == [1, 2, 3])
        #expect(bench.port.counts.reserved == 3)
        #expect(handle.pendingOperations == 3)
        #expect(handle.newestOperation == 3)
        _ = try handle.submit(.read(), at: bench.now)
        #expect(bench.worker.attended == [handle.id, handle.id], "told anew after it looked")
    }

    @Test func `a deadline counts from acceptance`() throws {
        let bench = try DirectoryBench()
        let handle = try #require(bench.add())
        _ = try handle.submit(
            [
                OperationRequest(kind: .read(), timeoutMilliseconds: 50),
                OperationRequest(kind: .read()),
            ],
            at: bench.now)
        let operations = handle.takeOperations()
        #expect(operations[0].deadline == bench.now.advanced(milliseconds: 50))
        #expect(operations[1].deadline == nil)
    }

    @Test func `places are reserved by what an operation needs`() throws {
        let bench = try DirectoryBench()
        let handle = try #require(bench.add(operations: ["accept", "write"]))
        _ = try handle.submit([OperationRequest(kind: .accept)], at: bench.now)
        #expect(bench.port.counts.reserved == 2, "its entry, and the end of what it brings")
        _ = try handle.submit([OperationRequest(kind: .write("a"), delivery: .none)], at: bench.now)
        #expect(bench.port.counts.reserved == 2)
        #expect(handle.pendingOperations == 2)
    }

    @Test func `all of a batch or none`() throws {
        let bench = try DirectoryBench(capacity: 3)
        let handle = try #require(bench.add())
        _ = try handle.submit(.read(), .read(), at: bench.now)
        #expect(throws: SubmitError.port(.full(limit: 3, current: 2))) {
            _ = try handle.submit(.read(), .read(), at: bench.now)
        }
        #expect(bench.port.counts.reserved == 2)
        #expect(handle.newestOperation == 2)
        #expect(handle.takeOperations().count == 2)
        #expect(throws: SubmitError.port(.neverFits(limit: 3, requested: 4))) {
            _ = try handle.submit(.read(), .read(), .read(), .read(), at: bench.now)
        }
        _ = try handle.submit(.read(), at: bench.now)
        #expect(handle.newestOperation == 3)
    }

    @Test func `no more may be pending than max_pending`() throws {
        let bench = try DirectoryBench()
        let handle = try #require(bench.add(maxPending: 3))
        _ = try handle.submit(.read(), .read(), at: bench.now)
        #expect(throws: SubmitError.tooManyPending(limit: 3, current: 2)) {
            _ = try handle.submit(.read(), .read(), at: bench.now)
        }
        #expect(bench.port.counts.reserved == 2, "a refusal takes no room")
        let operations = handle.takeOperations()
        handle.publish(.open, ended: [operations[0]])
        _ = try handle.submit(.read(), .read(), at: bench.now)
        #expect(handle.pendingOperations == 3)
    }

    @Test func `no more bytes may be pending than max_pending_bytes`() throws {
        let bench = try DirectoryBench()
        let handle = try #require(bench.add(maxPendingBytes: 10))
        _ = try handle.submit(.write("1234567"), at: bench.now)
        #expect(throws: SubmitError.tooManyPendingBytes(limit: 10, current: 7)) {
            _ = try handle.submit(.write("12"), .ask("12"), at: bench.now)
        }
        _ = try handle.submit(.write("123"), .write(""), .read(), at: bench.now)
        #expect(throws: SubmitError.tooManyPendingBytes(limit: 10, current: 10)) {
            _ = try handle.submit(.write("1"), at: bench.now)
        }
        let operations = handle.takeOperations()
        handle.publish(.open, ended: [operations[0]])
        _ = try handle.submit(.write("1234567"), at: bench.now)
    }

    @Test func `nothing that reads is accepted behind a standing read`() throws {
        let bench = try DirectoryBench()
        let handle = try #require(bench.add())
        #expect(throws: SubmitError.standingReadActive) {
            _ = try handle.submit(.standing(), .read(), at: bench.now)
        }
        _ = try handle.submit(.read(), .standing(), .ask("q\n"), .write("a"), at: bench.now)
        let operations = handle.takeOperations()
        #expect(throws: SubmitError.standingReadActive) {
            _ = try handle.submit(.read(), at: bench.now)
        }
        #expect(throws: SubmitError.standingReadActive) {
            _ = try handle.submit(.standing(), at: bench.now)
        }
        handle.publish(.open, ended: [operations[0]])
        #expect(throws: SubmitError.standingReadActive) {
            _ = try handle.submit(.read(), at: bench.now)
        }
        handle.publish(.open, ended: [operations[1]])
        _ = try handle.submit(.read(), at: bench.now)
    }

    @Test func `T12 after a shutdown nothing that writes is accepted`() throws {
        let bench = try DirectoryBench()
        let handle = try #require(bench.add())
        try handle.shutdownOutput()
        try handle.shutdownOutput()
        for kind in [OperationKind.write("a"), .write(""), .ask("q\n")] {
            #expect(throws: SubmitError.outputShut) {
                _ = try handle.submit(.read(), kind, at: bench.now)
            }
        }
        _ = try handle.submit(.read(), at: bench.now)
    }

    @Test(arguments: [SessionPhase.closing, .closed, .failed])
    func `only opening and open sessions accept`(_ phase: SessionPhase) throws {
        let bench = try DirectoryBench()
        let handle = try #require(bench.add(phase: phase))
        #expect(throws: SubmitError.notOpen(phase)) {
            _ = try handle.submit(.read(), at: bench.now)
        }
        #expect(throws: SubmitError.notOpen(phase)) { try handle.shutdownOutput() }
        #expect(bench.port.counts.reserved == 0)
    }

    @Test func `while opening operations are accepted`() throws {
        let bench = try DirectoryBench()
        let handle = try #require(bench.add(phase: .opening))
        _ = try handle.submit(.read(), at: bench.now)
        #expect(handle.takeOperations().count == 1)
    }

    @Test func `a close refuses from that moment on, opening or open`() throws {
        let bench = try DirectoryBench()
        for phase in [SessionPhase.open, .opening] {
            let handle = try #require(bench.add(phase: phase))
            handle.close(.deleted, force: false)
            #expect(throws: SubmitError.notOpen(.closing)) {
                _ = try handle.submit(.read(), at: bench.now)
            }
            #expect(throws: SubmitError.notOpen(.closing)) { try handle.shutdownOutput() }
            #expect(handle.snapshot.phase == .closing)
        }
        #expect(bench.port.counts.reserved == 0)
    }

    @Test func `an operation that the transport does not have is refused`() throws {
        let bench = try DirectoryBench()
        let handle = try #require(bench.add(operations: ["accept"]))
        #expect(throws: SubmitError.unsupported(operation: "read", transport: "tcp")) {
            _ = try handle.submit(.read(), at: bench.now)
        }
    }

    @Test func `the state of the session is told before what it cannot do, and room comes last`()
        throws
    {
        let bench = try DirectoryBench(capacity: 1)
        let handle = try #require(bench.add(maxPending: 1))
        try handle.shutdownOutput()
        #expect(throws: SubmitError.outputShut, "before too many pending, before no room") {
            _ = try handle.submit(.read(), .write("a"), at: bench.now)
        }
        #expect(throws: SubmitError.unsupported(operation: "accept", transport: "tcp")) {
            _ = try handle.submit(.read(), .accept, at: bench.now)
        }
        handle.close(.deleted, force: false)
        #expect(throws: SubmitError.notOpen(.closing)) {
            _ = try handle.submit(.accept, at: bench.now)
        }
    }

    @Test func `a closed port refuses`() throws {
        let bench = try DirectoryBench()
        let handle = try #require(bench.add())
        _ = try bench.ports.directory.close(bench.port.name, force: true)
        #expect(throws: SubmitError.port(.closed)) {
            _ = try handle.submit(.read(), at: bench.now)
        }
    }

    @Test func `messages reach the worker in the order in which they were sent`() throws {
        let bench = try DirectoryBench()
        let handle = try #require(bench.add())
        _ = try handle.submit(.read(), at: bench.now)
        handle.send(.cancel(nil) { _ in })
        try handle.shutdownOutput()
        handle.roomMayHaveCome()
        handle.close(.deleted, force: false)
        let names = handle.takeMessages().map { message in
            switch message {
            case .operations: "operations"
            case .cancel: "cancel"
            case .describe: "describe"
            case .credit: "credit"
            case .shutdownOutput: "shutdown"
            case .close: "close"
            case .roomMayHaveCome: "room"
            case .lockGranted: "lock"
            }
        }
        #expect(names == ["operations", "cancel", "shutdown", "room", "close"])
        #expect(bench.worker.attended.count == 1)
        #expect(handle.takeMessages().isEmpty)
    }

    @Test func `at the end operations are refused and those on their way are given back`() throws {
        let bench = try DirectoryBench()
        let handle = try #require(bench.add())
        _ = try handle.submit(.read(), .write("a"), at: bench.now)
        handle.send(.describe { _ in })
        _ = try handle.submit(.read(), at: bench.now)
        #expect(handle.refuseOperations().map(\.number) == [1, 2, 3])
        #expect(throws: SubmitError.self) { _ = try handle.submit(.read(), at: bench.now) }
        #expect(handle.refuseOperations().isEmpty)
        #expect(handle.takeMessages().count == 1, "the question stays")
    }

    @Test func `a session without an output has none to shut`() throws {
        let bench = try DirectoryBench()
        let handle = try #require(bench.add(operations: ["accept"]))
        #expect(throws: SubmitError.unsupported(operation: "shutdown", transport: "tcp")) {
            try handle.shutdownOutput()
        }
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `what a close refuses while others submit takes no room`(_ seed: UInt64) async throws {
        let bench = try DirectoryBench(capacity: 100_000)
        let handle = try #require(bench.add(maxPending: 100_000))
        let now = bench.now
        let accepted = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<2 {
                group.addTask {
                    var count = 0
                    for _ in 0..<2_000 {
                        do throws(SubmitError) {
                            count += try handle.submit(.read(), .read(), at: now).count
                        } catch {
                            break
                        }
                    }
                    return count
                }
            }
            group.addTask {
                for _ in 0..<seed * 10 { _ = handle.snapshot }
                handle.close(.deleted, force: false)
                return 0
            }
            return await group.reduce(0, +)
        }
        #expect(bench.port.counts.reserved == accepted, "seed \(seed)")
        let operations = handle.takeOperations()
        #expect(operations.map(\.number) == Array(1..<UInt64(accepted + 1)), "seed \(seed)")
    }
}
