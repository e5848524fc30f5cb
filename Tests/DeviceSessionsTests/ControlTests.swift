import DeviceSessions
import EngineBase
import PortEngine
import Testing

@Suite struct ControlTests {
    private let ask = OperationKind.control(.kernel(.unreadBytes, takesTurn: false))
    private let inTurn = OperationKind.control(.kernel(.unreadBytes, takesTurn: true))

    @Test func `a control gives its number and overtakes a pending read`() {
        let bench = SessionBench()
        let numbers = bench.submit(.read(), ask)
        bench.answer("unread", .control(.number(17)))
        #expect(bench.told() == ["control#2 ok 0"])
        #expect(bench.lastEntries[numbers[1]]?.details?.extras?.value == 17)
    }

    @Test func `a control that takes its turn waits for the writes before it`() {
        let bench = SessionBench()
        bench.submit(.write("abc"), inTurn, .write("d"))
        #expect(bench.stepNames == ["send"])
        bench.takes()
        #expect(bench.stepNames == ["unread"])
        bench.answer("unread", .control(.number(0)))
        bench.takes()
        #expect(bench.told() == ["write#1 ok 3", "control#2 ok 0", "write#3 ok 1"])
    }

    @Test func `a control that the kernel refuses fails with its errno`() {
        let bench = SessionBench()
        bench.submit(ask)
        bench.answer("unread", .failed(.notSupported))
        let entry = bench.lastEntries[1]
        #expect(entry?.status == .failed)
        #expect(entry?.details?.error?.errno == Errno.notSupported.rawValue)
    }

    @Test func `a running control that is cancelled ends when its step is given back`() {
        let bench = SessionBench()
        bench.submit(ask)
        bench.cancel()
        #expect(bench.told().isEmpty)
        bench.settle()
        #expect(bench.told() == ["control#1 cancelled(operation_aborted) 0"])
    }

    @Test func `a control that waits for the open starts with it`() {
        let bench = SessionBench(opening: .stream)
        bench.submit(ask)
        #expect(bench.stepNames == ["poll"])
        bench.opens()
        bench.answer("unread", .control(.number(0)))
        #expect(bench.told().last == "control#1 ok 0")
    }

    @Test func `a close awaits a running control and tells its true result`() {
        let bench = SessionBench()
        bench.submit(.read(), ask)
        bench.close(force: true)
        bench.answer("receive", .failed(.cancelled))
        #expect(bench.told().isEmpty)
        bench.answer("unread", .control(.number(5)))
        bench.settle()
        #expect(
            bench.told() == [
                "read#1 cancelled(operation_aborted) 0", "control#2 ok 0", "session_closed ok",
            ])
    }
}
