import DeviceSessions
import EngineBase
import PortEngine
import Testing

@Suite struct DatagramSessionTests {
    private let bench = SessionBench.packets(.datagram)

    @Test func `nothing is taken from the kernel while no read waits`() {
        #expect(bench.stepNames == [])
        bench.submit(.read())
        #expect(bench.stepNames == ["receiveMessage"])
        bench.comes("one")
        #expect(bench.told() == ["read#1 ok 3 'one'"])
        #expect(bench.stepNames == [])
    }

    @Test func `U01, U03 what does not fit is lost, and the entry says how much there was`() {
        bench.submit(.read(4), .read(4))
        bench.comes("0123456789")
        bench.comes("next")
        #expect(
            bench.told() == ["read#1 truncated(more_data) 4 '0123' of 10", "read#2 ok 4 'next'"])
        #expect(bench.lastEntries[1]?.details?.error?.win32 == 234)
    }

    @Test func `U04 an empty datagram is no end`() {
        bench.submit(.read(), .read())
        bench.comes("")
        bench.comes("on")
        #expect(bench.told() == ["read#1 ok 0", "read#2 ok 2 'on'"])
    }

    @Test func `U05 a read of no bytes eats the datagram`() {
        bench.submit(.readiness, .readiness, .read())
        bench.comes("eaten")
        bench.comes("")
        bench.comes("whole")
        #expect(
            bench.told() == [
                "read#1 truncated(more_data) 0 of 5", "read#2 ok 0", "read#3 ok 5 'whole'",
            ])
    }

    @Test func `a session without one peer tells who sent each`() {
        let bench = SessionBench.packets(.datagram, peer: nil)
        bench.submit(.read())
        bench.comes("x", from: .ipv4(0x7F00_0001, port: 77))
        #expect(bench.told() == ["read#1 ok 1 'x' from 127.0.0.1:77"])
    }

    @Test func `U06 a refused port is told by the oldest read, and once`() {
        bench.submit(.read(), .read(), .write("a"))
        bench.goes()
        bench.answer("receiveMessage", .failed(.connectionRefused))
        #expect(bench.told() == ["write#3 ok 1", "read#1 failed(port_unreachable) 0"])
        // Nothing has been sent since: what the kernel says now is of the same datagrams.
        bench.answer("receiveMessage", .failed(.connectionRefused))
        #expect(bench.told() == [])
        bench.comes("alive")
        #expect(bench.told() == ["read#2 ok 5 'alive'"])
    }

    @Test func `U06 a write is not blamed for an earlier datagram, a read hears of it`() {
        bench.submit(.write("a"), .write("b"))
        bench.goes()
        bench.answer("sendMessage", .failed(.connectionRefused))
        #expect(bench.sendingPacket == "b", "it is sent after all")
        bench.goes()
        #expect(bench.told() == ["write#1 ok 1", "write#2 ok 1"])
        #expect(bench.session.view.input == "open")
        bench.submit(.read())
        #expect(bench.told() == ["read#3 failed(port_unreachable) 0"])
    }

    @Test func `a write that met an earlier error gives it to the read that waits`() {
        bench.submit(.read(), .write("a"))
        bench.answer("sendMessage", .failed(.connectionRefused))
        #expect(bench.told() == ["read#1 failed(port_unreachable) 0"])
        #expect(bench.stepNames == ["receiveMessage cancelled", "sendMessage"])
        bench.goes()
        #expect(bench.told() == ["write#2 ok 1"])
    }

    @Test func `another error is the write's own if it comes again`() {
        bench.submit(.write("a"), .write("b"), .write("c"))
        bench.answer("sendMessage", .failed(.hostUnreachable))
        bench.goes()
        bench.answer("sendMessage", .failed(.messageTooLong))
        bench.answer("sendMessage", .failed(.messageTooLong))
        bench.answer("sendMessage", .failed(.hostUnreachable))
        bench.answer("sendMessage", .failed(.messageTooLong))
        #expect(
            bench.told() == [
                "write#1 ok 1", "write#2 failed(message_too_long) 0",
                "write#3 failed(message_too_long) 0",
            ])
        bench.submit(.read())
        #expect(bench.told() == ["read#4 failed(host_unreachable) 0"])
        #expect(bench.session.view.output == "open")
    }

    @Test func `without one peer every error of a send is its own`() {
        let bench = SessionBench.packets(.datagram, peer: nil)
        bench.submit(.write("a"))
        bench.answer("sendMessage", .failed(.networkUnreachable))
        #expect(bench.told() == ["write#1 failed(network_unreachable) 0"])
    }

    @Test func `a standing read tells a refused port and goes on`() {
        bench.submit(.standing(lines: false))
        bench.answer("receiveMessage", .failed(.connectionRefused))
        bench.comes("x")
        #expect(
            bench.told() == ["read#1 failed(port_unreachable) 0 more", "read#1 ok 1 'x' more"])
    }

    @Test func `a standing read without credit takes nothing from the kernel`() {
        let numbers = bench.submit(.standing(lines: false, credit: 1))
        bench.comes("1")
        #expect(bench.told() == ["read#1 ok 1 '1' more"])
        #expect(bench.pending == ["read#1 paused by credit"])
        #expect(bench.stepNames == [], "the kernel drops, and counts")
        bench.credit(1, to: numbers[0])
        bench.comes("2", dropped: 7)
        #expect(bench.session.view.counters.datagramsDropped == 7)
    }

    @Test func `the count of what was dropped survives its own end`() {
        bench.submit(.read(), .read())
        bench.comes("a", dropped: .max)
        bench.comes("b", dropped: 4)
        #expect(bench.session.view.counters.datagramsDropped == Int(UInt32.max) + 5)
    }

    @Test func `a standing read takes nothing while its port is full`() {
        bench.surroundings.portAcceptsPayload = false
        bench.submit(.standing(lines: false))
        #expect(bench.pending == ["read#1 paused by port"])
        #expect(bench.stepNames == [])
        bench.surroundings.portAcceptsPayload = true
        bench.room()
        #expect(bench.stepNames == ["receiveMessage"])
    }

    @Test func `a datagram that came too late for its read is for the next one`() {
        bench.submit(.read())
        bench.surroundings.portAcceptsPayload = false
        bench.comes("held")
        #expect(bench.pending == ["read#1 paused by port"])
        bench.cancel()
        bench.surroundings.portAcceptsPayload = true
        bench.submit(.read())
        #expect(
            bench.told() == [
                "await room", "read#1 cancelled(operation_aborted) 0", "read#2 ok 4 'held'",
            ])
    }

    @Test func `a receive that nobody wants is let go, and brings nothing if it can`() {
        bench.submit(.read())
        bench.cancel(1)
        #expect(bench.stepNames == ["receiveMessage cancelled"])
        bench.submit(.read())
        bench.answer("receiveMessage", .failed(.cancelled))
        #expect(bench.stepNames == ["receiveMessage"])
    }

    @Test func `K20 a cancelled receive that got a datagram after all loses none`() {
        bench.submit(.read())
        bench.cancel(1)
        bench.comes("late")
        bench.submit(.read())
        #expect(
            bench.told() == ["read#1 cancelled(operation_aborted) 0", "read#2 ok 4 'late'"])
    }

    @Test func `a write that was cancelled too late tells the truth`() {
        bench.submit(.write(""), .write("b"), .ask("c"))
        bench.cancel(1)
        bench.goes()
        bench.cancel(2)
        bench.answer("sendMessage", .failed(.cancelled))
        bench.cancel(3)
        bench.goes()
        #expect(
            bench.told() == [
                "write#1 ok 0", "write#2 cancelled(operation_aborted) 0",
                "transact#3 cancelled(operation_aborted) 0 sent 1",
            ])
    }

    @Test func `close ends at once, with no time to linger`() {
        bench.submit(.read(), .write("w"))
        bench.close()
        bench.goes()
        bench.answer("receiveMessage", .failed(.cancelled))
        #expect(
            bench.told() == ["read#1 cancelled(operation_aborted) 0", "write#2 ok 1"])
        #expect(bench.stepNames == ["close"])
        bench.settle()
        #expect(bench.told() == ["session_closed ok"])
    }

    @Test func `an empty datagram that went out while closing is ok`() {
        bench.submit(.write(""))
        bench.close()
        bench.goes()
        #expect(bench.told() == ["write#1 ok 0"])
    }
}

@Suite struct DatagramTransactTests {
    private let bench = SessionBench.packets(.datagram)
    private let ask = OperationKind.transact(
        Array("q".utf8), .available(limit: 4), discardsInput: false, answerTimeoutMilliseconds: 50)

    @Test func `one datagram out and one in`() {
        bench.submit(ask)
        #expect(bench.stepNames == ["sendMessage"])
        bench.goes()
        #expect(bench.stepNames == ["receiveMessage"])
        bench.comes("answer")
        #expect(bench.told() == ["transact#1 truncated(more_data) 4 'answ' sent 1 of 6"])
    }

    @Test func `its answer has its own time`() {
        bench.submit(ask)
        bench.goes()
        bench.pass(50)
        #expect(bench.told() == ["transact#1 timed_out(timed_out) 0 sent 1"])
    }

    @Test func `a refused port answers it`() {
        bench.submit(ask)
        bench.goes()
        bench.answer("receiveMessage", .failed(.connectionRefused))
        #expect(bench.told() == ["transact#1 failed(port_unreachable) 0 sent 1"])
    }

    @Test func `what had come is thrown away if it says so`() {
        bench.submit(
            .transact(
                [113], .available(limit: 9), discardsInput: true, answerTimeoutMilliseconds: nil))
        bench.looks(true)
        bench.comes("late")
        bench.looks(true)
        bench.comes("")
        #expect(!bench.has("sendMessage"))
        bench.looks(false)
        bench.goes()
        bench.comes("fresh")
        #expect(bench.told() == ["transact#1 ok 5 'fresh' sent 1 discarded 4"])
    }

    @Test func `a standing read gets what came before it, and steps aside`() {
        bench.submit(.standing(lines: false), ask)
        #expect(bench.stepNames == ["look"], "no receive begins while a look is out")
        bench.looks(true)
        bench.comes("old")
        bench.looks(false)
        #expect(bench.told() == ["read#1 ok 3 'old' more"])
        bench.goes()
        bench.comes("a")
        bench.comes("new")
        #expect(bench.told() == ["transact#2 ok 1 'a' sent 1", "read#1 ok 3 'new' more"])
    }

    @Test func `a look that saw what was received meanwhile is made again`() {
        bench.submit(.standing(lines: false))
        bench.submit(ask)
        #expect(bench.stepNames == ["receiveMessage", "look"])
        bench.comes("old")
        #expect(bench.stepNames == ["look"], "it waits for the look")
        bench.looks(true)
        #expect(bench.stepNames == ["look"])
        bench.looks(false)
        #expect(bench.sendingPacket == "q")
    }

    @Test func `it waits while the standing read lacks credit for what is there`() {
        bench.submit(.standing(lines: false, credit: 0))
        bench.submit(ask)
        bench.looks(true)
        #expect(bench.stepNames == [], "not taken, not passed")
        bench.credit(1, to: 1)
        bench.comes("old")
        bench.looks(false)
        #expect(bench.sendingPacket == "q")
    }

    @Test func `a device that never stops sending does not hold it up`() {
        bench.submit(.standing(lines: false), ask)
        var count = 0
        while bench.sendingPacket == nil && count < 10_000 {
            bench.looks(true)
            bench.comes("x")
            count += 1
        }
        #expect((4_096...4_200).contains(count))
    }

    @Test func `a look for a transact that has ended says nothing to the next`() {
        bench.submit(.standing(lines: false), ask)
        bench.cancel(2)
        bench.submit(ask)
        bench.looks(true)
        #expect(bench.stepNames == ["look"])
        bench.looks(false)
        #expect(bench.sendingPacket == "q")
    }
}
