import EngineBase
import PortEngine
import Testing

@testable import DeviceSessions

@Suite struct ReconnectTests {
    private func bench(
        min: Int = 100, max: Int = 1_000, attempts: Int? = nil, idle: Int = 0
    ) -> SessionBench {
        var configuration = SessionConfiguration.bench(idle: idle)
        configuration.reconnect = ReconnectPolicy(
            minDelayMilliseconds: min, maxDelayMilliseconds: max, maxAttempts: attempts)
        let bench = SessionBench(opening: .stream, configuration)
        bench.opens()
        _ = bench.told()
        return bench
    }

    /// Answers the close of the lost descriptor.
    private func closesLost(_ bench: SessionBench) {
        bench.answer("close", .done)
    }

    /// Lets the pause pass and the attempt begin.
    private func tries(_ bench: SessionBench, after milliseconds: Int = 1_000) {
        bench.pass(milliseconds)
        #expect(bench.stepNames == ["poll"])
    }

    @Test func `after the peer's close what was pending ends in the order of acceptance`() {
        let bench = bench()
        bench.submit(.write("abc"), .until("\n"), .write("d"), .read())
        bench.arrives("xy")
        bench.ends()
        #expect(bench.told().isEmpty, "the write is still out")
        bench.answer("send", .failed(.cancelled))
        #expect(
            bench.told() == [
                "write#1 failed(broken_pipe) 0", "read#2 end_of_stream 2 'xy'",
                "write#3 failed(broken_pipe) 0", "read#4 end_of_stream 0",
                "session_state end_of_stream down",
            ])
        #expect(bench.session.view.phase == .down)
    }

    @Test func `a reset ends what was pending as failed, with its bytes`() {
        let bench = bench()
        bench.submit(.exactly(4))
        bench.arrives("ab")
        bench.answer("receive", .failed(.connectionReset))
        #expect(
            bench.told() == [
                "read#1 failed(connection_reset) 2 'ab'",
                "session_state failed(connection_reset) down",
            ])
    }

    @Test func `what nobody had read rides in the entry of the loss`() {
        let bench = bench()
        bench.submit(.exactly(1))
        bench.arrives("abc")
        bench.hangsUp()
        bench.ends()
        #expect(bench.told() == ["read#1 ok 1 'a'", "session_state end_of_stream 'bc' down"])
        #expect(bench.delivered == Array("abc".utf8))
    }

    @Test func `a hang-up is noticed with nothing pending`() {
        let bench = bench()
        #expect(bench.hangupsWatched == 1)
        #expect(bench.stepNames.isEmpty)
        bench.hangsUp()
        bench.ends()
        #expect(bench.told() == ["session_state end_of_stream down"])
    }

    @Test func `operations submitted while down wait for the next connection`() {
        let bench = bench()
        bench.hangsUp()
        bench.ends()
        bench.submit(.ask("?"))
        closesLost(bench)
        #expect(bench.pending == ["transact#1 queued"])
        tries(bench)
        bench.opens()
        #expect(
            bench.told() == ["session_state end_of_stream down", "session_state ok up attempts 1"])
        #expect(bench.sending == "?")
        bench.takes()
        bench.arrives("!\n")
        #expect(bench.told() == ["transact#1 ok 2 '!\n' sent 1"])
        #expect(bench.hangupsWatched == 2)
    }

    @Test func `a write that was out is never sent again`() {
        let bench = bench()
        bench.submit(.write("abcd"))
        bench.takes(2)
        bench.answer("send", .failed(.connectionReset))
        #expect(bench.told().isEmpty, "bytes may still be in the kernel")
        bench.answer("receive", .received([]))
        #expect(
            bench.told() == [
                "write#1 failed(connection_reset) 2", "session_state failed(connection_reset) down",
            ])
        closesLost(bench)
        tries(bench)
        bench.opens()
        #expect(bench.sending == nil)
    }

    @Test func `the pauses grow up to their limit, and are never shorter than the least`() {
        var generator = SeededGenerator(seed: 7)
        let policy = ReconnectPolicy(
            minDelayMilliseconds: 100, maxDelayMilliseconds: 1_000, maxAttempts: nil)
        for number in 1...30 {
            let longest = min(1_000, 100 << min(number, 20))
            for _ in 0..<200 {
                let delay = policy.delay(beforeAttempt: number, &generator)
                #expect((100...longest).contains(delay))
            }
        }
        let all = (0..<500).map { _ in policy.delay(beforeAttempt: 9, &generator) }
        #expect((all.max() ?? 0) > 900 && (all.min() ?? 0) < 200)
    }

    @Test func `used up attempts end the session`() {
        let bench = bench(attempts: 2)
        bench.hangsUp()
        bench.ends()
        bench.submit(.write("a"))
        closesLost(bench)
        for _ in 0..<2 {
            tries(bench)
            bench.answer("poll", .failed(.connectionRefused))
        }
        #expect(
            bench.told() == [
                "session_state end_of_stream down", "write#1 failed(connection_refused) 0",
                "release 2", "session_closed failed(connection_refused)",
            ])
        #expect(bench.hasEnded)
    }

    @Test func `an attempt that takes too long is given up`() {
        let bench = bench(attempts: 1)
        bench.hangsUp()
        bench.ends()
        closesLost(bench)
        tries(bench)
        bench.pass(5_000)
        #expect(bench.stepNames == ["poll cancelled"])
        bench.settle()
        #expect(bench.told().last == "session_closed failed(timed_out)")
        #expect(bench.hasEnded)
    }

    @Test func `without room an entry is left out and the next one counts it`() {
        let bench = bench()
        bench.surroundings.places = 0
        for _ in 0..<2 {
            bench.hangsUp()
            bench.ends()
            closesLost(bench)
            tries(bench)
            bench.opens()
        }
        #expect(
            bench.told() == ["session_state end_of_stream down", "session_state ok up attempts 1"])
        bench.surroundings.places = nil
        bench.hangsUp()
        bench.ends()
        #expect(bench.told() == ["session_state end_of_stream down skipped 2"])
    }

    @Test(arguments: [false, true])
    func `a close while down ends what waits as cancelled`(_ isTrying: Bool) {
        let bench = bench()
        bench.hangsUp()
        bench.ends()
        bench.submit(.read(), .write("a"))
        closesLost(bench)
        if isTrying { tries(bench) }
        _ = bench.told()
        bench.close()
        bench.settle()
        #expect(
            bench.told() == [
                "read#1 cancelled(operation_aborted) 0", "write#2 cancelled(operation_aborted) 0",
                "release 2", "session_closed ok",
            ])
        #expect(bench.hasEnded)
    }

    @Test func `a close while the lost descriptor is being closed ends what came since`() {
        let bench = bench()
        bench.hangsUp()
        bench.ends()
        bench.submit(.read())
        bench.close()
        bench.settle()
        #expect(
            bench.told() == [
                "session_state end_of_stream down", "read#1 cancelled(operation_aborted) 0",
                "release 2", "session_closed ok",
            ])
    }

    @Test func `a deadline passes while down`() {
        let bench = bench(min: 10_000, max: 10_000)
        bench.hangsUp()
        bench.ends()
        closesLost(bench)
        bench.submit([.write("a")], timeout: 50)
        _ = bench.told()
        bench.pass(50)
        #expect(bench.told() == ["write#1 timed_out(timed_out) 0"])
    }

    @Test func `a standing read ends with the connection and gives its part of a frame`() {
        let bench = bench()
        bench.submit(.standing())
        bench.arrives("a\nb")
        bench.ends()
        #expect(
            bench.told() == [
                "read#1 ok 2 'a\n' more", "read#1 end_of_stream 1 'b' last",
                "session_state end_of_stream down",
            ])
    }

    @Test func `a paused standing read leaves its frames to the entry of the loss`() {
        let bench = bench()
        bench.submit(.standing(credit: 1))
        bench.arrives("a\nb\nc\n")
        bench.ends()
        #expect(
            bench.told() == [
                "read#1 ok 2 'a\n' more", "read#1 end_of_stream 0 last",
                "session_state end_of_stream 'b\nc\n' down",
            ])
    }

    @Test func `a close while the end is sought counts what was read only to find it`() {
        var configuration = SessionConfiguration.bench(linger: 0)
        configuration.reconnect = ReconnectPolicy(
            minDelayMilliseconds: 100, maxDelayMilliseconds: 100, maxAttempts: nil)
        let bench = SessionBench.packets(.message, configuration)
        bench.submit(.read(2))
        bench.comes("abcd")
        #expect(bench.told() == ["read#1 truncated(more_data) 2 'ab' of 4"])
        bench.hangsUp()
        bench.comes("three")
        bench.close()
        bench.answer("receiveMessage", .failed(.cancelled))
        bench.answer("close", .done)
        #expect(bench.told() == ["release 2", "session_closed ok discarded 7"])
    }

    @Test func `behind a message that was thrown away none is given to a read`() {
        var configuration = SessionConfiguration.bench()
        configuration.reconnect = ReconnectPolicy(
            minDelayMilliseconds: 100, maxDelayMilliseconds: 100, maxAttempts: nil)
        let bench = SessionBench.packets(.message, configuration)
        bench.submit(.standing(lines: false))
        bench.surroundings.portAcceptsPayload = false
        bench.comes("one")
        bench.hangsUp()
        bench.comes("two")
        bench.surroundings.portAcceptsPayload = true
        bench.room()
        bench.comes("three")
        bench.answer("receiveMessage", .received([]))
        let told = bench.told().filter { $0 != "await room" }
        #expect(
            told == [
                "read#1 ok 3 'one' more", "read#1 end_of_stream 0 last",
                "session_state end_of_stream discarded 8 down",
            ])
    }
}
