import DeviceSessions
import EngineBase
import PortEngine
import Testing

/// What the kernel reports once stays true.
@Suite struct LatchTests {
    @Test func `T07 the end is told again each time it is asked for, and writes go on`() {
        let bench = SessionBench()
        bench.submit(.read())
        bench.ends()
        bench.submit(.read(), .exactly(3), .until(), .write("still"))
        #expect(
            bench.told() == [
                "read#1 end_of_stream 0", "read#2 end_of_stream 0", "read#3 end_of_stream 0",
                "read#4 end_of_stream 0",
            ])
        #expect(!bench.has("receive"), "the kernel need not be asked again")
        bench.takes()
        #expect(bench.told() == ["write#5 ok 5"])
        #expect(bench.session.view.input == "end_of_stream")
        #expect(bench.session.view.output == "open")
    }

    @Test func `T08 a peer that closes ends every pending read`() {
        let bench = SessionBench()
        bench.submit(.read(), .read(), .read())
        bench.ends()
        #expect(
            bench.told() == [
                "read#1 end_of_stream 0", "read#2 end_of_stream 0", "read#3 end_of_stream 0",
            ])
    }

    @Test func `T09 a reset ends every pending read and write with the same error`() {
        let bench = SessionBench()
        bench.submit(.read(), .read(), .write("abc"), .write("d"))
        bench.answer("receive", .failed(.connectionReset))
        bench.answer("send", .failed(.brokenPipe))
        #expect(
            bench.told().sorted() == [
                "read#1 failed(connection_reset) 0", "read#2 failed(connection_reset) 0",
                "write#3 failed(connection_reset) 0", "write#4 failed(connection_reset) 0",
            ])
        #expect(bench.lastEntries[1]?.details?.error?.win32 == 64)
    }

    @Test func `T10 what begins after a reset fails with it, again and again`() {
        let bench = SessionBench()
        bench.submit(.read())
        bench.answer("receive", .failed(.connectionReset))
        _ = bench.told()
        for _ in 0..<2 { bench.submit(.read(), .write("x")) }
        #expect(
            bench.told() == [
                "read#2 failed(connection_reset) 0", "write#3 failed(connection_reset) 0",
                "read#4 failed(connection_reset) 0", "write#5 failed(connection_reset) 0",
            ])
        #expect(bench.stepNames == [])
    }

    @Test func `data before a reset is read first, then the reset, and it stays`() {
        let bench = SessionBench()
        bench.submit(.read(2))
        bench.arrives("abcd")
        bench.submit(.exactly(4), .read())
        bench.answer("receive", .failed(.connectionReset))
        #expect(
            bench.told() == [
                "read#1 ok 2 'ab'", "read#2 failed(connection_reset) 2 'cd'",
                "read#3 failed(connection_reset) 0",
            ])
    }

    @Test func `a reset that a send met makes the clean end after it a reset`() {
        let bench = SessionBench()
        bench.submit(.write("abc"))
        bench.answer("send", .failed(.connectionReset))
        #expect(bench.told() == ["write#1 failed(connection_reset) 0"])
        bench.submit(.read(), .read(), .read())
        bench.arrives("last words")
        bench.ends()
        #expect(
            bench.told() == [
                "read#2 ok 10 'last words'", "read#3 failed(connection_reset) 0",
                "read#4 failed(connection_reset) 0",
            ])
        #expect(bench.session.view.input == "connection_reset")
        #expect(bench.session.view.output == "connection_reset")
    }

    @Test func `a broken pipe ends the output alone`() {
        let bench = SessionBench()
        bench.submit(.write("abc"), .write("d"))
        bench.answer("send", .failed(.brokenPipe))
        #expect(
            bench.told() == ["write#1 failed(broken_pipe) 0", "write#2 failed(broken_pipe) 0"])
        #expect(bench.lastEntries[1]?.details?.error?.win32 == 232)
        bench.submit(.read(), .read())
        bench.arrives("more")
        bench.ends()
        #expect(bench.told() == ["read#3 ok 4 'more'", "read#4 end_of_stream 0"])
        #expect(bench.session.view.output == "broken_pipe")
        #expect(bench.session.view.input == "end_of_stream")
    }

    @Test func `a write that breaks in the middle tells what was taken`() {
        let bench = SessionBench()
        bench.submit(.write("abcdef"), .write("x"))
        bench.takes(2)
        bench.answer("send", .failed(.connectionReset))
        #expect(
            bench.told() == [
                "write#1 failed(connection_reset) 2", "write#2 failed(connection_reset) 0",
            ])
    }

    @Test func `a write that the kernel took in full is ok whatever the input met meanwhile`() {
        let bench = SessionBench()
        bench.submit(.read(), .write("abc"), .write("d"))
        bench.answer("receive", .failed(.connectionReset))
        bench.takes()
        #expect(
            bench.told() == [
                "read#1 failed(connection_reset) 0", "write#2 ok 3",
                "write#3 failed(connection_reset) 0",
            ])
    }

    @Test func `an answer that came before a reset is the transact's`() {
        let bench = SessionBench()
        bench.submit(.read(1), .ask("query\n"))
        bench.arrives("xanswer\n")
        bench.submit(.read())
        bench.takes()
        bench.answer("receive", .failed(.connectionReset))
        #expect(
            bench.told() == [
                "read#1 ok 1 'x'", "transact#2 ok 7 'answer\n' sent 6",
                "read#3 failed(connection_reset) 0",
            ])
    }

    @Test func `a transact that cannot send fails and sends nothing`() {
        let bench = SessionBench()
        bench.submit(.write("a"), .ask("q\n"))
        bench.answer("send", .failed(.brokenPipe))
        #expect(
            bench.told() == [
                "write#1 failed(broken_pipe) 0", "transact#2 failed(broken_pipe) 0 sent 0",
            ])
    }

    @Test func `a connection that timed out has its own code and is no time-out`() {
        let bench = SessionBench()
        bench.submit(.read())
        bench.answer("receive", .failed(.timedOut))
        #expect(bench.told() == ["read#1 failed(connection_timed_out) 0"])
        #expect(bench.lastEntries[1]?.details?.error?.win32 == 121)
    }

    @Test func `an end keeps the session open`() {
        let bench = SessionBench()
        bench.submit(.read())
        bench.answer("receive", .failed(.connectionReset))
        #expect(bench.session.view.phase == .open)
        #expect(!bench.hasEnded)
    }
}
