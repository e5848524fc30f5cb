import DeviceSessions
import EngineBase
import PortEngine
import Testing

@Suite struct CancelTests {
    @Test func `K01 a cancel of what has ended or never was says so`() {
        let bench = SessionBench()
        bench.submit(.write("a"))
        bench.takes()
        let answer = bench.cancel(1, 2, 0)
        #expect(answer.cancelling == 0)
        #expect(answer.alreadyDone == [1])
        #expect(answer.unknown == [2, 0])
        let all = bench.cancel()
        #expect(all.cancelling == 0)
        #expect(all.alreadyDone == [])
    }

    @Test func `K02 a cancel ends just that one and the others keep their place`() {
        let bench = SessionBench()
        bench.submit(.read(2), .read(2), .read(2))
        #expect(bench.cancel(2).cancelling == 1)
        #expect(bench.told() == ["read#2 cancelled(operation_aborted) 0"])
        #expect(bench.lastEntries[2]?.details?.error?.win32 == 995)
        #expect(bench.lastEntries[2]?.key == "k")
        bench.arrives("abcd")
        #expect(bench.told() == ["read#1 ok 2 'ab'", "read#3 ok 2 'cd'"])
    }

    @Test func `K03 a cancelled read cannot be cancelled again`() {
        let bench = SessionBench()
        bench.submit(.read())
        bench.cancel(1)
        #expect(bench.cancel(1).alreadyDone == [1])
        #expect(bench.told().count == 1)
    }

    @Test func `K04 a cancelled read takes nothing and the session stays usable`() {
        let bench = SessionBench()
        bench.submit(.exactly(10))
        bench.arrives("abc")
        bench.cancel(1)
        #expect(bench.told() == ["read#1 cancelled(operation_aborted) 0"])
        bench.submit(.read())
        #expect(bench.told() == ["read#2 ok 3 'abc'"])
    }

    @Test func `K06 a cancel after completion changes nothing`() {
        let bench = SessionBench()
        bench.submit(.read())
        bench.arrives("abc")
        #expect(bench.cancel(1).alreadyDone == [1])
        #expect(bench.told() == ["read#1 ok 3 'abc'"])
    }

    @Test func `K20 bytes that come for a cancelled read stay for the next`() {
        let bench = SessionBench()
        bench.submit(.read())
        bench.cancel(1)
        bench.arrives("late")
        bench.submit(.read())
        #expect(
            bench.told() == ["read#1 cancelled(operation_aborted) 0", "read#2 ok 4 'late'"])
        #expect(bench.stepNames == [])
    }

    @Test func `a cancel of all ends reads, writes and transacts`() {
        let bench = SessionBench()
        bench.submit(.read(), .write("abc"), .ask("q\n"), .write("d"))
        #expect(bench.cancel().cancelling == 4)
        bench.answer("send", .failed(.cancelled))
        #expect(
            bench.told().sorted() == [
                "read#1 cancelled(operation_aborted) 0",
                "transact#3 cancelled(operation_aborted) 0 sent 0",
                "write#2 cancelled(operation_aborted) 0",
                "write#4 cancelled(operation_aborted) 0",
            ])
        bench.submit(.write("again"))
        #expect(bench.sending == "again")
    }

    @Test func `a cancel while opening ends operations but not the open`() {
        let bench = SessionBench(opening: .stream)
        bench.submit(.read(), .write("a"))
        #expect(bench.cancel().cancelling == 2)
        #expect(
            bench.told() == [
                "read#1 cancelled(operation_aborted) 0", "write#2 cancelled(operation_aborted) 0",
            ])
        bench.opens()
        #expect(bench.told() == ["open ok"])
        #expect(bench.stepNames == [])
    }

    @Test func `a read paused by the port can be cancelled and leaves its bytes`() {
        let bench = SessionBench()
        bench.surroundings.portAcceptsPayload = false
        bench.submit(.read())
        bench.arrives("a")
        bench.cancel(1)
        bench.surroundings.portAcceptsPayload = true
        bench.room()
        bench.submit(.read())
        #expect(
            bench.told() == [
                "await room", "read#1 cancelled(operation_aborted) 0", "read#2 ok 1 'a'",
            ])
    }
}

@Suite struct TimeOutTests {
    @Test func `a read timed out gives what it had gathered and takes it out`() {
        let bench = SessionBench()
        bench.submit(.exactly(10), timeout: 100)
        bench.arrives("abc")
        bench.pass(99)
        #expect(bench.told() == [])
        bench.pass(1)
        #expect(bench.told() == ["read#1 timed_out(timed_out) 3 'abc'"])
        #expect(bench.lastEntries[1]?.details?.error?.win32 == 258)
        bench.submit(.read())
        bench.arrives("d")
        #expect(bench.told() == ["read#2 ok 1 'd'"])
    }

    @Test func `a delimited read timed out gives its part`() {
        let bench = SessionBench()
        bench.submit(.until(), timeout: 100)
        bench.arrives("half")
        bench.pass(100)
        #expect(bench.told() == ["read#1 timed_out(timed_out) 4 'half'"])
    }

    @Test func `a read that never started times out with nothing`() {
        let bench = SessionBench()
        bench.submit(.exactly(10))
        bench.submit(.read(), timeout: 100)
        bench.arrives("abc")
        bench.pass(100)
        #expect(bench.told() == ["read#2 timed_out(timed_out) 0"])
        bench.arrives("defghij")
        #expect(bench.told() == ["read#1 ok 10 'abcdefghij'"])
    }

    @Test func `the time counts from acceptance, opening included`() {
        let bench = SessionBench(opening: .stream)
        bench.submit(.read(), .write("a"), timeout: 100)
        bench.pass(100)
        #expect(
            bench.told() == ["read#1 timed_out(timed_out) 0", "write#2 timed_out(timed_out) 0"])
        bench.opens()
        #expect(bench.told() == ["open ok"])
    }

    @Test func `a time-out is not held up by a full port and carries what was gathered`() {
        let bench = SessionBench()
        bench.surroundings.portAcceptsPayload = false
        bench.submit(.until(), timeout: 100)
        bench.arrives("abc\nd")
        bench.pass(100)
        bench.surroundings.portAcceptsPayload = true
        bench.room()
        bench.submit(.read())
        #expect(
            bench.told() == [
                "await room", "read#1 timed_out(timed_out) 4 'abc\n'", "read#2 ok 1 'd'",
            ])
    }

    @Test func `a timer of an operation that has ended does nothing`() {
        let bench = SessionBench()
        bench.submit(.read(), timeout: 100)
        bench.arrives("abc")
        bench.pass(1_000)
        #expect(bench.told() == ["read#1 ok 3 'abc'"])
    }

    @Test func `the next read goes on at once when the one before it times out`() {
        let bench = SessionBench()
        bench.submit(.exactly(10), timeout: 100)
        bench.submit(.read(2))
        bench.arrives("abc")
        bench.pass(100)
        bench.arrives("de")
        #expect(bench.told() == ["read#1 timed_out(timed_out) 3 'abc'", "read#2 ok 2 'de'"])
    }
}
