import DeviceSessions
import EngineBase
import PortEngine
import Testing

@Suite struct ClosingTests {
    @Test func `Z07 Z10 a close cancels what is pending, awaits it and tells it in order`() {
        let bench = SessionBench()
        bench.submit(.write("abcdef"), .read(), .write("x"), .ask("q\n"))
        bench.takes(2)
        bench.close()
        #expect(bench.session.view.phase == .closing)
        #expect(bench.told() == [], "their steps are still out")
        #expect(bench.stepNames.sorted() == ["receive cancelled", "send cancelled"])
        bench.answer("send", .failed(.cancelled))
        #expect(bench.told() == [])
        bench.answer("receive", .failed(.cancelled))
        #expect(
            bench.told() == [
                "write#1 cancelled(operation_aborted) 2", "read#2 cancelled(operation_aborted) 0",
                "write#3 cancelled(operation_aborted) 0",
                "transact#4 cancelled(operation_aborted) 0 sent 0",
            ])
        bench.settle()
        #expect(bench.told() == ["session_closed ok"])
        #expect(bench.session.view.phase == .closed)
        #expect(bench.hasEnded)
    }

    @Test func `Z30 a write that was done after all is ok`() {
        let bench = SessionBench()
        bench.submit(.write("abc"), .read())
        bench.close()
        bench.takes()
        bench.answer("receive", .failed(.cancelled))
        #expect(bench.told() == ["write#1 ok 3", "read#2 cancelled(operation_aborted) 0"])
    }

    @Test func `Z30 bytes that come while closing are counted as thrown away`() {
        let bench = SessionBench()
        bench.submit(.exactly(10))
        bench.arrives("abc")
        bench.close()
        bench.arrives("defg")
        bench.settle()
        #expect(
            bench.told() == [
                "read#1 cancelled(operation_aborted) 0", "session_closed ok discarded 7",
            ])
    }

    @Test func `bytes set aside for a standing read count as thrown away`() {
        let bench = SessionBench()
        bench.submit(.standing())
        bench.arrives("begun")
        bench.submit(.ask("q\n"))
        bench.answer("unread", .control(.number(0)))
        bench.takes()
        bench.arrives("xy")
        bench.close()
        bench.settle()
        #expect(
            bench.told() == [
                "read#1 cancelled(operation_aborted) 0 last",
                "transact#2 cancelled(operation_aborted) 0 sent 2",
                "session_closed ok discarded 7",
            ])
    }

    @Test(arguments: [
        (CloseReason.deleted, "cancelled(operation_aborted)", "ok"),
        (.idle, "cancelled(idle_timeout)", "timed_out(idle_timeout)"),
        (.draining, "cancelled(service_draining)", "cancelled(service_draining)"),
        (.portClosed, "cancelled(operation_aborted)", "ok"),
    ])
    func `the reason of a close shows in its entries`(
        _ reason: CloseReason, _ operation: String, _ session: String
    ) {
        let bench = SessionBench()
        bench.submit(.read())
        bench.close(reason)
        bench.settle()
        #expect(bench.told() == ["read#1 \(operation) 0", "session_closed \(session)"])
    }

    @Test func `operations that come while closing end as the others`() {
        let bench = SessionBench()
        bench.submit(.read())
        bench.close()
        bench.submit(.write("late"))
        bench.settle()
        #expect(
            bench.told() == [
                "read#1 cancelled(operation_aborted) 0", "write#2 cancelled(operation_aborted) 0",
                "session_closed ok",
            ])
    }

    @Test func `operations that come while the close lingers end before the last entry`() {
        let bench = SessionBench()
        bench.close()
        #expect(bench.stepNames == ["unsent"])
        bench.submit(.write("late"), .read())
        bench.settle()
        #expect(
            bench.told() == [
                "write#1 cancelled(operation_aborted) 0", "read#2 cancelled(operation_aborted) 0",
                "session_closed ok",
            ])
    }

    @Test func `a cancel while closing keeps the order of the entries`() {
        let bench = SessionBench()
        bench.submit(.write("abc"), .write("d"), .write("e"))
        bench.close()
        bench.cancel()
        bench.settle()
        #expect(
            bench.told() == [
                "write#1 cancelled(operation_aborted) 0",
                "write#2 cancelled(operation_aborted) 0",
                "write#3 cancelled(operation_aborted) 0", "session_closed ok",
            ])
    }

    @Test func `a second close changes nothing`() {
        let bench = SessionBench()
        bench.submit(.read())
        bench.close()
        bench.close(.draining)
        bench.settle()
        #expect(bench.told() == ["read#1 cancelled(operation_aborted) 0", "session_closed ok"])
    }

    @Test func `a paused standing read ends with the close, bytes thrown away`() {
        let bench = SessionBench()
        bench.submit(.standing(credit: 0))
        bench.arrives("1\n")
        bench.close()
        bench.settle()
        #expect(
            bench.told() == [
                "read#1 cancelled(operation_aborted) 0 last", "session_closed ok discarded 2",
            ])
    }

    @Test func `a close awaits the look that a transact asked for`() {
        let bench = SessionBench()
        bench.submit(.ask("q\n", discard: true))
        bench.close()
        #expect(bench.told() == [])
        #expect(bench.stepNames == ["unread"])
        bench.answer("unread", .control(.number(0)))
        bench.settle()
        #expect(
            bench.told() == [
                "transact#1 cancelled(operation_aborted) 0 sent 0", "session_closed ok",
            ])
    }
}

@Suite struct LingerTests {
    @Test func `a close goes at once when the peer has everything and nothing is unread`() {
        let bench = SessionBench()
        bench.submit(.write("abc"))
        bench.takes()
        bench.close()
        #expect(bench.told() == ["write#1 ok 3"])
        #expect(bench.stepNames == ["unsent"])
        bench.answer("unsent", .control(.number(0)))
        #expect(bench.stepNames == ["unread"], "a close with unread input would reset")
        bench.answer("unread", .control(.number(0)))
        bench.answer("unsent", .control(.number(0)))
        #expect(bench.stepNames == ["close"])
        #expect(bench.steps.first?.step.isReset == false)
        #expect(bench.now == MonotonicInstant(nanoseconds: 1_000_000_000), "no time passed")
        #expect(bench.told() == [])
        bench.answer("close", .done)
        #expect(bench.told() == ["session_closed ok"])
    }

    @Test func `while bytes are in the kernel the output is shut and input thrown away`() {
        let bench = SessionBench()
        bench.close()
        bench.answer("unsent", .control(.number(100)))
        #expect(bench.stepNames == ["shutdown", "receive"])
        bench.answer("shutdown", .done)
        bench.arrives("unread")
        bench.pass(5)
        bench.answer("unsent", .control(.number(10)))
        bench.pass(5)
        bench.answer("unsent", .control(.number(0)))
        // The receive is given back before the descriptor is closed.
        #expect(bench.stepNames == ["receive cancelled"])
        bench.settle()
        #expect(bench.told() == ["session_closed ok discarded 6"])
    }

    @Test func `what the kernel has unread is read, thrown away and counted`() {
        let bench = SessionBench()
        bench.close()
        bench.answer("unsent", .control(.number(0)))
        bench.answer("unread", .control(.number(6)))
        bench.answer("unsent", .control(.number(0)))
        #expect(bench.stepNames == ["shutdown", "receive"])
        bench.arrives("unread")
        finish(bench)
        #expect(bench.told() == ["session_closed ok discarded 6"])
    }

    @Test func `a peer that takes nothing is given up after linger_ms`() {
        let bench = SessionBench(.bench(linger: 200))
        bench.close()
        for _ in 0..<200 where !bench.has("close") {
            if bench.has("unsent") {
                bench.answer("unsent", .control(.number(9)))
            } else {
                step(bench)
            }
        }
        #expect(bench.now == MonotonicInstant(nanoseconds: 1_200_000_000))
        #expect(bench.stepNames == ["close"])
        bench.settle()
        #expect(bench.told() == ["session_closed ok"])
    }

    @Test func `without linger_ms the descriptor is closed at once`() {
        let bench = SessionBench(.bench(linger: 0))
        bench.close()
        #expect(bench.stepNames == ["close"])
        #expect(bench.steps.first?.step.isReset == false)
    }

    @Test func `a forced close resets at once`() {
        let bench = SessionBench()
        bench.submit(.read())
        bench.close(force: true)
        bench.answer("receive", .failed(.cancelled))
        #expect(bench.stepNames == ["close"])
        #expect(bench.steps.first?.step.isReset == true)
        bench.settle()
        #expect(bench.told() == ["read#1 cancelled(operation_aborted) 0", "session_closed ok"])
    }

    @Test func `force cuts a lingering close short`() {
        let bench = SessionBench()
        bench.close()
        bench.answer("unsent", .control(.number(9)))
        bench.answer("shutdown", .done)
        #expect(bench.stepNames == ["receive"])
        bench.close(force: true)
        #expect(bench.stepNames == ["receive cancelled"])
        bench.answer("receive", .failed(.cancelled))
        #expect(bench.stepNames == ["close"])
        #expect(bench.steps.first?.step.isReset == true)
        bench.settle()
        #expect(bench.told() == ["session_closed ok"])
        bench.pass(5_000)
        #expect(bench.told() == [])
    }

    @Test func `a connection that is broken has nothing to linger for`() {
        let bench = SessionBench()
        bench.submit(.read())
        bench.answer("receive", .failed(.connectionReset))
        _ = bench.told()
        bench.close()
        #expect(bench.stepNames == ["close"])
    }

    @Test func `a connection whose two sides have ended is closed at once`() {
        let bench = SessionBench()
        bench.submit(.read())
        bench.ends()
        bench.shutdown()
        bench.answer("shutdown", .done)
        _ = bench.told()
        bench.close()
        bench.answer("unsent", .control(.number(0)))
        #expect(bench.stepNames == ["close"])
    }

    /// Lets what must come next come: a step that is given back, or time.
    private func step(_ bench: SessionBench) {
        if bench.steps.contains(where: \.isCancelled) {
            bench.answer("receive", .failed(.cancelled))
        } else if bench.has("shutdown") {
            bench.answer("shutdown", .done)
        } else {
            bench.pass(5)
        }
    }

    private func finish(_ bench: SessionBench) {
        for _ in 0..<400 where !bench.hasEnded {
            bench.settle()
            bench.pass(5)
        }
    }
}

@Suite struct IdleTests {
    @Test func `an idle session is closed with its pending read`() {
        let bench = SessionBench(.bench(idle: 1_000))
        bench.start()
        bench.pass(600)
        bench.submit(.standing())
        bench.pass(999)
        #expect(bench.told() == [])
        bench.pass(1)
        bench.settle()
        #expect(
            bench.told() == [
                "read#1 cancelled(idle_timeout) 0 last", "session_closed timed_out(idle_timeout)",
            ])
    }

    @Test func `a byte in either direction puts it off`() {
        let bench = SessionBench(.bench(idle: 1_000))
        bench.start()
        bench.submit(.standing(), .write("abc"))
        bench.pass(900)
        bench.takes()
        bench.pass(900)
        bench.arrives("x")
        bench.pass(900)
        #expect(bench.session.view.phase == .open)
        bench.pass(100)
        #expect(bench.session.view.phase == .closing)
    }

    @Test func `an operation that ends puts it off`() {
        let bench = SessionBench(.bench(idle: 1_000))
        bench.start()
        bench.submit(.read(), timeout: 900)
        bench.pass(1_899)
        #expect(bench.session.view.phase == .open)
        bench.pass(1)
        #expect(bench.session.view.phase == .closing)
    }

    @Test func `without a limit it stays`() {
        let bench = SessionBench()
        bench.start()
        bench.pass(100_000_000)
        #expect(bench.session.view.phase == .open)
    }
}
