import DeviceSessions
import EngineBase
import PortEngine
import Testing

@Suite struct FilterOutputTests {
    @Test func `a write goes out record by record, and is ok when the last is out`() {
        let bench = SessionBench.filtered()
        bench.submit(.write("0123456789"))
        #expect(bench.sending == "<01234567>")
        bench.takes(4)
        #expect(bench.sending == "34567>")
        bench.takes()
        #expect(bench.sending == "<89>")
        #expect(bench.told() == [])
        bench.takes()
        #expect(bench.told() == ["write#1 ok 10"])
        #expect(bench.session.view.counters.bytesSent == 10)
    }

    @Test func `an empty write needs no record`() {
        let bench = SessionBench.filtered()
        bench.submit(.write(""))
        #expect(bench.told() == ["write#1 ok 0"])
        #expect(bench.stepNames == [])
    }

    // MARK: - W2

    @Test func `W2 a write whose first record is half out is ok, and the session finishes it`() {
        let bench = SessionBench.filtered()
        let write = bench.submit(.write("abc"), .write("next"))[0]
        bench.takes(2)
        bench.cancel(write)
        bench.answer("send", .failed(.cancelled))
        #expect(bench.told() == ["write#1 ok 3"], "all of it will go out")
        #expect(bench.sending == "bc>")
        bench.takes()
        #expect(bench.sending == "<next>")
    }

    @Test func `W2 a write with nothing out is unmade, and what follows goes on`() {
        let bench = SessionBench.filtered()
        let write = bench.submit(.write("abc"), .write("next"))[0]
        bench.cancel(write)
        bench.answer("send", .failed(.cancelled))
        #expect(bench.told() == ["write#1 cancelled(operation_aborted) 0"])
        #expect(bench.sending == "<next>")
    }

    @Test func `W2 a record that cannot be unmade counts as sent`() {
        let bench = SessionBench.filtered(.bench(), BracketFilter(takesBack: false))
        let write = bench.submit(.write("abc"), .write("next"))[0]
        bench.cancel(write)
        bench.answer("send", .failed(.cancelled))
        #expect(bench.told() == ["write#1 ok 3"])
        #expect(bench.sending == "<abc>")
    }

    @Test func `W2 a record with an answer behind it counts as sent`() {
        let bench = SessionBench.filtered()
        let write = bench.submit(.write("abc"), .read())[0]
        bench.arrives("?")
        bench.cancel(write)
        bench.answer("send", .failed(.cancelled))
        #expect(bench.told() == ["write#1 ok 3"])
        #expect(bench.sending == "<abc>!")
    }

    @Test func `W2 a write that ends in its midst tears what is queued, at a record's end`() {
        let bench = SessionBench.filtered()
        bench.submit(.write("0123456789abcdefXYZ"), timeout: 100)
        bench.submit(.write("queued"), .ask("q\n"))
        bench.takes()
        bench.takes(3)
        bench.pass(100)
        bench.answer("send", .failed(.cancelled))
        #expect(
            bench.told() == [
                "write#1 timed_out(timed_out) 16", "write#2 failed(write_torn) 0",
                "transact#3 failed(write_torn) 0 sent 0",
            ])
        #expect(bench.sending == "abcdef>", "the record is finished")
        bench.submit(.write("later"))
        #expect(bench.sending == "abcdef>")
        bench.takes()
        #expect(bench.sending == "<later>")
    }

    @Test func `W2 between two records nothing is left to finish`() {
        let bench = SessionBench.filtered()
        let write = bench.submit(.write("0123456789"))[0]
        bench.takes()
        bench.cancel(write)
        bench.answer("send", .failed(.cancelled))
        #expect(bench.told() == ["write#1 cancelled(operation_aborted) 8"])
        #expect(bench.stepNames == [], "the second record was unmade")
    }

    @Test func `W2 a cancel that comes too late is none`() {
        let bench = SessionBench.filtered()
        let write = bench.submit(.write("abc"))[0]
        bench.cancel(write)
        bench.takes()
        #expect(bench.told() == ["write#1 ok 3"])
    }

    @Test func `W3 a transact says how much of its request is out`() {
        let bench = SessionBench.filtered()
        let ask = bench.submit(.ask("0123456789\n"))[0]
        bench.takes()
        bench.takes(1)
        bench.cancel(ask)
        bench.answer("send", .failed(.cancelled))
        #expect(bench.told() == ["transact#1 cancelled(operation_aborted) 0 sent 11"])
        #expect(bench.sending == "89\n>")
    }

    @Test func `W4 a record that went out while a read met the reset counts`() {
        let bench = SessionBench.filtered()
        bench.submit(.write("abc"), .read())
        bench.answer("receive", .failed(.connectionReset))
        bench.takes()
        #expect(bench.told() == ["read#2 failed(connection_reset) 0", "write#1 ok 3"])
        #expect(bench.stepNames == [])
    }

    @Test func `W4 a reset counts whole records alone`() {
        let bench = SessionBench.filtered()
        bench.submit(.write("0123456789abcdef"), .write("next"))
        bench.takes()
        bench.takes(5)
        bench.answer("send", .failed(.connectionReset))
        #expect(
            bench.told() == [
                "write#1 failed(connection_reset) 8", "write#2 failed(connection_reset) 0",
            ])
        #expect(bench.stepNames == [])
    }

    // MARK: - W6

    @Test func `W6 a shutdown seals the end behind what is queued, and reads go on`() {
        let bench = SessionBench.filtered()
        bench.submit(.write("abc"))
        bench.shutdown()
        bench.takes()
        #expect(bench.told() == ["write#1 ok 3"])
        #expect(bench.sending == ".")
        bench.takes()
        #expect(bench.stepNames == [], "the socket itself stays open")
        #expect(bench.session.view.output == "shut")
        bench.submit(.read())
        bench.arrives("<still>")
        #expect(bench.told() == ["read#2 ok 5 'still'"])
        bench.shutdown()
        #expect(bench.stepNames == [])
    }

    // MARK: - The close

    @Test func `a close seals the end and lingers as every stream does`() {
        let bench = SessionBench.filtered()
        bench.close()
        #expect(bench.sending == ".")
        bench.takes()
        bench.answer("unsent", .control(.number(1)))
        #expect(bench.stepNames == ["shutdown", "receive"])
        bench.answer("shutdown", .done)
        bench.arrives("<unread>.")
        bench.pass(5)
        bench.answer("unsent", .control(.number(0)))
        bench.answer("close", .done)
        #expect(bench.told() == ["session_closed ok discarded 6"])
    }

    @Test func `a close finishes the record of a write that it cancels`() {
        let bench = SessionBench.filtered()
        bench.submit(.write("0123456789"), .write("next"))
        bench.takes(1)
        bench.close()
        #expect(bench.stepNames == ["send cancelled"])
        bench.answer("send", .failed(.cancelled))
        #expect(
            bench.told() == [
                "write#1 cancelled(operation_aborted) 8", "write#2 cancelled(operation_aborted) 0",
            ])
        #expect(bench.sending == "01234567>.")
        bench.takes()
        bench.settle()
        #expect(bench.told() == ["session_closed ok"])
    }

    @Test func `a close unmakes a record with nothing out`() {
        let bench = SessionBench.filtered()
        bench.submit(.write("abc"))
        bench.close()
        bench.answer("send", .failed(.cancelled))
        #expect(bench.told() == ["write#1 cancelled(operation_aborted) 0"])
        #expect(bench.sending == ".")
    }

    @Test func `a goodbye that the peer does not take is given up after linger_ms`() {
        let bench = SessionBench.filtered(.bench(linger: 100))
        bench.close()
        bench.pass(99)
        #expect(bench.stepNames == ["send"])
        bench.pass(1)
        #expect(bench.stepNames == ["send cancelled"])
        bench.answer("send", .failed(.cancelled))
        #expect(bench.stepNames == ["close"])
        bench.settle()
        #expect(bench.told() == ["session_closed ok"])
    }

    @Test func `without linger the end is tried once`() {
        for result in [StepResult.sent(1), .failed(.cancelled), .failed(.connectionReset)] {
            let bench = SessionBench.filtered(.bench(linger: 0))
            bench.close()
            #expect(bench.stepNames == ["send cancelled"])
            bench.answer("send", result)
            #expect(bench.stepNames == ["close"])
            bench.settle()
            #expect(bench.told() == ["session_closed ok"])
        }
    }

    @Test func `without linger half a record is neither finished nor counted`() {
        let bench = SessionBench.filtered(.bench(linger: 0))
        bench.submit(.write("abc"))
        bench.takes(1)
        bench.close()
        bench.answer("send", .failed(.cancelled))
        #expect(bench.told() == ["write#1 cancelled(operation_aborted) 0"])
        #expect(bench.stepNames == ["close"], "an end behind half a record would be garbage")
    }

    @Test func `a forced close says nothing`() {
        let bench = SessionBench.filtered()
        bench.submit(.write("abc"))
        bench.takes(1)
        bench.close(force: true)
        bench.answer("send", .failed(.cancelled))
        #expect(bench.told() == ["write#1 cancelled(operation_aborted) 0"])
        #expect(bench.steps.map(\.step.isReset) == [true])
    }

    @Test func `force cuts a goodbye short`() {
        let bench = SessionBench.filtered()
        bench.close()
        bench.close(force: true)
        #expect(bench.stepNames == ["send cancelled"])
        bench.answer("send", .failed(.cancelled))
        #expect(bench.steps.map(\.step.isReset) == [true])
    }

    @Test func `after a shutdown a close says nothing more`() {
        let bench = SessionBench.filtered()
        bench.shutdown()
        bench.takes()
        bench.close()
        #expect(bench.stepNames == ["unsent"])
        bench.settle()
        #expect(bench.told() == ["session_closed ok"])
    }
}
