import DeviceSessions
import EngineBase
import PortEngine
import Testing

/// A transact that must know what had arrived before it looks once, waits for what it saw, and for
/// nothing that came later: a device that never stops sending does not hold it up.
@Suite struct LookTests {
    private func bench(lines: Bool = true, credit: Int? = nil) -> SessionBench {
        let bench = SessionBench()
        bench.submit(.standing(lines: lines, credit: credit))
        return bench
    }

    @Test func `a transact waits for the bytes that its look saw and for no more`() {
        let bench = bench()
        bench.submit(.ask("q\n"))
        bench.answer("unread", .control(.number(6)))
        bench.arrives("1\n2\n")
        #expect(!bench.has("send"), "two bytes are still in the kernel")
        bench.arrives("3\n")
        #expect(
            bench.told() == [
                "read#1 ok 2 '1\n' more", "read#1 ok 2 '2\n' more", "read#1 ok 2 '3\n' more",
            ])
        #expect(bench.sending == "q\n")
        #expect(!bench.has("unread"), "it does not look again")
        bench.arrives("4\n5\n")
        bench.takes()
        #expect(bench.told() == ["transact#2 ok 2 '4\n' sent 2", "read#1 ok 2 '5\n' more"])
    }

    @Test func `bytes received with those that the look saw are the standing read's too`() {
        let bench = bench(lines: false)
        bench.submit(.ask("q\n"))
        bench.answer("unread", .control(.number(3)))
        bench.arrives("ev\nmore")
        #expect(bench.told() == ["read#1 ok 7 'ev\nmore' more"], "they came before the request")
        bench.takes()
        bench.arrives("a\n")
        #expect(bench.told() == ["transact#2 ok 2 'a\n' sent 2"])
    }

    @Test func `with discard_input what the look saw is thrown away and what comes later is not`() {
        let bench = SessionBench()
        bench.submit(.ask("q\n", discard: true))
        bench.answer("unread", .control(.number(6)))
        bench.arrives("old")
        #expect(!bench.has("send"))
        bench.arrives("er\n")
        #expect(bench.sending == "q\n")
        bench.takes()
        bench.arrives("flood\n")
        #expect(bench.told() == ["transact#1 ok 6 'flood\n' sent 2 discarded 6"])
    }

    @Test func `a look that was overtaken by bytes is made again without a receive out`() {
        let bench = bench(lines: false)
        bench.submit(.ask("q\n"))
        bench.arrives("ev")
        #expect(bench.stepNames == ["unread"], "what came may be what the look saw")
        bench.answer("unread", .control(.number(2)))
        #expect(bench.stepNames == ["unread"], "nothing can come between this look and its end")
        bench.answer("unread", .control(.number(3)))
        bench.arrives("ent")
        #expect(bench.told() == ["read#1 ok 2 'ev' more", "read#1 ok 3 'ent' more"])
        #expect(bench.sending == "q\n")
    }

    @Test func `a read that is paused with what the look saw is waited for`() {
        let bench = bench(credit: 1)
        bench.submit(.ask("q\n"))
        bench.answer("unread", .control(.number(4)))
        bench.arrives("1\n2\n")
        #expect(bench.told() == ["read#1 ok 2 '1\n' more"])
        #expect(!bench.has("send"))
        bench.credit(1, to: 1)
        #expect(bench.told() == ["read#1 ok 2 '2\n' more"])
        #expect(bench.sending == "q\n")
    }

    @Test func `a paused read holds the device back however much the look saw`() {
        let bench = bench(credit: 0)
        bench.submit(.ask("q\n"))
        bench.answer("unread", .control(.number(200_000)))
        let line = String(repeating: "x", count: 65_535) + "\n"
        bench.arrives(line)
        #expect(bench.pending.first == "read#1 paused by credit")
        #expect(!bench.has("receive"), "64 KiB are there")
        bench.cancel(1)
        #expect(bench.sending == "q\n")
    }

    @Test func `the next transact looks for itself`() {
        let bench = bench()
        bench.submit(.ask("1\n"))
        bench.answer("unread", .control(.number(5)))
        bench.cancel(2)
        bench.submit(.ask("2\n"))
        #expect(bench.has("unread"))
        bench.answer("unread", .control(.number(0)))
        #expect(bench.sending == "2\n")
    }

    @Test func `an end that comes before what the look saw starts the transact`() {
        let bench = bench()
        bench.submit(.ask("q\n"))
        bench.answer("unread", .control(.number(5)))
        bench.ends()
        #expect(bench.told() == ["read#1 end_of_stream 0 last"])
        #expect(bench.sending == "q\n")
    }
}
