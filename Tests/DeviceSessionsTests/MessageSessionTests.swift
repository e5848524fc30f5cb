import DeviceSessions
import EngineBase
import PortEngine
import Testing

@Suite struct MessageSessionTests {
    private let bench = SessionBench.packets(.message)

    @Test func `M08, M09 the rest of a message is for the next read`() {
        bench.submit(.read(4), .read(5), .read(5), .read())
        bench.comes("0123456789")
        bench.comes("next")
        #expect(
            bench.told() == [
                "read#1 truncated(more_data) 4 '0123' of 10",
                "read#2 truncated(more_data) 5 '45678' of 6", "read#3 ok 1 '9'",
                "read#4 ok 4 'next'",
            ])
    }

    @Test func `M08 a read of no bytes keeps a message and takes an empty one`() {
        bench.submit(.readiness, .readiness, .read(), .readiness)
        bench.comes("kept")
        bench.comes("")
        #expect(
            bench.told() == [
                "read#1 truncated(more_data) 0 of 4", "read#2 truncated(more_data) 0 of 4",
                "read#3 ok 4 'kept'", "read#4 ok 0",
            ])
    }

    @Test func `M10 an empty message is told from the end`() {
        bench.submit(.read(), .read(), .read())
        bench.comes("")
        bench.answer("receiveMessage", .received([]))
        #expect(
            bench.told() == ["read#1 ok 0", "read#2 end_of_stream 0", "read#3 end_of_stream 0"])
        #expect(bench.session.view.input == "end_of_stream")
        #expect(bench.session.view.output == "open")
    }

    @Test func `M13 the rest of a long answer is for a plain read`() {
        bench.submit(
            .transact(
                [113], .available(limit: 2), discardsInput: false, answerTimeoutMilliseconds: nil),
            .read())
        bench.goes()
        bench.comes("abcd")
        #expect(
            bench.told() == [
                "transact#1 truncated(more_data) 2 'ab' sent 1 of 4", "read#2 ok 2 'cd'",
            ])
    }

    @Test func `a message that is longer than any is dropped, and told`() {
        bench.submit(.read(), .standing(lines: false))
        bench.comes("part", size: 2_000_000)
        bench.comes("part", size: 2_000_000)
        bench.comes("fits")
        #expect(
            bench.told() == [
                "read#1 failed(frame_too_long) 0", "read#2 failed(frame_too_long) 0 more",
                "read#2 ok 4 'fits' more",
            ])
    }

    @Test func `a reset that comes before messages is told behind them, and stays`() {
        bench.submit(.read(), .read(), .read())
        bench.answer("receiveMessage", .failed(.connectionReset))
        bench.comes("one")
        bench.answer("receiveMessage", .received([]))
        #expect(
            bench.told() == [
                "read#1 ok 3 'one'", "read#2 failed(connection_reset) 0",
                "read#3 failed(connection_reset) 0",
            ])
        bench.submit(.write("w"))
        #expect(bench.told() == ["write#4 failed(connection_reset) 0"])
        #expect(bench.session.view.input == "connection_reset")
    }

    @Test func `an error that comes again is the end`() {
        bench.submit(.read())
        bench.answer("receiveMessage", .failed(.connectionReset))
        bench.answer("receiveMessage", .failed(.badDescriptor))
        #expect(bench.told() == ["read#1 failed(connection_reset) 0"])
    }

    @Test func `a broken pipe ends the output alone`() {
        bench.submit(.write("a"), .write(""), .read())
        bench.answer("sendMessage", .failed(.brokenPipe))
        bench.comes("still")
        #expect(
            bench.told() == [
                "write#1 failed(broken_pipe) 0", "write#2 failed(broken_pipe) 0",
                "read#3 ok 5 'still'",
            ])
    }

    @Test func `too long to send fails by itself`() {
        bench.submit(.write("a"), .write("b"))
        bench.answer("sendMessage", .failed(.messageTooLong))
        bench.goes()
        #expect(bench.told() == ["write#1 failed(message_too_long) 0", "write#2 ok 1"])
    }

    @Test func `a cancelled write tears nothing behind it`() {
        bench.submit(.write("a"), .write("b"))
        bench.cancel(1)
        bench.answer("sendMessage", .failed(.cancelled))
        bench.goes()
        #expect(bench.told() == ["write#1 cancelled(operation_aborted) 0", "write#2 ok 1"])
    }

    @Test func `a standing read that is too short for a message gives it in parts`() {
        bench.submit(.read(.available(limit: 2), repeats: true, credit: 2))
        bench.comes("12345")
        #expect(
            bench.told() == [
                "read#1 truncated(more_data) 2 '12' of 5 more",
                "read#1 truncated(more_data) 2 '34' of 3 more",
            ])
        #expect(bench.pending == ["read#1 paused by credit"])
        bench.credit(1, to: 1)
        #expect(bench.told() == ["read#1 ok 1 '5' more"])
    }

    @Test func `a paused standing read learns of the end when it goes on`() {
        bench.submit(.standing(lines: false, credit: 0))
        #expect(bench.stepNames == [])
        bench.credit(1, to: 1)
        bench.answer("receiveMessage", .received([]))
        #expect(bench.told() == ["read#1 end_of_stream 0 last"])
    }

    @Test func `what is unread at the close is counted, thrown away and resets nobody`() {
        bench.submit(.read(2))
        bench.comes("12345")
        bench.close()
        _ = bench.told()
        bench.answer("unsent", .control(.number(0)))
        bench.looks(true)
        bench.answer("unsent", .control(.number(0)))
        bench.answer("shutdown", .done)
        bench.comes("more")
        bench.comes("")
        #expect(bench.stepNames == ["receiveMessage"], "until none is there")
        bench.pass(5)
        bench.answer("unsent", .control(.number(0)))
        #expect(bench.stepNames == ["receiveMessage cancelled"])
        bench.answer("receiveMessage", .failed(.cancelled))
        bench.settle()
        #expect(bench.told() == ["session_closed ok discarded 7"])
    }
}
