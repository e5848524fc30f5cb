import DeviceSessions
import EngineBase
import PortEngine
import Testing

@Suite struct FileSessionTests {
    private let bench = FileLab(1)[0]

    @Test func `operations run one at a time in the order they were accepted`() {
        bench.submit(.writeAt(3, "abc"), .readAt(0), .size, .sync, .readAt(9))
        #expect(bench.stepNames == ["writeAt"])
        bench.answer("writeAt", .sent(3))
        bench.answer("readAt", .text("abc"))
        bench.answer("size", .control(.number(6)))
        bench.answer("sync", .done)
        bench.answer("readAt", .text(""))
        #expect(
            bench.told() == [
                "write#1 ok 3", "read#2 ok 3 'abc'", "control#3 ok 0", "control#4 ok 0",
                "read#5 end_of_stream(end_of_file) 0",
            ])
        #expect(bench.lastEntries[3]?.details?.extras?.value == 6)
        #expect(bench.lastEntries[5]?.details?.error?.win32 == 38)
    }

    @Test func `operations accepted while it opened run in their order`() {
        let bench = SessionBench(opening: .file(FileLab.key))
        bench.submit(.readAt(0), .writeAt(0, "x"), .size, .unlock(0, 1))
        #expect(bench.stepNames == ["poll"])
        bench.cancel(2)
        bench.opens()
        bench.answer("readAt", .text("a"))
        bench.answer("size", .control(.number(1)))
        #expect(
            bench.told() == [
                "write#2 cancelled(operation_aborted) 0", "open ok", "read#1 ok 1 'a'",
                "control#3 ok 0", "unlock#4 failed(not_locked) 0",
            ])
    }

    @Test func `exactly gives what there is at the end, and until a line`() {
        bench.submit(
            .readAt(0, .exactly(4)), .readAt(0, .exactly(4)),
            .readAt(0, .until([10], limit: 6)), .readAt(0, .until([10], limit: 6)),
            .readAt(0, .until([10], limit: 6)))
        for text in ["abcd", "abc", "ab\ncd\n", "abc", "abcdef"] {
            bench.answer("readAt", .text(text))
        }
        #expect(
            bench.told() == [
                "read#1 ok 4 'abcd'", "read#2 end_of_stream(end_of_file) 3 'abc'",
                "read#3 ok 3 'ab\n'", "read#4 end_of_stream(end_of_file) 3 'abc'",
                "read#5 failed(frame_too_long) 6 'abcdef'",
            ])
    }

    @Test func `reads and writes of no byte are ok in their turn, without the kernel`() {
        bench.submit(.readAt(5), .readAt(9, .readiness), .writeAt(9, ""))
        #expect(bench.stepNames == ["readAt"])
        #expect(bench.told().isEmpty)
        bench.answer("readAt", .text("a"))
        #expect(bench.told() == ["read#1 ok 1 'a'", "read#2 ok 0", "write#3 ok 0"])
    }

    @Test func `no byte lies behind the largest offset`() {
        let last = FileRange.largestOffset
        bench.submit(.readAt(last), .writeAt(last, "x"), .readAt(last - 2), .writeAt(last - 1, "x"))
        guard case .readAt(_, offset: last - 2, limit: 2)? = bench.steps.first?.step else {
            Issue.record("out is \(bench.stepNames)")
            return
        }
        bench.answer("readAt", .text(""))
        bench.answer("writeAt", .failed(Errno(27)))
        #expect(
            bench.told() == [
                "read#1 end_of_stream(end_of_file) 0", "write#2 failed(file_too_large) 0",
                "read#3 end_of_stream(end_of_file) 0", "write#4 failed(file_too_large) 0",
            ])
    }

    @Test func `a read waits while its port has no room for bytes`() {
        bench.surroundings.portAcceptsPayload = false
        bench.submit(.readAt(0), .writeAt(0, "x"))
        #expect(bench.pending == ["read#1 paused by port", "write#2 queued"])
        #expect(bench.told() == ["await room"])
        bench.surroundings.portAcceptsPayload = true
        bench.room()
        bench.answer("readAt", .text("a"))
        bench.answer("writeAt", .sent(1))
        #expect(bench.told() == ["read#1 ok 1 'a'", "write#2 ok 1"])
    }

    @Test func `a paused read can be cancelled`() {
        bench.surroundings.portAcceptsPayload = false
        bench.submit(.readAt(0), .writeAt(0, "x"))
        bench.cancel(1)
        bench.answer("writeAt", .sent(1))
        #expect(
            bench.told()
                == ["await room", "read#1 cancelled(operation_aborted) 0", "write#2 ok 1"])
    }

    @Test func `a write goes on where the kernel stopped, and tells what it took`() {
        bench.submit(.writeAt(10, "abcdef"), .writeAt(0, "gh"))
        bench.answer("writeAt", .sent(2))
        guard case .writeAt(_, offset: 12, bytes: Array("cdef".utf8))? = bench.steps.first?.step
        else {
            Issue.record("out is \(bench.steps)")
            return
        }
        bench.answer("writeAt", .failed(Errno(28)))
        bench.answer("writeAt", .sent(2))
        #expect(bench.told() == ["write#1 failed(disk_full) 2", "write#2 ok 2"])
        #expect(bench.lastEntries[1]?.details?.error?.win32 == 112)
    }

    @Test func `a write of which the kernel takes nothing ends`() {
        bench.submit(.writeAt(0, "a"))
        bench.answer("writeAt", .sent(0))
        #expect(bench.told() == ["write#1 failed(io_error) 0"])
    }

    // MARK: - Cancel and time-out

    @Test func `a queued operation is cancelled at once, a running one tells its result`() {
        bench.submit(.readAt(0), .writeAt(0, "ab"), .writeAt(0, "c"))
        bench.cancel()
        #expect(bench.pending == ["read#1 stopping"])
        #expect(
            bench.told() == [
                "write#2 cancelled(operation_aborted) 0", "write#3 cancelled(operation_aborted) 0",
            ])
        bench.answer("readAt", .text("true"))
        #expect(bench.told() == ["read#1 ok 4 'true'"])
    }

    @Test func `what the driver could call back is cancelled`() {
        bench.submit(.writeAt(0, "ab"), .readAt(0))
        bench.cancel(1)
        bench.answer("writeAt", .failed(.cancelled))
        #expect(bench.told() == ["write#1 cancelled(operation_aborted) 0"])
        #expect(bench.stepNames == ["readAt"])
    }

    @Test func `a read that is stuck ends with its time-out, and the next one waits for it`() {
        bench.submit(.readAt(0), timeout: 100)
        bench.submit(.readAt(7))
        bench.pass(100)
        #expect(bench.stepNames == ["readAt cancelled"])
        #expect(bench.told().isEmpty)
        bench.pass(1)
        #expect(bench.told() == ["read#1 timed_out(timed_out) 0"])
        bench.pass(10_000)
        #expect(bench.pending == ["read#2 queued"])
        bench.answer("readAt", .text("late"))
        bench.answer("readAt", .text("next"))
        #expect(bench.told() == ["read#2 ok 4 'next'"])
    }

    @Test func `a write that is stuck is indeterminate`() {
        bench.submit(.writeAt(0, "abc"), timeout: 100)
        bench.answer("writeAt", .sent(1))
        bench.pass(101)
        #expect(bench.told() == ["write#1 indeterminate(outcome_unknown) 1"])
        #expect(bench.session.view.lastError?.code == "outcome_unknown")
        bench.answer("writeAt", .sent(2))
        #expect(bench.told().isEmpty)
    }

    @Test func `a write that the driver could call back in time is not indeterminate`() {
        bench.submit(.writeAt(0, "abc"), timeout: 100)
        bench.pass(100)
        bench.answer("writeAt", .failed(.cancelled))
        bench.pass(10)
        #expect(bench.told() == ["write#1 timed_out(timed_out) 0"])
    }

    @Test func `a write that ends within its time-out's moment is ok`() {
        bench.submit(.writeAt(0, "abc"), timeout: 100)
        bench.pass(100)
        bench.answer("writeAt", .sent(3))
        #expect(bench.told() == ["write#1 ok 3"])
    }

    @Test func `a cancelled write that is stuck still ends with its time-out`() {
        bench.submit(.writeAt(0, "abc"), timeout: 100)
        bench.cancel(1)
        bench.pass(101)
        #expect(bench.told() == ["write#1 indeterminate(outcome_unknown) 0"])
    }

    // MARK: - Close

    @Test func `a close waits for what the kernel has and tells its result`() {
        bench.submit(.writeAt(0, "abc"), .readAt(0), .sync)
        bench.close()
        #expect(bench.told().isEmpty)
        bench.answer("writeAt", .sent(3))
        bench.answer("close", .done)
        #expect(
            bench.told() == [
                "write#1 ok 3", "read#2 cancelled(operation_aborted) 0",
                "control#3 cancelled(operation_aborted) 0", "session_closed ok",
            ])
        #expect(bench.hasEnded)
    }

    @Test(arguments: [false, true])
    func `a close waits even for what has timed out`(force: Bool) {
        bench.submit(.writeAt(0, "abc"), timeout: 10)
        bench.pass(20)
        bench.close(force: force)
        #expect(bench.told() == ["write#1 indeterminate(outcome_unknown) 0"])
        #expect(bench.stepNames == ["writeAt cancelled"])
        bench.answer("writeAt", .sent(3))
        #expect(bench.stepNames == ["close"])
        bench.answer("close", .done)
        #expect(bench.told() == ["session_closed ok"])
    }

    @Test func `a failure during the close is told`() {
        bench.submit(.writeAt(0, "abc"))
        bench.close()
        bench.answer("writeAt", .failed(Errno(5)))
        bench.answer("close", .done)
        #expect(bench.told() == ["write#1 failed(io_error) 0", "session_closed ok"])
    }

    @Test func `a read that ended during the close gives its bytes, half a write what it took`() {
        bench.submit(.readAt(0))
        bench.close()
        bench.answer("readAt", .text("abc"))
        bench.answer("close", .done)
        #expect(bench.told() == ["read#1 ok 3 'abc'", "session_closed ok"])

        let other = FileLab(1)[0]
        other.submit(.writeAt(0, "abc"))
        other.close()
        other.answer("writeAt", .sent(2))
        other.answer("close", .done)
        #expect(other.told() == ["write#1 cancelled(operation_aborted) 2", "session_closed ok"])
    }
}
