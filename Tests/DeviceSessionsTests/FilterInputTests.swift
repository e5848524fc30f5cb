import DeviceSessions
import EngineBase
import PortEngine
import Testing

@Suite struct FilterInputTests {
    @Test func `a read gets plain bytes, and waits for a whole record`() {
        let bench = SessionBench.filtered()
        bench.submit(.read())
        bench.arrives("<he")
        #expect(bench.told() == [])
        #expect(bench.stepNames == ["receive"])
        bench.arrives("llo><x")
        #expect(bench.told() == ["read#1 ok 5 'hello'"])
        #expect(bench.stepNames == [], "nobody waits for more")
        #expect(bench.session.view.counters.bytesReceived == 5)
    }

    @Test func `what came with the handshake is read first`() {
        let bench = SessionBench.filtered(early: UnsealedInput(bytes: Array("early\n".utf8)))
        bench.submit(.until())
        #expect(bench.told() == ["read#1 ok 6 'early\n'"])
    }

    @Test func `an answer that came with the handshake goes out`() {
        let bench = SessionBench.filtered(early: UnsealedInput(answer: Array("!".utf8)))
        #expect(bench.sending == "!")
    }

    @Test func `what holds no data wakes no read, and exactly and until go over records`() {
        let bench = SessionBench.filtered()
        bench.submit(.readiness, .exactly(4), .until())
        bench.arrives("~")
        bench.arrives("~~<")
        #expect(bench.told() == [])
        bench.arrives("a>")
        #expect(bench.told() == ["read#1 ok 0"])
        bench.arrives("<bc><de\nf>")
        #expect(bench.told() == ["read#2 ok 4 'abcd'", "read#3 ok 2 'e\n'"])
    }

    @Test func `the peer's end is end_of_stream, and the output goes on`() {
        let bench = SessionBench.filtered()
        bench.submit(.read(), .read())
        bench.arrives("<last>.")
        #expect(bench.told() == ["read#1 ok 4 'last'", "read#2 end_of_stream 0"])
        #expect(bench.session.view.input == "end_of_stream")
        bench.submit(.write("on"))
        bench.takes()
        #expect(bench.told() == ["write#3 ok 2"])
    }

    @Test func `a wire that ends without it is failed, after its bytes, and stays so`() {
        let bench = SessionBench.filtered()
        bench.submit(.exactly(100))
        bench.arrives("<last><la")
        bench.ends()
        #expect(bench.told() == ["read#1 failed(truncated) 4 'last'"])
        bench.submit(.read())
        #expect(bench.told() == ["read#2 failed(truncated) 0"])
        #expect(bench.session.view.input == "truncated")
        #expect(bench.session.view.output == "open")
    }

    @Test func `a reset stays a reset`() {
        let bench = SessionBench.filtered()
        bench.submit(.exactly(9))
        bench.arrives("<abc><d")
        bench.answer("receive", .failed(.connectionReset))
        #expect(bench.told() == ["read#1 failed(connection_reset) 3 'abc'"])
        bench.submit(.write("x"))
        #expect(bench.told() == ["write#2 failed(connection_reset) 0"])
    }

    @Test func `a reset that a send was told is the end, not a truncation`() {
        let bench = SessionBench.filtered()
        bench.submit(.write("x"))
        bench.answer("send", .failed(.connectionReset))
        bench.submit(.exactly(9))
        bench.arrives("<abc>")
        bench.ends()
        #expect(
            bench.told() == [
                "write#1 failed(connection_reset) 0", "read#2 failed(connection_reset) 3 'abc'",
            ])
    }

    @Test func `a broken filter ends both directions, and tells the peer once`() {
        let bench = SessionBench.filtered()
        bench.submit(.exactly(9), .read())
        bench.arrives("<abc>#<more>")
        #expect(
            bench.told() == ["read#1 failed(broken) 3 'abc'", "read#2 failed(broken) 0"])
        #expect(bench.sending == "x")
        #expect(bench.stepNames == ["send cancelled"], "one try")
        bench.submit(.write("x"))
        bench.answer("send", .failed(.cancelled))
        #expect(bench.told() == ["write#3 failed(broken) 0"])
        #expect(bench.session.view.output == "broken")
        bench.close()
        bench.settle()
        #expect(bench.hasEnded)
    }

    @Test func `a filter that breaks while a record is on its way ends the write too`() {
        let bench = SessionBench.filtered()
        bench.submit(.write("0123456789"), .read())
        bench.arrives("#")
        #expect(bench.stepNames == ["send cancelled"])
        bench.answer("send", .sent(3))
        #expect(
            bench.told() == ["read#2 failed(broken) 0", "write#1 failed(broken) 0"])
        #expect(bench.stepNames == [])
    }

    @Test func `a question is answered without an operation, in turn`() {
        let bench = SessionBench.filtered()
        bench.submit(.read())
        bench.arrives("?")
        #expect(bench.sending == "!")
        bench.submit(.write("abc"))
        bench.takes()
        #expect(bench.sending == "<abc>")
        bench.arrives("?")
        bench.takes(2)
        #expect(bench.sending == "bc>!", "behind the record that is on its way")
        bench.takes()
        #expect(bench.told() == ["write#2 ok 3"])
    }

    @Test func `C1 a paused standing read leaves the device waiting, within one receive`() {
        let bench = SessionBench.filtered()
        bench.submit(.standing(credit: 1))
        bench.arrives("<one\n><two\n>")
        #expect(bench.told() == ["read#1 ok 4 'one\n' more"])
        let big = String(repeating: "<12345678>", count: 8_192)
        bench.arrives(big)
        #expect(bench.stepNames == [], "64 KiB are enough")
        bench.credit(1, to: 1)
        #expect(bench.told() == ["read#1 ok 4 'two\n' more"])
        #expect(bench.stepNames == [])
    }

    @Test func `a cancelled read takes nothing`() {
        let bench = SessionBench.filtered()
        let read = bench.submit(.exactly(8))[0]
        bench.arrives("<abc><d")
        bench.cancel(read)
        #expect(bench.told() == ["read#1 cancelled(operation_aborted) 0"])
        bench.submit(.exactly(4))
        bench.arrives("e>")
        #expect(bench.told() == ["read#2 ok 4 'abcd'"])
    }

    // MARK: - The look before a transact

    @Test func `O3 a look that finds no data is made again, and the transact goes on`() {
        let bench = SessionBench.filtered()
        bench.submit(.standing(), .ask("q\n"))
        bench.answer("unread", .control(.number(2)))
        #expect(bench.stepNames == ["receive"])
        // What the look saw is two tickets: data that was none is not waited for.
        bench.arrives("~~")
        #expect(bench.sending == "<q\n>")
        bench.takes()
        bench.arrives("<a\n>")
        #expect(bench.told() == ["transact#2 ok 2 'a\n' sent 2"])
    }

    @Test func `O3 a receive that was out before the look is counted as the kernel counts`() {
        let bench = SessionBench.filtered()
        bench.submit(.standing())
        #expect(bench.stepNames == ["receive"])
        bench.submit(.ask("q\n"))
        bench.arrives("~")
        bench.answer("unread", .control(.number(1)))
        #expect(bench.stepNames == ["unread"], "it may have seen what has come since")
        bench.answer("unread", .control(.number(0)))
        #expect(bench.sending == "<q\n>")
    }

    @Test func `O3 what a look finds is taken and unsealed before the transact begins`() {
        let bench = SessionBench.filtered()
        bench.submit(.standing(), .ask("q\n"))
        bench.answer("unread", .control(.number(9)))
        bench.arrives("~<old\n>")
        #expect(bench.told() == ["read#1 ok 4 'old\n' more"])
        #expect(bench.stepNames == ["receive"])
        bench.arrives("<n")
        #expect(bench.sending == "<q\n>", "half a record is not data yet")
        bench.takes()
        bench.arrives("ew\n>")
        #expect(bench.told() == ["transact#2 ok 4 'new\n' sent 2"])
    }

    @Test func `R10 discard_input throws away what is unsealed and what the kernel has`() {
        let bench = SessionBench.filtered()
        bench.submit(.exactly(1))
        bench.arrives("<abc>")
        _ = bench.told()
        bench.submit(.ask("q\n", discard: true))
        bench.answer("unread", .control(.number(5)))
        bench.arrives("~<de>")
        #expect(bench.sending == "<q\n>")
        bench.takes()
        bench.arrives("<a\n>")
        #expect(bench.told() == ["transact#2 ok 2 'a\n' sent 2 discarded 4"])
    }
}
