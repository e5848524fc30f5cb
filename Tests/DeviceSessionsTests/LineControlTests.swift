import EngineBase
import PortEngine
import Testing

@testable import DeviceSessions

/// Controls of serial lines: their place in the write lane, breaks, purges.
@Suite struct LineControlTests {
    private func turn(_ control: LineControl) -> OperationKind { .control(.line(control)) }

    private func purge(
        _ rxAbort: Bool = false, _ txAbort: Bool = false, rxClear: Bool = false,
        txClear: Bool = false
    ) -> OperationKind {
        turn(
            .purge(
                LinePurge(
                    abortsReads: rxAbort, abortsWrites: txAbort, clearsInput: rxClear,
                    clearsOutput: txClear)))
    }

    // MARK: - In the write lane

    @Test func `a change of the line waits for the write before it, and that to be out`() {
        let bench = SessionBench.line()
        bench.submit(.write("ab"), turn(.set(LineChange(baud: 9_600))), .write("cd"))
        #expect(bench.stepNames == ["receive", "send"])
        bench.takes()
        bench.answer("unsent", .control(.number(2)))
        #expect(bench.stepNames == ["receive"])
        bench.pass(10)
        bench.answer("unsent", .control(.number(0)))
        #expect(bench.stepNames == ["receive", "change"])
        bench.answer("change", .control(.line(LineSettings(baud: 9_600))))
        #expect(bench.lastEntries[2]?.details?.extras?.line?.baud == 9_600)
        bench.takes()
        #expect(bench.told() == ["write#1 ok 2", "control#2 ok 0", "write#3 ok 2"])
    }

    @Test func `a setting that the line refuses fails, and the line goes on`() {
        let bench = SessionBench.line()
        bench.submit(turn(.set(LineChange(baud: 1))), .write("a"))
        bench.answer("unsent", .control(.number(0)))
        bench.answer("change", .failed(.invalidArgument))
        bench.takes()
        #expect(
            bench.told() == ["control#1 failed(invalid_line_settings) 0", "write#2 ok 1"])
    }

    @Test func `a drain waits without holding a thread, and can be cancelled`() {
        let bench = SessionBench.line()
        bench.submit([turn(.drain)], timeout: 100)
        bench.answer("unsent", .control(.number(7)))
        bench.pass(10)
        bench.answer("unsent", .control(.number(7)))
        bench.cancel(1)
        #expect(bench.told() == ["control#1 cancelled(operation_aborted) 0"])
        bench.pass(100)
        #expect(bench.stepNames == ["receive"])
        bench.submit([turn(.drain)], timeout: 100)
        bench.answer("unsent", .control(.number(7)))
        bench.pass(15)
        bench.answer("unsent", .control(.number(0)))
        bench.answer("drain", .done)
        #expect(bench.told() == ["control#2 ok 0"])
    }

    @Test func `a break lasts its time, and the next write follows it`() {
        let bench = SessionBench.line()
        bench.submit(turn(.sendBreak(milliseconds: 50)), .write("a"))
        bench.answer("unsent", .control(.number(0)))
        bench.answer("start break", .done)
        bench.pass(49)
        #expect(bench.stepNames == ["receive"])
        bench.pass(1)
        bench.answer("end break", .done)
        bench.takes()
        #expect(bench.told() == ["control#1 ok 0", "write#2 ok 1"])
    }

    @Test func `a break that is cancelled or closed is ended`() {
        let bench = SessionBench.line()
        bench.submit(turn(.sendBreak(milliseconds: 5_000)))
        bench.answer("unsent", .control(.number(0)))
        bench.answer("start break", .done)
        bench.cancel(1)
        #expect(bench.told() == [])
        bench.answer("end break", .done)
        #expect(bench.told() == ["control#1 cancelled(operation_aborted) 0"])

        bench.submit(turn(.sendBreak(milliseconds: 5_000)))
        bench.answer("unsent", .control(.number(0)))
        bench.answer("start break", .done)
        bench.close(force: true)
        bench.answer("end break", .done)
        bench.settle()
        #expect(
            bench.told() == ["control#2 cancelled(operation_aborted) 0", "session_closed ok"])
    }

    @Test func `what a cancelled break had waited for does not touch the next one`() {
        let bench = SessionBench.line()
        bench.submit(turn(.sendBreak(milliseconds: 100)))
        bench.answer("unsent", .control(.number(0)))
        bench.answer("start break", .done)
        bench.cancel(1)
        bench.answer("end break", .done)
        bench.pass(50)
        bench.submit(turn(.sendBreak(milliseconds: 100)))
        bench.answer("unsent", .control(.number(0)))
        bench.answer("start break", .done)
        bench.pass(99)
        #expect(bench.stepNames == ["receive"])
        bench.pass(1)
        #expect(bench.stepNames == ["receive", "end break"])
    }

    @Test func `a break that was beginning when it was cancelled is ended too`() {
        let bench = SessionBench.line()
        bench.submit(turn(.sendBreak(milliseconds: 5_000)))
        bench.answer("unsent", .control(.number(0)))
        bench.cancel(1)
        bench.answer("start break", .done)
        bench.answer("end break", .done)
        #expect(bench.told() == ["control#1 cancelled(operation_aborted) 0"])
    }

    @Test func `a close while a change runs tells its true result`() {
        let bench = SessionBench.line()
        bench.submit(turn(.set(LineChange(baud: 300))), turn(.drain))
        bench.answer("unsent", .control(.number(0)))
        bench.close(force: true)
        bench.answer("change", .control(.line(LineSettings(baud: 300))))
        bench.settle()
        #expect(
            bench.told() == [
                "control#1 ok 0", "control#2 cancelled(operation_aborted) 0",
                "session_closed ok",
            ])
    }

    @Test func `half a write does not take controls behind it with it`() {
        let bench = SessionBench.line()
        bench.submit(.write("abcd"), .write("ef"), turn(.drain))
        bench.takes(2)
        bench.cancel(1)
        bench.answer("send", .failed(.cancelled))
        #expect(
            bench.told() == [
                "write#1 cancelled(operation_aborted) 2", "write#2 failed(write_torn) 0",
            ])
        bench.answer("unsent", .control(.number(0)))
        bench.answer("drain", .done)
        #expect(bench.told() == ["control#3 ok 0"])
    }

    @Test func `signals of the line are told, and a line without them says so`() {
        let bench = SessionBench.line()
        let look = OperationKind.control(.kernel(.terminal(.sample), takesTurn: false))
        bench.submit(look)
        bench.answer(
            "sample", .control(.sample(LineSample(signals: [.cts, .ring], counts: nil))))
        bench.submit(look)
        bench.answer("sample", .control(.sample(LineSample(signals: nil, counts: nil))))
        #expect(
            bench.told() == ["control#1 ok 0 [cts ring]", "control#2 failed(not_supported) 0"])
    }

    // MARK: - Purge

    @Test func `S11 a purge ends nothing that was accepted behind it`() {
        let bench = SessionBench.line()
        bench.submit(purge(true, true), .exactly(6), .write("abc"))
        #expect(bench.told() == ["control#1 ok 0"])
        bench.takes()
        bench.arrives("123456")
        #expect(bench.told() == ["write#3 ok 3", "read#2 ok 6 '123456'"])
    }

    @Test func `S11 rx_abort ends reads, tx_abort ends writes, and the purge comes behind them`() {
        let bench = SessionBench.line()
        bench.submit(.exactly(9), .standing(), .write("abcd"), .write("e"), turn(.drain))
        bench.arrives("xy")
        bench.submit(purge(true))
        #expect(
            bench.told() == [
                "read#2 cancelled(operation_aborted) 0 last",
                "read#1 cancelled(operation_aborted) 0", "control#6 ok 0",
            ])
        bench.submit(purge(false, true))
        #expect(bench.told() == ["write#4 cancelled(operation_aborted) 0"])
        bench.answer("send", .failed(.cancelled))
        #expect(
            bench.told() == ["write#3 cancelled(operation_aborted) 0", "control#7 ok 0"])
        #expect(bench.pending == ["control#5 running"])
        // The bytes stayed.
        bench.submit(.read())
        #expect(bench.told() == ["read#8 ok 2 'xy'"])
    }

    @Test func `half a write that is aborted is told as what it is`() {
        let bench = SessionBench.line()
        bench.submit(.write("abcd"), .write("e"))
        bench.takes(3)
        bench.submit(purge(false, true, txClear: true))
        bench.answer("send", .failed(.cancelled))
        #expect(
            bench.told() == [
                "write#2 cancelled(operation_aborted) 0",
                "write#1 cancelled(operation_aborted) 3",
            ])
        bench.answer("purge output", .done)
        #expect(bench.told() == ["control#3 ok 0"])
    }

    @Test func `rx_clear throws away what had arrived, and counts it`() {
        let bench = SessionBench.line()
        bench.submit(.exactly(9))
        bench.arrives("abc")
        bench.submit(purge(rxClear: true))
        bench.answer("purge input", .done)
        #expect(bench.told() == ["control#2 ok 0 discarded 3"])
        bench.arrives("123456789")
        #expect(bench.told() == ["read#1 ok 9 '123456789'"])
    }

    @Test func `an answer is aborted with the reads, a request with the writes`() {
        let bench = SessionBench.line()
        bench.submit(.ask("a"))
        bench.submit(purge(true))
        #expect(bench.told() == ["control#2 ok 0"])
        bench.takes()
        bench.submit(purge(false, true))
        #expect(bench.told() == ["control#3 ok 0"])
        bench.submit(purge(true))
        #expect(
            bench.told() == [
                "transact#1 cancelled(operation_aborted) 0 sent 1", "control#4 ok 0",
            ])
    }

    // MARK: - Acceptance

    @Test func `S06 and S08 a wait is judged by the masks accepted before it`() throws {
        let bench = try DirectoryBench()
        let handle = try #require(bench.add(abilities: .line))
        func submit(_ kinds: OperationKind...) throws(SubmitError) {
            _ = try handle.submit(kinds.map { OperationRequest(kind: $0) }, at: bench.now)
        }
        let noMask = SubmitError.unsupportedMember(
            operation: "wait_event", member: "mask",
            why: "the session has no mask, so the wait must give one")
        #expect(throws: noMask) { try submit(.waitEvent(nil)) }
        try submit(turn(.setMask([.rxChar])))
        try submit(.waitEvent(nil))
        #expect(throws: SubmitError.waitPending) { try submit(.waitEvent([.txEmpty])) }
        // A new mask will end the wait, so the next one may come with it.
        try submit(turn(.setMask([.txEmpty])), .waitEvent(nil))
        #expect(throws: SubmitError.waitPending) { try submit(.waitEvent(nil)) }
        let waits = handle.takeOperations().filter { $0.kind.name == "wait_event" }
        handle.publish(.open, ended: [waits[0]])
        #expect(throws: SubmitError.waitPending) { try submit(.waitEvent(nil)) }
        handle.publish(.open, ended: [waits[1]])
        try submit(.waitEvent(nil))
    }

    @Test func `a wait for what the line cannot report is refused once that is known`() throws {
        let bench = try DirectoryBench()
        let handle = try #require(bench.add(abilities: .line))
        var snapshot = SessionSnapshot()
        snapshot.phase = .open
        snapshot.reportableEvents = .always
        handle.publish(snapshot, ended: EndedOperations())
        #expect(throws: SubmitError.self) {
            _ = try handle.submit(.waitEvent([.rxChar, .cts]), at: bench.now)
        }
        // Any mask may be set, and is in the way of a wait without its own.
        _ = try handle.submit(turn(.setMask([.cts])), at: bench.now)
        #expect(throws: SubmitError.self) {
            _ = try handle.submit(.waitEvent(nil), at: bench.now)
        }
        _ = try handle.submit(.waitEvent([.rxChar]), at: bench.now)
    }
}
