import DeviceSessions
import EngineBase
import PortEngine
import Testing

@testable import Transports

@Suite struct TCPOpeningTests {
    private func byName(_ addresses: String...) throws -> OpeningBench {
        var bench = try OpeningBench(
            "tcp://dev.lab:80", ["tcp://10.0.0.0/8", "tcp://[2001:db8::]/32"])
        bench.answer("resolve dev.lab:80", .addresses(addresses.map { .at($0) }))
        return bench
    }

    @Test func `a literal is connected to at once and asked for its own address`() throws {
        var bench = try OpeningBench("tcp://127.0.0.1:80", ["tcp://127.0.0.0/8"])
        #expect(bench.stepNames == ["open ipv4"])
        bench.opens()
        #expect(bench.stepNames == ["connect 127.0.0.1:80"])
        bench.answer("connect 127.0.0.1:80", .connected)
        bench.answer("name", .control(.address(.ipv4(0x7F00_0001, port: 5))))
        #expect(bench.opened?.peer == "127.0.0.1:80")
        #expect(bench.opened?.local == "127.0.0.1:5")
        #expect(bench.opened?.shape == .stream)
        #expect(bench.opening.isIdle)
        #expect(bench.openDescriptors.isEmpty)
        #expect(bench.timers.isEmpty)
    }

    @Test func `a connection whose own address is not told is open all the same`() throws {
        var bench = try OpeningBench("tcp://[::1]:80", ["tcp://[::1]"])
        #expect(bench.stepNames == ["open ipv6"])
        bench.opens()
        bench.answer("connect [::1]:80", .connected)
        bench.answer("name", .failed(.notConnected))
        #expect(bench.opened?.peer == "[::1]:80")
        #expect(bench.opened?.local == nil)
    }

    @Test func `A07 a refused literal fails with the kernel's error and closes its socket`() throws
    {
        var bench = try OpeningBench("tcp://127.0.0.1:80", ["tcp://127.0.0.0/8"])
        bench.opens()
        bench.answer("connect 127.0.0.1:80", .failed(.connectionRefused))
        #expect(bench.failure?.code == "connection_refused")
        #expect(!bench.opening.isIdle)
        bench.closes()
        #expect(bench.opening.isIdle)
        #expect(bench.openDescriptors.isEmpty)
    }

    @Test func `a socket that cannot be made fails the open`() throws {
        var bench = try OpeningBench("tcp://127.0.0.1:80", ["tcp://127.0.0.0/8"])
        bench.answer("open ipv4", .failed(.tooManyOpenFiles))
        #expect(bench.failure?.code == "too_many_open_files")
        #expect(bench.opening.isIdle)
    }

    @Test func `a name that does not resolve fails with the resolver's words`() throws {
        var bench = try OpeningBench("tcp://dev.lab:80", ["tcp://dev.lab"])
        bench.answer("resolve dev.lab:80", .unresolved("Name or service not known"))
        #expect(bench.failure?.code == "name_not_resolved")
        #expect(bench.failure?.message.contains("Name or service not known") == true)
        #expect(bench.opening.isIdle)
    }

    @Test func `addresses that no rule admits are not tried`() throws {
        var bench = try byName("127.0.0.1", "10.0.0.1", "169.254.169.254", "fe80::1")
        bench.opens()
        bench.answer("connect 10.0.0.1:80", .failed(.connectionRefused))
        #expect(bench.failure?.code == "connection_refused", "there is no other to try")
        bench.closes()
    }

    @Test func `a name with no admitted address is a denied target`() throws {
        let bench = try byName("127.0.0.1", "169.254.169.254")
        #expect(bench.failure?.code == "target_denied")
        #expect(bench.opening.isIdle)
        var none = try OpeningBench("tcp://dev.lab:80", ["tcp://dev.lab"])
        none.answer("resolve dev.lab:80", .addresses([]))
        #expect(none.failure?.code == "target_denied")
    }

    @Test func `an unspecified address of a name is never connected to`() throws {
        var bench = try OpeningBench("tcp://dev.lab:80", ["tcp://0.0.0.0/0", "tcp://[::]/0"])
        bench.answer("resolve dev.lab:80", .addresses([.at("0.0.0.0"), .at("::")]))
        #expect(bench.failure?.code == "target_denied")
        #expect(bench.steps.isEmpty)
    }

    @Test func `a mapped address is connected to as the IPv4 one that was judged`() throws {
        var bench = try OpeningBench("tcp://dev.lab:80", ["tcp://10.0.0.0/8"])
        let mapped = SocketAddress.ipv6(high: 0, low: 0xFFFF_0A00_0001, port: 80, scope: 0)
        bench.answer("resolve dev.lab:80", .addresses([mapped]))
        #expect(bench.stepNames == ["open ipv4"])
    }

    @Test func `families take turns, the resolver's first family first`() throws {
        var bench = try byName("2001:db8::1", "2001:db8::2", "10.0.0.1", "2001:db8::3", "10.0.0.2")
        let expected = [
            "[2001:db8::1]:80", "10.0.0.1:80", "[2001:db8::2]:80", "10.0.0.2:80",
            "[2001:db8::3]:80",
        ]
        for (index, address) in expected.enumerated() {
            #expect(!bench.isOver)
            bench.opens()
            let error: Errno = index == 4 ? .hostUnreachable : .connectionRefused
            bench.answer("connect \(address)", .failed(error))
            bench.closes()
        }
        #expect(bench.failure?.code == "host_unreachable", "the last error is told")
        #expect(bench.opening.isIdle)
    }

    @Test func `attempts start 250 ms apart while those before them are still trying`() throws {
        var bench = try byName("10.0.0.1", "10.0.0.2", "10.0.0.3")
        bench.opens()
        bench.pass(249)
        #expect(bench.stepNames == ["connect 10.0.0.1:80"])
        bench.pass(1)
        bench.opens()
        #expect(bench.stepNames == ["connect 10.0.0.1:80", "connect 10.0.0.2:80"])
        bench.pass(250)
        bench.opens()
        #expect(bench.steps.count == 3)
        bench.pass(10_000)
        #expect(bench.steps.count == 3)
        #expect(bench.timers.isEmpty)
    }

    @Test func `a failure goes on at once and the 250 ms start anew`() throws {
        var bench = try byName("10.0.0.1", "10.0.0.2", "10.0.0.3")
        bench.opens()
        bench.pass(100)
        bench.answer("connect 10.0.0.1:80", .failed(.connectionRefused))
        bench.closes()
        bench.opens()
        #expect(bench.stepNames == ["connect 10.0.0.2:80"])
        bench.pass(249)
        #expect(bench.stepNames == ["connect 10.0.0.2:80"], "the first timer has been overtaken")
        bench.pass(1)
        bench.opens()
        #expect(bench.stepNames == ["connect 10.0.0.2:80", "connect 10.0.0.3:80"])
    }

    @Test func `a socket that cannot be made goes on to the next address`() throws {
        var bench = try byName("2001:db8::1", "10.0.0.1")
        bench.answer("open ipv6", .failed(.notSupported))
        #expect(bench.stepNames == ["open ipv4"])
    }

    @Test func `an early failure does not end the open while another is trying`() throws {
        var bench = try byName("10.0.0.1", "10.0.0.2")
        bench.opens()
        bench.pass(250)
        bench.opens()
        bench.answer("connect 10.0.0.2:80", .failed(.connectionRefused))
        bench.closes()
        #expect(!bench.isOver)
        bench.answer("connect 10.0.0.1:80", .connected)
        bench.answer("name", .control(.address(.at("10.0.0.9"))))
        #expect(bench.opened?.peer == "10.0.0.1:80")
    }

    @Test func `the first to connect wins and the others are given up and closed`() throws {
        var bench = try byName("10.0.0.1", "10.0.0.2", "10.0.0.3")
        bench.opens()
        bench.pass(250)
        bench.opens()
        bench.answer("connect 10.0.0.2:80", .connected)
        bench.answer("name", .control(.address(.at("10.0.0.9"))))
        #expect(bench.opened?.peer == "10.0.0.2:80")
        #expect(bench.stepNames == ["connect 10.0.0.1:80 cancelled"])
        bench.pass(1_000)
        #expect(bench.steps.count == 1, "no further attempt")
        // It connected in the same moment.
        bench.answer("connect 10.0.0.1:80", .connected)
        #expect(bench.stepNames == ["close"])
        bench.closes()
        #expect(bench.opening.isIdle)
        #expect(bench.openDescriptors.isEmpty)
    }

    @Test func `two that connect together give one session`() throws {
        var bench = try byName("10.0.0.1", "10.0.0.2")
        bench.opens()
        bench.pass(250)
        bench.opens()
        bench.answer("connect 10.0.0.1:80", .connected)
        bench.answer("connect 10.0.0.2:80", .connected)
        bench.answer("name", .control(.address(.at("10.0.0.9"))))
        #expect(bench.opened?.peer == "10.0.0.1:80")
        bench.answer("name", .control(.address(.at("10.0.0.9"))))
        bench.closes()
        #expect(bench.openDescriptors.isEmpty)
        #expect(bench.opening.isIdle)
    }

    @Test func `the socket is bound and has its options`() throws {
        var options = TransportOptions()
        options.given["bind"] = .text("10.0.0.5:9")
        options.given["no_delay"] = .boolean(false)
        let bench = try OpeningBench("tcp://10.0.0.1:80", ["tcp://10.0.0.0/8"], options)
        guard case .open(.socket(.stream, .ipv4, let bind, let socket))? = bench.steps.first?.step
        else {
            Issue.record("\(bench.stepNames)")
            return
        }
        #expect(bind?.text == "10.0.0.5:9")
        #expect(!socket.noDelay)
    }

    @Test func `a bound socket tries the addresses of its family`() throws {
        var options = TransportOptions()
        options.given["bind"] = .text("10.0.0.5")
        var bench = try OpeningBench(
            "tcp://dev.lab:80", ["tcp://10.0.0.0/8", "tcp://[2001:db8::]/32"], options)
        bench.answer("resolve dev.lab:80", .addresses([.at("2001:db8::1"), .at("10.0.0.1")]))
        #expect(bench.stepNames == ["open ipv4"])
        bench.opens()
        bench.answer("connect 10.0.0.1:80", .failed(.connectionRefused))
        #expect(bench.failure?.code == "connection_refused")
    }

    @Test func `given up while its socket is made it connects to nothing`() throws {
        var bench = try OpeningBench("tcp://127.0.0.1:80", ["tcp://127.0.0.0/8"])
        bench.abort()
        #expect(bench.stepNames == ["open ipv4 cancelled"])
        bench.opens()
        #expect(bench.stepNames == ["close"])
        bench.closes()
        #expect(bench.opening.isIdle)
        #expect(bench.openDescriptors.isEmpty)
    }

    @Test func `given up while resolving it does nothing with what comes`() throws {
        for result in [
            StepResult.failed(.cancelled), .addresses([.at("10.0.0.1")]), .unresolved("x"),
        ] {
            var bench = try OpeningBench("tcp://dev.lab:80", ["tcp://10.0.0.0/8"])
            bench.abort()
            #expect(bench.stepNames == ["resolve dev.lab:80 cancelled"])
            #expect(!bench.opening.isIdle)
            bench.answer("resolve dev.lab:80", result)
            #expect(bench.steps.isEmpty)
            #expect(bench.opening.isIdle)
        }
    }
}
