import DeviceSessions
import EngineBase
import PortEngine
import Testing

@Suite struct TransactTests {
    @Test func `M12 a transact sends and reads its answer as one operation`() {
        let bench = SessionBench()
        bench.submit(.ask("*IDN?\n"))
        #expect(bench.stepNames == ["send"])
        bench.takes()
        #expect(bench.stepNames == ["receive"])
        #expect(bench.told() == [])
        bench.arrives("ACME\n")
        #expect(bench.told() == ["transact#1 ok 5 'ACME\n' sent 6"])
    }

    @Test func `a transact waits for earlier reads and holds up later ones`() {
        let bench = SessionBench()
        bench.submit(.until(), .ask("q\n"), .until())
        #expect(!bench.has("send"))
        bench.arrives("one\n")
        #expect(bench.told() == ["read#1 ok 4 'one\n'"])
        #expect(bench.sending == "q\n")
        bench.takes()
        bench.arrives("answer\nmore\n")
        #expect(bench.told() == ["transact#2 ok 7 'answer\n' sent 2", "read#3 ok 5 'more\n'"])
    }

    @Test func `a transact waits for earlier writes and later writes wait for its answer`() {
        let bench = SessionBench()
        bench.submit(.write("a"), .ask("q\n"), .write("b"))
        #expect(bench.sending == "a")
        bench.takes()
        #expect(bench.sending == "q\n")
        bench.takes()
        #expect(!bench.has("send"))
        bench.arrives("x\n")
        #expect(bench.sending == "b")
        #expect(bench.told() == ["write#1 ok 1", "transact#2 ok 2 'x\n' sent 2"])
    }

    @Test func `the next transact begins in the turn that ends the last`() {
        let bench = SessionBench()
        bench.submit(.ask("1\n"), .ask("2\n"))
        bench.takes()
        bench.arrives("one\n")
        #expect(bench.sending == "2\n")
        #expect(bench.told() == ["transact#1 ok 4 'one\n' sent 2"])
    }

    @Test func `bytes that were there are read as the answer`() {
        let bench = SessionBench()
        bench.submit(.read(1))
        bench.arrives("xlate\n")
        _ = bench.told()
        bench.submit(.ask("q\n"))
        bench.takes()
        #expect(bench.told() == ["transact#2 ok 5 'late\n' sent 2"])
    }

    @Test func `M15 with discard_input what is there is thrown away and counted`() {
        let bench = SessionBench()
        bench.submit(.read(1))
        bench.arrives("xlate\n")
        _ = bench.told()
        bench.submit(.ask("q\n", discard: true))
        #expect(bench.stepNames == ["unread"], "the kernel may have more")
        bench.answer("unread", .control(.number(0)))
        bench.takes()
        #expect(bench.told() == [])
        bench.arrives("good\n")
        #expect(bench.told() == ["transact#2 ok 5 'good\n' sent 2 discarded 5"])
    }

    @Test func `M15 what the kernel still has is thrown away too`() {
        let bench = SessionBench()
        bench.submit(.ask("q\n", discard: true))
        bench.answer("unread", .control(.number(4)))
        #expect(bench.stepNames == ["receive"])
        bench.arrives("old\n")
        bench.takes()
        bench.arrives("new\n")
        #expect(bench.told() == ["transact#1 ok 4 'new\n' sent 2 discarded 4"])
    }

    @Test func `each transact with discard_input looks anew`() {
        let bench = SessionBench()
        bench.submit(.ask("1\n", discard: true))
        bench.cancel(1)
        bench.answer("unread", .control(.number(0)))
        #expect(bench.told() == ["transact#1 cancelled(operation_aborted) 0 sent 0"])
        // By now the kernel may have bytes.
        bench.submit(.ask("2\n", discard: true))
        #expect(bench.stepNames == ["unread"])
    }

    @Test func `a transact needs no look at the kernel without discard_input`() {
        let bench = SessionBench()
        bench.submit(.ask("q\n"))
        #expect(bench.stepNames == ["send"])
    }

    @Test func `an answer may come in pieces and leave bytes behind`() {
        let bench = SessionBench()
        bench.submit(.ask("q\n"))
        bench.takes()
        bench.arrives("ab")
        bench.arrives("c\nrest")
        bench.submit(.read())
        #expect(bench.told() == ["transact#1 ok 4 'abc\n' sent 2", "read#2 ok 4 'rest'"])
    }

    @Test func `an answer timed out gives what had come and takes it out`() {
        let bench = SessionBench()
        bench.submit(.ask("q\n", answerTimeout: 100))
        bench.pass(1_000)
        #expect(bench.told() == [], "it runs from the last byte sent")
        bench.takes()
        bench.arrives("par")
        bench.pass(99)
        #expect(bench.told() == [])
        bench.pass(1)
        #expect(bench.told() == ["transact#1 timed_out(timed_out) 3 'par' sent 2"])
        bench.submit(.read())
        bench.arrives("t\n")
        #expect(bench.told() == ["read#2 ok 2 't\n'"])
    }

    @Test func `the time from acceptance ends a transact at each step`() {
        let queued = SessionBench()
        queued.submit(.read())
        queued.submit(.ask("q\n"), timeout: 100)
        queued.pass(100)
        #expect(queued.told() == ["transact#2 timed_out(timed_out) 0 sent 0"])

        let sending = SessionBench()
        sending.submit(.ask("q\n"), timeout: 100)
        sending.pass(100)
        sending.answer("send", .failed(.cancelled))
        #expect(sending.told() == ["transact#1 timed_out(timed_out) 0 sent 0"])

        let answering = SessionBench()
        answering.submit(.ask("q\n"), timeout: 100)
        answering.takes()
        answering.arrives("x")
        answering.pass(100)
        #expect(answering.told() == ["transact#1 timed_out(timed_out) 1 'x' sent 2"])
    }

    @Test func `a transact cancelled while it waits for its answer takes no byte`() {
        let bench = SessionBench()
        bench.submit(.ask("q\n"))
        bench.takes()
        bench.arrives("par")
        bench.cancel(1)
        #expect(bench.told() == ["transact#1 cancelled(operation_aborted) 0 sent 2"])
        bench.submit(.read())
        #expect(bench.told() == ["read#2 ok 3 'par'"])
    }

    @Test func `a connection that ends before the answer ends the transact with its part`() {
        let bench = SessionBench()
        bench.submit(.ask("q\n"))
        bench.takes()
        bench.arrives("pa")
        bench.ends()
        #expect(bench.told() == ["transact#1 end_of_stream 2 'pa' sent 2"])
    }

    @Test func `an empty request reads an answer`() {
        let bench = SessionBench()
        bench.submit(.ask(""))
        bench.arrives("hi\n")
        #expect(bench.told() == ["transact#1 ok 3 'hi\n' sent 0"])
    }

    @Test func `an answer waits for room`() {
        let bench = SessionBench()
        bench.submit(.ask("q\n"))
        bench.takes()
        bench.surroundings.portAcceptsPayload = false
        bench.arrives("a\n")
        #expect(bench.told() == ["await room"])
        #expect(bench.pending == ["transact#1 paused by port"])
        #expect(!bench.has("receive"))
        bench.surroundings.portAcceptsPayload = true
        bench.room()
        #expect(bench.told() == ["transact#1 ok 2 'a\n' sent 2"])
    }
}

@Suite struct TransactBehindStandingReadTests {
    private func bench(lines: Bool = true, credit: Int? = nil) -> SessionBench {
        let bench = SessionBench()
        bench.submit(.standing(lines: lines, credit: credit))
        return bench
    }

    @Test func `a standing read gets all that had arrived and steps aside for the answer`() {
        let bench = bench()
        bench.submit(.ask("q\n"))
        #expect(bench.stepNames.sorted() == ["receive", "unread"])
        bench.answer("unread", .control(.number(3)))
        #expect(!bench.has("send"), "what has arrived comes first")
        bench.arrives("ev\n")
        #expect(bench.told() == ["read#1 ok 3 'ev\n' more"])
        bench.takes()
        bench.arrives("answer\nev2\n")
        #expect(bench.told() == ["transact#2 ok 7 'answer\n' sent 2", "read#1 ok 4 'ev2\n' more"])
        #expect(bench.pending == ["read#1 running"])
    }

    @Test func `a frame that the standing read had begun is kept out of the answer`() {
        let bench = bench()
        bench.arrives("begun ")
        bench.submit(.ask("q\n"))
        bench.answer("unread", .control(.number(0)))
        bench.takes()
        bench.arrives("answer\nand ended\n")
        #expect(
            bench.told() == [
                "transact#2 ok 7 'answer\n' sent 2", "read#1 ok 16 'begun and ended\n' more",
            ])
    }

    @Test func `an answer that comes before the request is all out is the transact's`() {
        let bench = bench()
        bench.submit(.ask("query\n"))
        bench.answer("unread", .control(.number(0)))
        bench.takes(2)
        bench.arrives("answer\n")
        #expect(bench.told() == [], "bytes belong to the transact from its first byte on")
        bench.takes()
        #expect(bench.told() == ["transact#2 ok 7 'answer\n' sent 6"])
    }

    @Test func `a transact waits for a standing read that is paused with bytes`() {
        let bench = bench(credit: 1)
        bench.arrives("one\ntwo\n")
        #expect(bench.told() == ["read#1 ok 4 'one\n' more"])
        #expect(bench.pending == ["read#1 paused by credit"])
        bench.submit(.ask("q\n"))
        #expect(!bench.has("send"))
        bench.credit(1, to: 1)
        #expect(bench.told() == ["read#1 ok 4 'two\n' more"])
        bench.answer("unread", .control(.number(0)))
        #expect(bench.sending == "q\n")
    }

    @Test func `a transact whose standing read ends starts`() {
        let bench = bench(credit: 0)
        bench.arrives("one\n")
        bench.submit(.ask("q\n"))
        #expect(!bench.has("send"))
        bench.cancel(1)
        #expect(bench.told() == ["read#1 cancelled(operation_aborted) 0 last"])
        #expect(bench.sending == "q\n")
        bench.takes()
        #expect(bench.told() == ["transact#2 ok 4 'one\n' sent 2"])
    }

    @Test func `a transact cancelled in its answer gives the bytes to the standing read`() {
        let bench = bench()
        bench.arrives("be")
        bench.submit(.ask("q\n"))
        bench.answer("unread", .control(.number(0)))
        bench.takes()
        bench.arrives("gu")
        bench.cancel(2)
        bench.arrives("n\n")
        #expect(
            bench.told() == [
                "transact#2 cancelled(operation_aborted) 0 sent 2", "read#1 ok 6 'begun\n' more",
            ])
    }

    @Test func `the end is told to the transact and then to the standing read with its part`() {
        let bench = bench()
        bench.arrives("part")
        bench.submit(.ask("q\n"))
        bench.answer("unread", .control(.number(0)))
        bench.takes()
        bench.arrives("an")
        bench.ends()
        #expect(
            bench.told() == [
                "transact#2 end_of_stream 2 'an' sent 2", "read#1 end_of_stream 4 'part' last",
            ])
    }

    @Test func `a standing read cancelled during a transact loses no byte`() {
        let bench = bench()
        bench.arrives("begun")
        bench.submit(.ask("q\n"))
        bench.answer("unread", .control(.number(0)))
        bench.takes()
        bench.cancel(1)
        bench.arrives("answer\n")
        bench.submit(.read())
        #expect(
            bench.told() == [
                "read#1 cancelled(operation_aborted) 0 last",
                "transact#2 ok 7 'answer\n' sent 2", "read#3 ok 5 'begun'",
            ])
    }

    @Test func `a look that saw what has been received since is made again`() {
        let bench = bench()
        bench.submit(.ask("q\n"))
        bench.arrives("ev\n")
        bench.answer("unread", .control(.number(3)))
        #expect(bench.has("unread"))
        bench.answer("unread", .control(.number(0)))
        #expect(bench.sending == "q\n")
        #expect(bench.told() == ["read#1 ok 3 'ev\n' more"])
    }

    @Test func `between two transacts the standing read gets what has arrived`() {
        let bench = bench()
        bench.submit(.ask("1\n"), .ask("2\n"))
        bench.answer("unread", .control(.number(0)))
        bench.takes()
        bench.arrives("one\nev\n")
        #expect(bench.told() == ["transact#2 ok 4 'one\n' sent 2", "read#1 ok 3 'ev\n' more"])
        #expect(!bench.has("send"), "the kernel may have more for the standing read")
        bench.answer("unread", .control(.number(0)))
        bench.takes()
        bench.arrives("two\n")
        #expect(bench.told() == ["transact#3 ok 4 'two\n' sent 2"])
    }

    @Test func `a look at the kernel that was asked for a cancelled transact tells nothing later`()
    {
        let bench = bench()
        bench.submit(.ask("1\n"))
        bench.cancel(2)
        bench.answer("unread", .control(.number(0)))
        bench.submit(.ask("2\n"))
        #expect(bench.has("unread"))
        #expect(!bench.has("send"))
    }
}
