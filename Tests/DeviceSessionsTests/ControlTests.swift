import DeviceSessions
import EngineBase
import PortEngine
import Testing

@Suite struct ControlTests {
    private let ask = OperationKind.control(.kernel(.unreadBytes, takesTurn: false))
    private let inTurn = OperationKind.control(.kernel(.unreadBytes, takesTurn: true))

    @Test func `a control gives its number and overtakes a pending read`() {
        var bench = SessionBench.open()
        bench.submit(.read(), ask)
        bench.answer("unread", .control(.number(17)))
        #expect(bench.entries.map(\.kind) == [.control])
        #expect(bench.entries[0].status == .ok)
        #expect(bench.entries[0].details?.extras?.value == 17)
    }

    @Test func `a control that takes its turn waits for the writes before it`() {
        var bench = SessionBench.open()
        bench.submit(.write("abc"), inTurn, .write("d"))
        #expect(bench.pendingNames == ["send"])
        bench.answer("send", .sent(3))
        #expect(bench.pendingNames == ["unread"])
        bench.answer("unread", .control(.number(0)))
        bench.answer("send", .sent(1))
        #expect(bench.entries.map(\.kind) == [.write, .control, .write])
    }

    @Test func `a control that the kernel refuses fails with its errno`() {
        var bench = SessionBench.open()
        bench.submit(ask)
        bench.answer("unread", .failed(.notSupported))
        #expect(bench.entries[0].status == .failed)
        #expect(bench.entries[0].details?.error?.errnoName == "ENOTSUP")
    }

    @Test func `a running control that is cancelled ends when its step is given back`() {
        var bench = SessionBench.open()
        bench.submit(ask)
        bench.cancel()
        #expect(bench.entries.isEmpty)
        bench.answer("unread", .failed(.cancelled))
        #expect(bench.entries.map(\.status) == [.cancelled])
    }

    @Test func `a close awaits a running control and tells its true result`() {
        var bench = SessionBench.open()
        bench.submit(.read(), ask)
        bench.close(force: true)
        bench.answer("receive", .failed(.cancelled))
        #expect(bench.entries.isEmpty)
        bench.answer("unread", .control(.number(5)))
        #expect(bench.entries.map(\.kind).prefix(2) == [.read, .control])
        #expect(bench.entries.map(\.status).prefix(2) == [.cancelled, .ok])
    }
}
