import EngineBase
import PortEngine
import Testing

@testable import DeviceSessions

/// Serial lines: reading ahead, hang-ups, and waiting for events.
@Suite struct LineTests {
    private func sample(_ signals: LineEvents) -> StepResult {
        .control(.sample(LineSample(signals: signals, counts: nil)))
    }

    private let modem: LineEvents = [.always, .signals]

    // MARK: - Reading ahead

    @Test func `a line is read with nobody asking, up to its limit`() {
        let bench = SessionBench.line()
        #expect(bench.stepNames == ["receive"])
        bench.arrives("abc")
        #expect(bench.stepNames == ["receive"])
        bench.answer("receive", .received([UInt8](repeating: 120, count: 65_533)))
        #expect(bench.stepNames == [])
        bench.submit(.read(3))
        #expect(bench.told() == ["read#1 ok 3 'abc'"])
        guard case .receive(_, limit: 3)? = bench.steps.first?.step else {
            Issue.record("\(bench.steps)")
            return
        }
    }

    @Test func `a read that needs more than is read ahead gets it`() {
        let bench = SessionBench.line()
        bench.submit(.exactly(65_537))
        bench.answer("receive", .received([UInt8](repeating: 120, count: 65_536)))
        bench.arrives("x")
        #expect(bench.lastEntries[1]?.bytes == 65_537)
    }

    // MARK: - Hang-up

    @Test(arguments: [StepResult.received([]), .failed(.inputOutput)])
    func `a hang-up is the end of the stream behind what had come`(end: StepResult) {
        let bench = SessionBench.line()
        bench.arrives("abc")
        bench.answer("receive", end)
        bench.submit(.read(), .read(), .write("x"))
        #expect(
            bench.told() == [
                "read#1 ok 3 'abc'", "read#2 end_of_stream 0", "write#3 failed(broken_pipe) 0",
            ])
        #expect(bench.session.view.input == "end_of_stream")
    }

    @Test func `a write that meets the hang-up first does not spoil the input's end`() {
        let bench = SessionBench.line()
        bench.submit(.write("x"), .read())
        bench.answer("send", .failed(.inputOutput))
        bench.ends()
        #expect(bench.told() == ["write#1 failed(broken_pipe) 0", "read#2 end_of_stream 0"])
    }

    @Test func `a hang-up behind a full buffer is found by reading on`() {
        let bench = SessionBench.line()
        bench.answer("receive", .received([UInt8](repeating: 120, count: 65_536)))
        #expect(bench.stepNames == [])
        bench.hangsUp()
        bench.arrives("yz")
        bench.ends()
        #expect(bench.session.view.input == "end_of_stream")
        bench.submit(.exactly(65_536), .read(), .read())
        #expect(bench.told().suffix(2) == ["read#2 ok 2 'yz'", "read#3 end_of_stream 0"])
        #expect(bench.hangupsWatched == 1)
    }

    // MARK: - Waiting for events

    @Test func `S07 a wait ends with what happened`() {
        let bench = SessionBench.line()
        bench.submit(.waitEvent([.rxChar]))
        #expect(bench.pending == ["wait_event#1 running"])
        bench.arrives("a")
        #expect(bench.told() == ["wait_event#1 ok 0 [rx_char]"])
    }

    @Test func `S13 what happened before the wait ends it at once, and is forgotten by that`() {
        let bench = SessionBench.line()
        bench.submit(.control(.line(.setMask([.rxChar]))))
        bench.arrives("a")
        bench.submit(.waitEvent(nil))
        bench.submit(.waitEvent(nil))
        #expect(bench.told() == ["control#1 ok 0", "wait_event#2 ok 0 [rx_char]"])
        bench.arrives("b")
        #expect(bench.told() == ["wait_event#3 ok 0 [rx_char]"])
    }

    @Test func `S09 a new mask ends a wait with nothing`() {
        let bench = SessionBench.line()
        bench.submit(.waitEvent([.rxChar]))
        bench.submit(.control(.line(.setMask([]))))
        #expect(bench.told() == ["wait_event#1 ok 0 []", "control#2 ok 0"])
    }

    @Test func `masks and waits of one request act in its order`() {
        let bench = SessionBench.line()
        bench.submit(
            .control(.line(.setMask([.txEmpty]))), .waitEvent(nil),
            .control(.line(.setMask([.rxChar]))), .waitEvent(nil))
        #expect(
            bench.told() == ["control#1 ok 0", "wait_event#2 ok 0 []", "control#3 ok 0"])
        bench.arrives("a")
        #expect(bench.told() == ["wait_event#4 ok 0 [rx_char]"])
    }

    @Test func `S10 a wait can be cancelled, and times out`() {
        let bench = SessionBench.line()
        bench.submit(.waitEvent([.rxChar]))
        bench.cancel(1)
        bench.submit([.waitEvent([.rxChar])], timeout: 100)
        bench.pass(100)
        #expect(
            bench.told() == [
                "wait_event#1 cancelled(operation_aborted) 0",
                "wait_event#2 timed_out(timed_out) 0",
            ])
    }

    @Test func `a hang-up ends a wait`() {
        let bench = SessionBench.line()
        bench.submit(.waitEvent([.rxChar]))
        bench.ends()
        bench.submit(.waitEvent(nil))
        #expect(
            bench.told() == ["wait_event#1 end_of_stream 0", "wait_event#2 end_of_stream 0"])
    }

    @Test func `what could not be judged before the open fails after it`() {
        let bench = SessionBench(opening: .terminal(reports: .always))
        bench.submit(
            .waitEvent([.cts]), .waitEvent(nil), .waitEvent([.rxChar]), .waitEvent([.rxChar]))
        bench.opens()
        #expect(
            bench.told().dropFirst() == [
                "wait_event#1 failed(not_supported) 0", "wait_event#2 failed(not_supported) 0",
                "wait_event#4 failed(wait_pending) 0",
            ])
        #expect(bench.pending == ["wait_event#3 running"])
    }

    // MARK: - Signals

    @Test func `signals are looked at every 20 ms while a mask has them`() {
        let bench = SessionBench.line(reports: modem)
        bench.submit(.waitEvent([.cts, .rxChar]))
        #expect(bench.stepNames == ["receive", "sample"])
        bench.answer("sample", sample([.dsr]))
        bench.pass(19)
        #expect(!bench.has("sample"))
        bench.pass(1)
        bench.answer("sample", sample([.dsr, .cts]))
        #expect(bench.told() == ["wait_event#1 ok 0 [cts]"])
        bench.pass(20)
        #expect(bench.has("sample"), "the mask still holds")
        bench.submit(.control(.line(.setMask([.rxChar]))))
        bench.answer("sample", sample([]))
        bench.pass(1_000)
        #expect(!bench.has("sample"))
    }

    @Test func `nothing is looked at for the daemon's own events`() {
        let bench = SessionBench.line(reports: modem)
        bench.submit(.waitEvent([.rxChar, .txEmpty]))
        bench.pass(1_000)
        #expect(bench.stepNames == ["receive"])
    }

    @Test func `tx_empty comes when all that was written is out`() {
        let bench = SessionBench.line()
        bench.submit(.write("ab"), .write("cd"), .waitEvent([.txEmpty]))
        bench.takes()
        #expect(!bench.has("unsent"), "another write follows")
        bench.takes()
        bench.answer("unsent", .control(.number(2)))
        #expect(bench.told() == ["write#1 ok 2", "write#2 ok 2"])
        bench.pass(20)
        bench.answer("unsent", .control(.number(0)))
        #expect(bench.told() == ["wait_event#3 ok 0 [tx_empty]"])
    }

    @Test func `output that had gone out before anybody asked is no news`() {
        let bench = SessionBench.line()
        bench.submit(.write("ab"))
        bench.takes()
        bench.submit(.waitEvent([.txEmpty]))
        bench.answer("unsent", .control(.number(0)))
        #expect(bench.told() == ["write#1 ok 2"])
        bench.submit(.write("c"))
        bench.takes()
        bench.answer("unsent", .control(.number(0)))
        #expect(bench.told() == ["write#3 ok 1", "wait_event#2 ok 0 [tx_empty]"])
    }

    // MARK: - Closing

    @Test func `a close lingers until output is out, without shutting it`() {
        let bench = SessionBench.line()
        bench.submit(.write("ab"))
        bench.takes()
        bench.close()
        bench.answer("receive", .failed(.cancelled))
        bench.answer("unsent", .control(.number(2)))
        #expect(bench.stepNames == [])
        bench.pass(5)
        bench.answer("unsent", .control(.number(0)))
        #expect(bench.steps.first?.step.isReset == false)
        bench.answer("close", .done)
        #expect(bench.told() == ["write#1 ok 2", "session_closed ok"])
    }

    @Test(arguments: [true, false])
    func `what is not out when its time is over is thrown away`(isForced: Bool) {
        let bench = SessionBench.line()
        bench.close(force: isForced)
        bench.answer("receive", .failed(.cancelled))
        if !isForced {
            for _ in 0..<200 {
                bench.answer("unsent", .control(.number(2)))
                bench.pass(5)
            }
        }
        #expect(bench.stepNames == ["close"])
        #expect(bench.steps.first?.step.isReset == true)
    }

    @Test func `a close calls a look back and ends waits`() {
        let bench = SessionBench.line(reports: modem)
        bench.submit(.waitEvent([.cts]))
        bench.close()
        #expect(bench.stepNames == ["receive cancelled", "sample cancelled"])
        bench.settle()
        #expect(
            bench.told() == ["wait_event#1 cancelled(operation_aborted) 0", "session_closed ok"])
        #expect(bench.hasEnded)
    }

    // MARK: - Coming back

    @Test func `after a loss the mask still holds, and what was remembered is gone`() {
        var configuration = SessionConfiguration.bench()
        configuration.reconnect = ReconnectPolicy(
            minDelayMilliseconds: 100, maxDelayMilliseconds: 100, maxAttempts: nil)
        let bench = SessionBench.line(reports: modem, configuration)
        bench.submit(.control(.line(.setMask([.cts, .rxChar]))))
        bench.arrives("a")
        bench.submit(.control(.line(.sendBreak(milliseconds: 50))))
        bench.ends()
        bench.settle()
        _ = bench.told()
        bench.pass(100)
        bench.opens()
        bench.submit(.waitEvent(nil))
        #expect(bench.has("sample"))
        bench.arrives("b")
        #expect(bench.told().last == "wait_event#3 ok 0 [rx_char]")
    }
}
