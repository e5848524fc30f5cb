import DeviceSessions
import EngineBase
import PortEngine
import Testing

/// An operation that was told to end keeps the reason that it was told first, whatever comes while
/// the driver still has its step.
@Suite struct FirstReasonTests {
    @Test func `a write whose time was over before the close says so`() {
        let bench = SessionBench()
        bench.submit(.write("abcdef"), timeout: 100)
        bench.takes(2)
        bench.pass(100)
        #expect(bench.pending == ["write#1 stopping"])
        bench.close()
        bench.settle()
        #expect(bench.told() == ["write#1 timed_out(timed_out) 2", "session_closed ok"])
    }

    @Test func `a transact whose time was over before the close says so and what it sent`() {
        let bench = SessionBench()
        bench.submit(.ask("query\n"), timeout: 100)
        bench.takes(3)
        bench.pass(100)
        bench.close()
        bench.settle()
        #expect(bench.told() == ["transact#1 timed_out(timed_out) 0 sent 3", "session_closed ok"])
    }

    @Test func `an accept whose time was over before the close says so`() {
        let bench = SessionBench.listener()
        bench.submit(.accept, timeout: 100)
        bench.pass(100)
        bench.close()
        bench.settle()
        #expect(
            bench.told() == [
                "release 1", "accept#1 timed_out(timed_out) 0", "session_closed ok",
            ])
    }

    @Test(arguments: [CloseReason.deleted, .idle, .draining, .portClosed])
    func `what was cancelled before the close is cancelled by the request`(_ reason: CloseReason) {
        let bench = SessionBench()
        bench.submit(.write("abc"))
        bench.cancel(1)
        bench.close(reason)
        bench.settle()
        #expect(bench.told().first == "write#1 cancelled(operation_aborted) 0")
    }

    @Test func `a time-out that comes behind the cancel or the close changes nothing`() {
        let bench = SessionBench()
        bench.submit(.write("abc"), timeout: 100)
        bench.cancel(1)
        bench.pass(100)
        bench.close(.draining)
        bench.settle()
        #expect(bench.told().first == "write#1 cancelled(operation_aborted) 0")

        let other = SessionBench()
        other.submit(.write("abc"), timeout: 100)
        other.close(.draining)
        other.pass(100)
        other.settle()
        #expect(other.told().first == "write#1 cancelled(service_draining) 0")
    }

    @Test func `a write that was stopped and is complete after all is ok, closed or not`() {
        let bench = SessionBench()
        bench.submit(.write("abc"), timeout: 100)
        bench.pass(100)
        bench.close()
        bench.takes()
        bench.settle()
        #expect(bench.told() == ["write#1 ok 3", "session_closed ok"])
    }

    @Test func `what waits behind it is cancelled by the close`() {
        let bench = SessionBench()
        bench.submit(.write("abc"), timeout: 100)
        bench.submit(.write("def"), .read())
        bench.takes(1)
        bench.pass(100)
        bench.close(.draining)
        bench.settle()
        #expect(
            bench.told() == [
                "write#1 timed_out(timed_out) 1", "write#2 cancelled(service_draining) 0",
                "read#3 cancelled(service_draining) 0",
                "session_closed cancelled(service_draining)",
            ])
    }
}
