import EngineBase
import PortEngine
import Testing

@testable import DeviceSessions

/// COMMTIMEOUTS: the timers of a serial line's reads, which end them `ok`.
@Suite struct ReadTimerTests {
    private func read(
        _ goal: ReadGoal = .available(limit: 65_536), interval: Int? = nil, total: Int? = nil
    ) -> OperationKind {
        .read(
            ReadRequest(
                goal,
                timers: ReadTimers(intervalMilliseconds: interval, totalMilliseconds: total)))
    }

    @Test func `S12 without timers a read completes as soon as anything is there`() {
        let bench = SessionBench.line()
        bench.submit(.read())
        bench.pass(100_000)
        #expect(bench.told() == [])
        bench.arrives("a")
        #expect(bench.told() == ["read#1 ok 1 'a'"])
    }

    @Test func `S12 with a total a read completes as soon as anything is there, else then`() {
        let bench = SessionBench.line()
        bench.submit(read(total: 200))
        bench.arrives("ab")
        #expect(bench.told() == ["read#1 ok 2 'ab'"])
        bench.submit(read(total: 200))
        bench.pass(199)
        #expect(bench.told() == [])
        bench.pass(1)
        #expect(bench.told() == ["read#2 ok 0"])
    }

    @Test func `S01 exactly completes only when it is full`() {
        let bench = SessionBench.line()
        bench.submit(.exactly(5))
        bench.arrives("abc")
        bench.pass(100_000)
        #expect(bench.told() == [])
        bench.arrives("def")
        #expect(bench.told() == ["read#1 ok 5 'abcde'"])
    }

    @Test func `S02 interval 0 gives what is there now, even nothing`() {
        let bench = SessionBench.line()
        bench.submit(read(interval: 0))
        #expect(bench.told() == ["read#1 ok 0"])
        bench.arrives("abc")
        bench.submit(read(.exactly(9), interval: 0), read(interval: 0))
        #expect(bench.told() == ["read#2 ok 3 'abc'", "read#3 ok 0"])
    }

    @Test func `S03 and S04 the total ends a read that is not full, with what has come`() {
        let bench = SessionBench.line()
        bench.submit(read(.exactly(5), total: 200))
        bench.pass(200)
        bench.submit(read(.exactly(5), total: 200))
        bench.pass(150)
        bench.arrives("abc")
        bench.pass(49)
        #expect(bench.told() == ["read#1 ok 0"])
        bench.pass(1)
        #expect(bench.told() == ["read#2 ok 3 'abc'"])
    }

    @Test func `S05 the interval runs from the first byte on, and anew after each`() {
        let bench = SessionBench.line()
        bench.submit(read(.exactly(9), interval: 50))
        bench.pass(10_000)
        #expect(bench.told() == [])
        bench.arrives("a")
        bench.pass(49)
        bench.arrives("bc")
        bench.pass(49)
        #expect(bench.told() == [])
        bench.pass(1)
        #expect(bench.told() == ["read#1 ok 3 'abc'"])
    }

    @Test func `a read of what is there gathers until the pause, or until it is full`() {
        let bench = SessionBench.line()
        bench.submit(read(.available(limit: 4), interval: 50))
        bench.arrives("ab")
        #expect(bench.told() == [])
        bench.arrives("cdef")
        #expect(bench.told() == ["read#1 ok 4 'abcd'"])
        // What was there before counts as come at the start.
        bench.submit(read(.available(limit: 4), interval: 50))
        bench.pass(49)
        #expect(bench.told() == [])
        bench.pass(1)
        #expect(bench.told() == ["read#2 ok 2 'ef'"])
    }

    @Test func `the total ends what the interval would go on with`() {
        let bench = SessionBench.line()
        bench.submit(read(interval: 50, total: 100))
        bench.arrives("a")
        bench.pass(40)
        bench.arrives("b")
        bench.pass(40)
        bench.arrives("c")
        bench.pass(20)
        #expect(bench.told() == ["read#1 ok 3 'abc'"])
    }

    @Test func `the end of the line ends a read that gathers, and then tells itself`() {
        let bench = SessionBench.line()
        bench.submit(read(interval: 50), read(interval: 50))
        bench.arrives("ab")
        bench.ends()
        #expect(bench.told() == ["read#1 ok 2 'ab'", "read#2 end_of_stream 0"])
    }

    @Test func `the clock starts when the read heads its lane`() {
        let bench = SessionBench.line()
        bench.submit(.exactly(1), read(total: 100))
        bench.pass(1_000)
        bench.arrives("a")
        bench.pass(99)
        #expect(bench.told() == ["read#1 ok 1 'a'"])
        bench.pass(1)
        #expect(bench.told() == ["read#2 ok 0"])
    }

    @Test func `the session's timers hold for reads that bring none`() {
        let timers = ReadTimers(intervalMilliseconds: nil, totalMilliseconds: 100)
        let bench = SessionBench.line(timers: timers)
        bench.submit(.exactly(5), read(.exactly(5), total: 300))
        bench.pass(100)
        #expect(bench.told() == ["read#1 ok 0"])
        bench.pass(299)
        #expect(bench.told() == [])
        bench.pass(1)
        #expect(bench.told() == ["read#2 ok 0"])
        // Neither a standing read nor the question whether something is there has an end by them.
        bench.submit(.readiness)
        bench.pass(1_000)
        bench.cancel()
        bench.submit(.standing())
        bench.pass(1_000)
        #expect(bench.told() == ["read#3 cancelled(operation_aborted) 0"])
    }

    @Test func `the clock of an answer starts with the last byte sent`() {
        let bench = SessionBench.line()
        bench.submit(
            .transact(
                TransactRequest(
                    Array("ab".utf8), .exactly(5),
                    timers: ReadTimers(intervalMilliseconds: nil, totalMilliseconds: 100))))
        bench.pass(500)
        bench.takes()
        bench.arrives("xyz")
        bench.pass(99)
        #expect(bench.told() == [])
        bench.pass(1)
        #expect(bench.told() == ["transact#1 ok 3 'xyz' sent 2"])
    }

    @Test func `a timer's end waits for room like any data, and a time-out does not`() {
        let bench = SessionBench.line()
        bench.surroundings.portAcceptsPayload = false
        bench.submit(read(.exactly(5), total: 100))
        bench.arrives("abc")
        bench.pass(100)
        #expect(bench.told() == ["await room"])
        bench.surroundings.portAcceptsPayload = true
        bench.room()
        #expect(bench.told() == ["read#1 ok 3 'abc'"])
        bench.submit([read(.exactly(5), total: 100)], timeout: 50)
        bench.arrives("d")
        bench.pass(50)
        #expect(bench.told() == ["read#2 timed_out(timed_out) 1 'd'"])
    }
}
