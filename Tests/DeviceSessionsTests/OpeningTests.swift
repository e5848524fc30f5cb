import DeviceSessions
import EngineBase
import PortEngine
import Testing

@Suite struct OpeningTests {
    @Test func `operations wait for the open and start behind its entry`() {
        let bench = SessionBench(opening: .stream)
        bench.submit(.read(), .write("abc"))
        #expect(bench.stepNames == ["poll"])
        bench.opens()
        #expect(bench.told() == ["open ok"])
        #expect(bench.stepNames.sorted() == ["receive", "send"])
        #expect(bench.session.view.phase == .open)
        #expect(bench.session.view.peer == "127.0.0.1:9")
    }

    @Test func `A07 a failed open tells itself, then each operation, then the end`() {
        let bench = SessionBench(opening: .stream)
        bench.submit(.write("a"), .ask("q\n"), .read())
        bench.answer("poll", .failed(.connectionRefused))
        #expect(
            bench.told() == [
                "open failed(connection_refused)", "write#1 failed(connection_refused) 0",
                "transact#2 failed(connection_refused) 0 sent 0",
                "read#3 failed(connection_refused) 0",
                "session_closed failed(connection_refused)",
            ])
        #expect(bench.session.view.phase == .failed)
        #expect(bench.session.view.lastError?.win32 == 1225)
        #expect(bench.hasEnded)
    }

    @Test func `a time-out of the open is told as such and gives the steps up`() {
        let bench = SessionBench(opening: .stream, .bench(connect: 500))
        bench.submit(.write("a"))
        bench.pass(499)
        #expect(bench.told() == [])
        bench.pass(1)
        #expect(
            bench.told() == [
                "open timed_out(timed_out)", "write#1 failed(timed_out) 0",
                "session_closed failed(timed_out)",
            ])
        #expect(bench.stepNames == ["poll cancelled"])
        #expect(!bench.hasEnded)
        bench.settle()
        #expect(bench.hasEnded)
        #expect(bench.told() == [])
    }

    @Test func `a descriptor that comes too late is closed`() {
        let bench = SessionBench(opening: .stream, .bench(connect: 500))
        bench.pass(500)
        bench.opens()
        #expect(bench.stepNames == ["close"])
        #expect(!bench.hasEnded)
        bench.answer("close", .done)
        #expect(bench.hasEnded)
        #expect(bench.session.view.phase == .failed)
    }

    @Test func `K12 a close while opening cancels the open, then the operations`() {
        let bench = SessionBench(opening: .stream)
        bench.submit(.write("a"), .read())
        bench.close()
        #expect(bench.stepNames == ["poll cancelled"])
        bench.settle()
        #expect(
            bench.told() == [
                "open cancelled(operation_aborted)", "write#1 cancelled(operation_aborted) 0",
                "read#2 cancelled(operation_aborted) 0", "session_closed ok",
            ])
        #expect(bench.hasEnded)
        #expect(bench.session.view.phase == .closed)
    }

    @Test func `K12 a close while opening closes the descriptor that came after all`() {
        let bench = SessionBench(opening: .stream)
        bench.close()
        bench.opens()
        bench.answer("close", .done)
        #expect(bench.told() == ["open cancelled(operation_aborted)", "session_closed ok"])
        #expect(bench.hasEnded)
    }

    @Test func `the connect timer is nothing to an open session`() {
        let bench = SessionBench(opening: .stream, .bench(connect: 500))
        bench.opens()
        bench.pass(10_000)
        #expect(bench.told() == ["open ok"])
        #expect(bench.session.view.phase == .open)
    }

    @Test func `a close of a failed session does nothing`() {
        let bench = SessionBench(opening: .stream)
        bench.answer("poll", .failed(.connectionRefused))
        _ = bench.told()
        bench.close()
        #expect(bench.told() == [])
        #expect(bench.session.view.phase == .failed)
    }

    @Test func `an accepted session has no open entry`() {
        let bench = SessionBench()
        bench.start()
        #expect(bench.told() == [])
        #expect(bench.session.view.phase == .open)
    }
}
