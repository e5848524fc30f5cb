import DeviceSessions
import EngineBase
import PortEngine
import Testing

@Suite struct AcceptTests {
    @Test func `A01 a listener takes a connection only for a pending accept`() {
        let bench = SessionBench.listener()
        #expect(bench.stepNames == [])
        bench.submit(.accept, .accept)
        #expect(bench.stepNames == ["accept"])
        bench.connects()
        #expect(bench.told() == ["accept#1 brings 127.0.0.1:50000"])
        #expect(bench.stepNames == ["accept"])
        bench.connects()
        #expect(bench.stepNames == [])
        #expect(bench.session.view.counters.accepted == 2)
    }

    @Test func `A01 the entry names the listener, its key and the new session`() {
        let bench = SessionBench.listener()
        let operation = IOOperation(
            number: 1, kind: .accept, context: "c", deadline: nil, delivery: .port)
        let entry = bench.session.acceptEntry(
            of: operation, brought: SessionID(5), peer: "127.0.0.1:1")
        #expect(entry.kind == .accept)
        #expect(entry.status == .ok)
        #expect(entry.bytes == 0)
        #expect(entry.key == "k")
        #expect(entry.context == "c")
        #expect(entry.details?.session == SessionBench.id.text)
        #expect(entry.details?.accepted == SessionID(5).text)
        #expect(entry.details?.peer == "127.0.0.1:1")
    }

    @Test func `K12 a running accept ends when the driver gives it back`() {
        let bench = SessionBench.listener()
        bench.submit(.accept, .accept)
        bench.cancel(1)
        #expect(bench.told() == [])
        #expect(bench.stepNames == ["accept cancelled"])
        bench.answer("accept", .failed(.cancelled))
        #expect(
            bench.told() == ["release 1", "accept#1 cancelled(operation_aborted) 0"])
        #expect(bench.stepNames == ["accept"])
    }

    @Test func `K09 an accept that was cancelled too late brings its connection`() {
        let bench = SessionBench.listener()
        bench.submit(.accept)
        bench.cancel(1)
        bench.connects()
        #expect(bench.told() == ["accept#1 brings 127.0.0.1:50000"])
    }

    @Test func `A04 an accept has its own time`() {
        let bench = SessionBench.listener()
        bench.submit(.accept, timeout: 100)
        bench.pass(100)
        bench.answer("accept", .failed(.cancelled))
        #expect(bench.told() == ["release 1", "accept#1 timed_out(timed_out) 0"])
    }

    @Test func `out of descriptors the listener pauses, twice as long each time up to 1 s`() {
        let bench = SessionBench.listener()
        bench.submit(.accept)
        for (round, pause) in [100, 200, 400, 800, 1_000, 1_000].enumerated() {
            bench.answer("accept", .failed([.tooManyOpenFiles, .fileTableFull][round % 2]))
            #expect(bench.told() == [])
            bench.pass(pause - 1)
            #expect(!bench.has("accept"), "after \(pause - 1) ms")
            bench.pass(1)
            #expect(bench.has("accept"), "after \(pause) ms")
        }
        #expect(bench.session.view.counters.acceptPauses == 6)
        bench.connects()
        bench.submit(.accept)
        bench.answer("accept", .failed(.noMemory))
        bench.pass(99)
        #expect(!bench.has("accept"))
        bench.pass(1)
        #expect(bench.has("accept"), "a success makes the pause short again")
    }

    @Test func `a paused accept can be cancelled and times out`() {
        let bench = SessionBench.listener()
        bench.submit(.accept, .accept, timeout: 150)
        bench.answer("accept", .failed(.noBufferSpace))
        bench.cancel(1)
        #expect(bench.told() == ["release 1", "accept#1 cancelled(operation_aborted) 0"])
        bench.pass(150)
        bench.answer("accept", .failed(.cancelled))
        #expect(bench.told() == ["release 1", "accept#2 timed_out(timed_out) 0"])
    }

    @Test func `at the limit of sessions the listener waits`() {
        let bench = SessionBench.listener()
        bench.surroundings.mayAddSession = false
        bench.submit(.accept)
        #expect(bench.stepNames == [])
        bench.surroundings.mayAddSession = true
        bench.pass(100)
        #expect(bench.stepNames == ["accept"])
    }

    @Test func `Z12 closing a listener cancels its accepts once each, in order`() {
        let bench = SessionBench.listener()
        bench.submit(.accept, .accept)
        bench.close()
        #expect(bench.stepNames == ["accept cancelled"])
        bench.settle()
        #expect(
            bench.told() == [
                "release 1", "accept#1 cancelled(operation_aborted) 0", "release 1",
                "accept#2 cancelled(operation_aborted) 0", "session_closed ok",
            ])
        #expect(bench.hasEnded)
    }

    @Test func `Z30 a connection that comes while closing is not lost`() {
        let bench = SessionBench.listener()
        bench.submit(.accept, .accept)
        bench.close()
        bench.connects()
        bench.settle()
        #expect(
            bench.told() == [
                "accept#1 brings 127.0.0.1:50000", "release 1",
                "accept#2 cancelled(operation_aborted) 0", "session_closed ok",
            ])
    }

    @Test func `a listener that breaks tells its accept`() {
        let bench = SessionBench.listener()
        bench.submit(.accept)
        bench.answer("accept", .failed(.invalidArgument))
        #expect(bench.told() == ["release 1", "accept#1 failed(io_error) 0"])
    }
}
