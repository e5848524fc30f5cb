import DeviceSessions
import EngineBase
import PortEngine
import Testing

@Suite struct WriteTests {
    @Test func `T03 a write completes with its bytes when the kernel has taken them`() {
        let bench = SessionBench()
        bench.submit(.write("hello"))
        #expect(bench.sending == "hello")
        bench.takes()
        #expect(bench.told() == ["write#1 ok 5"])
    }

    @Test func `T13 a write completes once with all bytes however few are taken at a time`() {
        let bench = SessionBench()
        bench.submit(.write("abcdefgh"))
        bench.takes(3)
        #expect(bench.sending == "defgh")
        bench.takes(1)
        #expect(bench.sending == "efgh")
        #expect(bench.told() == [])
        bench.takes(4)
        #expect(bench.told() == ["write#1 ok 8"])
        #expect(bench.stepNames == [])
    }

    @Test func `writes go out in the order in which they were accepted`() {
        let bench = SessionBench()
        bench.submit(.write("a"), .write("b"))
        bench.submit(.write("c"))
        for expected in ["a", "b", "c"] {
            #expect(bench.sending == expected)
            bench.takes()
        }
        #expect(bench.told() == ["write#1 ok 1", "write#2 ok 1", "write#3 ok 1"])
    }

    @Test func `an empty write is ok in its turn without a call`() {
        let bench = SessionBench()
        bench.submit(.write("a"), .write(""), .write("b"))
        #expect(bench.told() == [])
        bench.takes()
        #expect(bench.told() == ["write#1 ok 1", "write#2 ok 0"])
        #expect(bench.sending == "b")
    }

    @Test func `reads and writes do not wait for each other`() {
        let bench = SessionBench()
        bench.submit(.read(), .write("a"))
        #expect(bench.stepNames.sorted() == ["receive", "send"])
        bench.takes()
        #expect(bench.told() == ["write#2 ok 1"])
        bench.submit(.write("b"))
        bench.arrives("x")
        #expect(bench.told() == ["read#1 ok 1 'x'"])
        #expect(bench.sending == "b")
    }

    @Test func `a write without an entry shows its failure in the last error`() {
        let bench = SessionBench()
        bench.submit(.write("a"), delivery: .none)
        bench.takes()
        #expect(bench.told() == ["write#1 silently"])
        #expect(bench.session.view.lastError == nil)
        bench.submit(.write("b"), delivery: .none)
        bench.answer("send", .failed(.brokenPipe))
        #expect(bench.told() == ["write#2 silently"])
        #expect(bench.session.view.lastError?.code == "broken_pipe")
        #expect(bench.session.view.counters.operationsFailed == 1)
    }

    @Test func `the counters tell what moved`() {
        let bench = SessionBench()
        bench.submit(.write("abc"), .read())
        bench.takes()
        bench.arrives("xy")
        let counters = bench.session.view.counters
        #expect(counters.bytesSent == 3)
        #expect(counters.bytesReceived == 2)
        #expect(counters.operationsCompleted == 2)
    }
}

@Suite struct TornWriteTests {
    @Test func `K04 a write cancelled before a byte went ends alone`() {
        let bench = SessionBench()
        bench.submit(.write("abc"), .write("def"))
        bench.cancel(1)
        #expect(bench.stepNames == ["send cancelled"])
        #expect(bench.told() == [])
        bench.answer("send", .failed(.cancelled))
        #expect(bench.told() == ["write#1 cancelled(operation_aborted) 0"])
        #expect(bench.sending == "def")
    }

    @Test func `a write cancelled in the middle tears those behind it and no later one`() {
        let bench = SessionBench()
        bench.submit(.write("abcdef"), .write("ghi"), .ask("q\n"))
        bench.takes(2)
        bench.cancel(1)
        bench.answer("send", .failed(.cancelled))
        #expect(
            bench.told() == [
                "write#1 cancelled(operation_aborted) 2", "write#2 failed(write_torn) 0",
                "transact#3 failed(write_torn) 0 sent 0",
            ])
        #expect(!bench.has("send"))
        bench.submit(.write("new"))
        #expect(bench.sending == "new")
        bench.takes()
        #expect(bench.told() == ["write#4 ok 3"])
    }

    @Test func `a cancelled send that had moved bytes counts them`() {
        let bench = SessionBench()
        bench.submit(.write("abcdef"), .write("x"))
        bench.cancel(1)
        bench.takes(4)
        #expect(
            bench.told() == [
                "write#1 cancelled(operation_aborted) 4", "write#2 failed(write_torn) 0",
            ])
    }

    @Test func `K09 a cancelled write that turns out complete is ok`() {
        let bench = SessionBench()
        bench.submit(.write("abc"), .write("d"))
        bench.cancel(1)
        bench.takes(3)
        #expect(bench.told() == ["write#1 ok 3"])
        #expect(bench.sending == "d")
    }

    @Test func `a write whose time is over in the middle says so and tears the rest`() {
        let bench = SessionBench()
        bench.submit(.write("abcdef"), timeout: 100)
        bench.submit(.write("x"))
        bench.takes(1)
        bench.pass(100)
        bench.answer("send", .failed(.cancelled))
        #expect(
            bench.told() == ["write#1 timed_out(timed_out) 1", "write#2 failed(write_torn) 0"])
    }

    @Test func `a queued write that is cancelled harms nobody`() {
        let bench = SessionBench()
        bench.submit(.write("abc"), .write("def"), .write("ghi"))
        bench.cancel(2)
        #expect(bench.told() == ["write#2 cancelled(operation_aborted) 0"])
        bench.takes()
        #expect(bench.sending == "ghi")
        bench.takes()
        #expect(bench.told() == ["write#1 ok 3", "write#3 ok 3"])
    }

    @Test func `the first reason to stop is the one that is told`() {
        let bench = SessionBench()
        bench.submit(.write("abc"), timeout: 50)
        bench.pass(50)
        bench.cancel(1)
        bench.answer("send", .failed(.cancelled))
        #expect(bench.told() == ["write#1 timed_out(timed_out) 0"])
    }

    @Test func `writes accepted before anybody could know of the tear end with it`() {
        let bench = SessionBench()
        bench.submit(.write("abcdef"))
        bench.takes(2)
        bench.cancel(1)
        bench.answer("send", .failed(.cancelled))
        _ = bench.told()
        #expect(bench.tellTear(upTo: 3))
        bench.submit(.write("b"), .ask("q\n"))
        #expect(
            bench.told() == [
                "write#2 failed(write_torn) 0", "transact#3 failed(write_torn) 0 sent 0",
            ])
        bench.submit(.write("new"))
        #expect(bench.sending == "new")
        #expect(!bench.tellTear(upTo: 9), "it is told once")
    }

    @Test func `a torn transact tells how much of its request went`() {
        let bench = SessionBench()
        bench.submit(.ask("query\n"), .write("x"))
        bench.takes(3)
        bench.cancel(1)
        bench.answer("send", .failed(.cancelled))
        #expect(
            bench.told() == [
                "transact#1 cancelled(operation_aborted) 0 sent 3",
                "write#2 failed(write_torn) 0",
            ])
    }

    @Test func `a transact stopped while its whole request went is not torn`() {
        let bench = SessionBench()
        bench.submit(.ask("query\n"), .write("x"))
        bench.cancel(1)
        bench.takes()
        #expect(bench.told() == ["transact#1 cancelled(operation_aborted) 0 sent 6"])
        #expect(bench.sending == "x")
    }
}

@Suite struct ShutdownTests {
    @Test func `T12 what is queued is sent and then the output is shut`() {
        let bench = SessionBench()
        bench.submit(.write("a"), .write("b"))
        bench.shutdown()
        #expect(!bench.has("shutdown"))
        bench.takes()
        #expect(!bench.has("shutdown"))
        bench.takes()
        #expect(bench.told() == ["write#1 ok 1", "write#2 ok 1"])
        #expect(bench.stepNames == ["shutdown"])
        bench.answer("shutdown", .done)
        #expect(bench.session.view.output == "shut")
        #expect(bench.session.view.input == "open")
    }

    @Test func `T12 reads go on after the output is shut`() {
        let bench = SessionBench()
        bench.shutdown()
        bench.answer("shutdown", .done)
        bench.submit(.read())
        bench.arrives("x")
        #expect(bench.told() == ["read#1 ok 1 'x'"])
    }

    @Test func `shutting twice is shutting once`() {
        let bench = SessionBench()
        bench.shutdown()
        bench.shutdown()
        #expect(bench.stepNames == ["shutdown"])
        bench.answer("shutdown", .done)
        bench.shutdown()
        #expect(bench.stepNames == [])
    }

    @Test func `a shutdown waits for the transact that it stands behind`() {
        let bench = SessionBench()
        bench.submit(.ask("q\n"))
        bench.shutdown()
        bench.takes()
        #expect(!bench.has("shutdown"))
        bench.arrives("a\n")
        #expect(bench.has("shutdown"))
        #expect(bench.told() == ["transact#1 ok 2 'a\n' sent 2"])
    }

    @Test func `a shutdown asked for while opening comes behind the writes`() {
        let bench = SessionBench(opening: .stream)
        bench.submit(.write("a"))
        bench.shutdown()
        bench.opens()
        bench.takes()
        #expect(bench.told() == ["open ok", "write#1 ok 1"])
        #expect(bench.stepNames == ["shutdown"])
    }

    @Test func `a close after a shutdown does not shut again`() {
        let bench = SessionBench()
        bench.shutdown()
        bench.answer("shutdown", .done)
        bench.close()
        #expect(bench.stepNames == ["unsent"])
    }
}
