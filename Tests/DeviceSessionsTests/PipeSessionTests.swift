import DeviceSessions
import EngineBase
import PortEngine
import Testing

@Suite struct PipeSessionTests {
    private let bench = SessionBench()

    /// A session that has no client.
    private func disconnected() {
        bench.submit(.disconnect)
        bench.settle()
        _ = bench.told()
    }

    @Test func `A09, M07 what is pending ends, then the connection, then the disconnect`() {
        bench.submit(.read(), .read(), .write("abc"), .disconnect)
        #expect(bench.stepNames == ["send cancelled", "receive cancelled"])
        bench.answer("receive", .failed(.cancelled))
        bench.answer("send", .failed(.cancelled))
        #expect(
            bench.told() == [
                "read#1 failed(pipe_not_connected) 0", "read#2 failed(pipe_not_connected) 0",
                "write#3 failed(pipe_not_connected) 0",
            ])
        #expect(bench.stepNames == ["close"])
        bench.answer("close", .done)
        #expect(bench.told() == ["output renewed", "disconnect#4 ok 0"])
        #expect(bench.session.view.phase == .open)
        #expect(bench.session.view.input == "pipe_not_connected")
    }

    @Test func `M06 without a client everything fails`() {
        disconnected()
        bench.submit(
            .read(), .readiness, .write("x"), .write(""), .ask("q"), .ask("q", discard: true),
            .control(.kernel(.unreadBytes, takesTurn: true)), .disconnect)
        bench.submit(.standing())
        #expect(bench.stepNames == [])
        #expect(bench.told().allSatisfy { $0.contains("failed(pipe_not_connected)") })
        #expect(bench.lastEntries.count == 10)
    }

    @Test func `what the kernel had done is told as done`() {
        bench.submit(.write("abc"), .disconnect)
        bench.takes()
        #expect(bench.told() == ["write#1 ok 3"])
        bench.settle()
        #expect(bench.told() == ["output renewed", "disconnect#2 ok 0"])
    }

    @Test func `what was accepted behind a disconnect does not go to the old client`() {
        bench.submit(.disconnect, .write("new"), .accept)
        #expect(bench.stepNames == ["close"])
        bench.answer("close", .done)
        #expect(
            bench.told() == [
                "output renewed", "disconnect#1 ok 0", "write#2 failed(pipe_not_connected) 0",
                "asks its listener",
            ])
    }

    @Test func `the part that a read had gathered comes with its failure`() {
        bench.submit(.exactly(10))
        bench.arrives("part")
        bench.submit(.disconnect)
        bench.answer("receive", .failed(.cancelled))
        #expect(bench.told() == ["read#1 failed(pipe_not_connected) 4 'part'"])
    }

    @Test func `unread input is counted and not given to the next client's reader`() {
        bench.submit(.read(2))
        bench.arrives("12345")
        bench.submit(.disconnect, .accept)
        bench.settle()
        bench.clientComes()
        bench.submit(.read())
        bench.arrives("new")
        #expect(
            bench.told() == [
                "read#1 ok 2 '12'", "output renewed", "disconnect#2 ok 0 discarded 3",
                "asks its listener", "release 1", "accept#3 ok 0", "read#4 ok 3 'new'",
            ])
    }

    @Test func `an accept needs a disconnect first`() {
        bench.submit(.accept, .read())
        #expect(bench.told() == ["release 1", "accept#1 failed(pipe_connected) 0"])
        bench.ends()
        bench.submit(.accept)
        #expect(
            bench.told() == [
                "read#2 end_of_stream 0", "release 1", "accept#3 failed(broken_pipe) 0",
            ])
        #expect(bench.lastEntries[3]?.details?.error?.win32 == 232)
    }

    @Test func `the entry of an accept names the session itself`() {
        disconnected()
        bench.submit(.accept)
        bench.clientComes()
        #expect(bench.lastEntries[2]?.details?.accepted == SessionBench.id.text)
        #expect(bench.session.view.input == "open")
    }

    @Test func `cancel and time-out ask the listener first, and its answer counts`() {
        disconnected()
        bench.submit(.accept, timeout: 10)
        bench.pass(10)
        #expect(bench.told() == ["asks its listener", "withdraws from its listener"])
        bench.cancel()
        bench.clientIsRefused(.operationAborted)
        #expect(bench.told() == ["release 1", "accept#2 timed_out(timed_out) 0"])
        bench.submit(.accept)
        bench.cancel()
        bench.clientComes()
        #expect(
            bench.told() == [
                "asks its listener", "withdraws from its listener", "release 1", "accept#3 ok 0",
            ], "it was too late")
    }

    @Test func `accepts wait for each other, and the second finds a client there`() {
        disconnected()
        bench.submit(.accept, .accept)
        bench.clientComes()
        #expect(
            bench.told() == [
                "asks its listener", "release 1", "accept#2 ok 0", "release 1",
                "accept#3 failed(pipe_connected) 0",
            ])
    }

    @Test func `without a listener it fails, and can be asked again`() {
        disconnected()
        bench.submit(.accept)
        bench.clientIsRefused()
        bench.submit(.accept)
        #expect(
            bench.told() == [
                "asks its listener", "release 1", "accept#2 failed(listener_closed) 0",
                "asks its listener",
            ])
    }

    @Test func `a close awaits the listener's answer`() {
        disconnected()
        bench.submit(.accept)
        bench.close()
        #expect(!bench.hasEnded)
        bench.clientIsRefused(.operationAborted)
        #expect(
            bench.told() == [
                "asks its listener", "withdraws from its listener", "release 1",
                "accept#2 cancelled(operation_aborted) 0", "session_closed ok",
            ])
        #expect(bench.hasEnded)
    }

    @Test func `a client that came while closing is told of, and let go`() {
        disconnected()
        bench.submit(.accept)
        bench.close(force: true)
        bench.clientComes()
        bench.settle()
        #expect(
            bench.told() == [
                "asks its listener", "withdraws from its listener", "release 1", "accept#2 ok 0",
                "session_closed ok",
            ])
    }

    @Test func `a close at each point of a disconnect ends all in order`() {
        bench.submit(.read(), .disconnect)
        bench.close()
        bench.settle()
        #expect(
            bench.told() == [
                "read#1 cancelled(operation_aborted) 0",
                "disconnect#2 cancelled(operation_aborted) 0", "session_closed ok",
            ])
        let other = SessionBench()
        other.submit(.read(), .disconnect)
        other.answer("receive", .failed(.cancelled))
        other.submit(.accept)
        other.close()
        other.settle()
        #expect(
            other.told() == [
                "read#1 failed(pipe_not_connected) 0", "output renewed", "disconnect#2 ok 0",
                "release 1", "accept#3 cancelled(operation_aborted) 0", "session_closed ok",
            ])
    }

    @Test func `a session of messages forgets what it held`() {
        let bench = SessionBench.packets(.message)
        bench.submit(.read(2))
        bench.comes("12345")
        bench.submit(.disconnect, .accept)
        bench.settle()
        bench.clientComes()
        bench.submit(.read())
        bench.comes("new")
        #expect(
            bench.told() == [
                "read#1 truncated(more_data) 2 '12' of 5", "output renewed",
                "disconnect#2 ok 0 discarded 3", "asks its listener", "release 1",
                "accept#3 ok 0", "read#4 ok 3 'new'",
            ])
    }
}

@Suite struct GuestTests {
    private let bench = SessionBench.listener()

    @Test func `guests and accepts are served in the order in which they asked`() {
        bench.submit(.accept)
        bench.guestAsks(7)
        bench.submit(.accept)
        for _ in 0..<3 { bench.connects() }
        #expect(
            bench.told() == [
                "accept#1 brings 127.0.0.1:50000", "gives 127.0.0.1:50000 to 7",
                "accept#2 brings 127.0.0.1:50000",
            ])
        #expect(bench.session.view.counters.accepted == 3)
    }

    @Test func `a guest needs no room for a session`() {
        bench.surroundings.mayAddSession = false
        bench.guestAsks(7)
        #expect(bench.stepNames == ["accept"])
    }

    @Test func `a guest that withdraws is answered, and no client is lost`() {
        bench.guestAsks(7)
        bench.guestAsks(8)
        bench.guestWithdraws(8)
        #expect(bench.told() == ["refuses 8 operation_aborted"])
        bench.guestWithdraws(7)
        #expect(bench.stepNames == ["accept cancelled"])
        bench.guestAsks(9)
        bench.answer("accept", .failed(.cancelled))
        bench.connects()
        #expect(
            bench.told() == ["refuses 7 operation_aborted", "gives 127.0.0.1:50000 to 9"])
        bench.guestWithdraws(9)
        #expect(bench.told() == [], "it has its answer")
    }

    @Test func `a guest that withdrew too late has the client`() {
        bench.guestAsks(7)
        bench.guestWithdraws(7)
        bench.connects()
        #expect(bench.told() == ["gives 127.0.0.1:50000 to 7"])
    }

    @Test func `want of descriptors pauses, another error is told`() {
        bench.guestAsks(7)
        bench.answer("accept", .failed(.tooManyOpenFiles))
        #expect(bench.stepNames == [])
        bench.pass(100)
        bench.answer("accept", .failed(.invalidArgument))
        #expect(bench.told() == ["refuses 7 io_error"])
    }

    @Test func `a listener that ends refuses all that wait and all that come`() {
        bench.submit(.accept)
        bench.guestAsks(7)
        bench.close()
        bench.guestAsks(8)
        bench.settle()
        #expect(
            bench.told() == [
                "refuses 8 listener_closed", "release 1",
                "accept#1 cancelled(operation_aborted) 0", "refuses 7 listener_closed",
                "session_closed ok",
            ])
    }

    @Test func `a client that came while the listener closes is the guest's`() {
        bench.guestAsks(7)
        bench.close()
        bench.connects()
        bench.settle()
        #expect(bench.told() == ["gives 127.0.0.1:50000 to 7", "session_closed ok"])
    }
}
