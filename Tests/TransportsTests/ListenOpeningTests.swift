import DeviceSessions
import EngineBase
import PortEngine
import Testing

@testable import Transports

@Suite struct TCPListenOpeningTests {
    @Test func `a listener tells the port that it got`() throws {
        var options = TransportOptions()
        options.given["backlog"] = .integer(7)
        var bench = try OpeningBench(
            "tcp-listen://127.0.0.1:0", ["tcp-listen://127.0.0.1"], options)
        #expect(bench.stepNames == ["open 127.0.0.1:0 7"])
        bench.opens()
        bench.answer("name", .control(.address(.ipv4(0x7F00_0001, port: 4_000))))
        #expect(bench.opened?.shape == .listener)
        #expect(bench.opened?.local == "127.0.0.1:4000")
        #expect(bench.opened?.peer == nil)
        #expect(bench.opening.isIdle)
    }

    @Test func `a name listens on its first admitted address`() throws {
        var bench = try OpeningBench("tcp-listen://lo.lab:80", ["tcp-listen://127.0.0.0/8"])
        bench.answer("resolve lo.lab:80", .addresses([.at("10.0.0.1"), .at("127.0.0.2")]))
        #expect(bench.stepNames == ["open 127.0.0.2:80 128"])
    }

    @Test func `a name without an admitted address is denied`() throws {
        var bench = try OpeningBench("tcp-listen://lo.lab:80", ["tcp-listen://127.0.0.0/8"])
        bench.answer("resolve lo.lab:80", .addresses([.at("10.0.0.1")]))
        #expect(bench.failure?.code == "target_denied")
        var unresolved = try OpeningBench("tcp-listen://lo.lab:80", ["tcp-listen://127.0.0.0/8"])
        unresolved.answer("resolve lo.lab:80", .unresolved("words"))
        #expect(unresolved.failure?.code == "name_not_resolved")
    }

    @Test func `an address in use fails the open`() throws {
        var bench = try OpeningBench("tcp-listen://127.0.0.1:80", ["tcp-listen://127.0.0.1"])
        bench.answer("open 127.0.0.1:80 128", .failed(.addressInUse))
        #expect(bench.failure?.code == "address_in_use")
        #expect(bench.opening.isIdle)
    }

    @Test func `given up at each step it closes what it has`() throws {
        var opening = try OpeningBench("tcp-listen://127.0.0.1:80", ["tcp-listen://127.0.0.1"])
        opening.abort()
        opening.opens()
        opening.closes()
        #expect(opening.openDescriptors.isEmpty)
        #expect(opening.opening.isIdle)

        var naming = try OpeningBench("tcp-listen://127.0.0.1:80", ["tcp-listen://127.0.0.1"])
        naming.opens()
        naming.abort()
        naming.answer("name", .failed(.cancelled))
        naming.closes()
        #expect(naming.openDescriptors.isEmpty)
        #expect(naming.opening.isIdle)
        #expect(!naming.isOver)
    }
}

@Suite struct UnixOpeningTests {
    private func bench() throws -> OpeningBench {
        try OpeningBench("unix:///run/devices/a/x.sock", ["unix:///run/devices"])
    }

    @Test func `it connects through a handle that was opened below the allowed directory`() throws {
        var bench = try bench()
        #expect(bench.stepNames == ["open /run/devices|a/x.sock"])
        bench.opens()
        #expect(bench.stepNames == ["open unix"])
        bench.opens()
        #expect(bench.stepNames == ["connect"])
        bench.answer("connect", .connected)
        #expect(bench.opened?.peer == "/run/devices/a/x.sock")
        #expect(bench.opened?.shape == .stream)
        #expect(bench.stepNames == ["close"], "the handle is not needed any more")
        #expect(!bench.opening.isIdle)
        bench.closes()
        #expect(bench.opening.isIdle)
        #expect(bench.openDescriptors.isEmpty)
    }

    @Test func `a full backlog is tried again every 10 ms`() throws {
        var bench = try bench()
        bench.opens()
        bench.opens()
        for _ in 0..<3 {
            bench.answer("connect", .failed(.again))
            bench.pass(9)
            #expect(bench.steps.isEmpty)
            #expect(!bench.opening.isIdle, "its descriptors are open")
            bench.pass(1)
            #expect(bench.stepNames == ["connect"])
        }
        bench.answer("connect", .connected)
        #expect(bench.opened != nil)
    }

    @Test(arguments: [
        (Errno.notFound, "not_found"), (.crossesDevice, "target_denied"),
        (.tooManyLinks, "target_denied"), (.notSocket, "not_a_socket"),
        (.accessDenied, "access_denied"),
    ])
    func `a path that cannot be opened fails with its reason`(_ errno: Errno, _ code: String) throws
    {
        var bench = try bench()
        bench.answer("open /run/devices|a/x.sock", .failed(errno))
        #expect(bench.failure?.code == code)
        #expect(bench.opening.isIdle)
    }

    @Test func `a refused connect closes both descriptors`() throws {
        var bench = try bench()
        bench.opens()
        bench.opens()
        bench.answer("connect", .failed(.connectionRefused))
        #expect(bench.failure?.code == "connection_refused")
        bench.closes()
        #expect(bench.openDescriptors.isEmpty)
        #expect(bench.opening.isIdle)
    }

    @Test func `a socket that cannot be made closes the handle`() throws {
        var bench = try bench()
        bench.opens()
        bench.answer("open unix", .failed(.tooManyOpenFiles))
        #expect(bench.failure?.code == "too_many_open_files")
        bench.closes()
        #expect(bench.openDescriptors.isEmpty)
    }

    @Test func `given up between two tries it closes both descriptors`() throws {
        var bench = try bench()
        bench.opens()
        bench.opens()
        bench.answer("connect", .failed(.again))
        bench.abort()
        bench.closes()
        bench.pass(100)
        #expect(bench.steps.isEmpty)
        #expect(bench.openDescriptors.isEmpty)
        #expect(bench.opening.isIdle)
    }
}

@Suite struct UnixListenOpeningTests {
    private func bench(mode: String? = nil) throws -> OpeningBench {
        var options = TransportOptions()
        options.given["mode"] = mode.map { .text($0) }
        return try OpeningBench("unix-listen:///run/x/y", ["unix-listen:///run"], options)
    }

    @Test func `it listens below the allowed directory with its mode`() throws {
        var bench = try bench()
        #expect(bench.stepNames == ["open /run|x/y 660"])
        bench.opens()
        #expect(bench.opened?.shape == .listener)
        #expect(bench.opened?.local == "/run/x/y")
        #expect(bench.opening.isIdle)
        #expect(try self.bench(mode: "0600").stepNames == ["open /run|x/y 600"])
    }

    @Test(arguments: [(Errno.addressInUse, "address_in_use"), (.crossesDevice, "target_denied")])
    func `what cannot be opened fails with its reason`(_ errno: Errno, _ code: String) throws {
        var bench = try bench()
        bench.answer("open /run|x/y 660", .failed(errno))
        #expect(bench.failure?.code == code)
        #expect(bench.opening.isIdle)
    }

    @Test func `given up it closes a listener that came too late`() throws {
        var bench = try bench()
        bench.abort()
        bench.opens()
        #expect(bench.stepNames == ["close"])
        bench.closes()
        #expect(bench.opening.isIdle)
        #expect(bench.openDescriptors.isEmpty)
        #expect(!bench.isOver)
    }
}

@Suite struct MessageOpeningTests {
    @Test func `udp connects a socket of datagrams and tells both ends`() throws {
        var options = TransportOptions()
        options.given["bind"] = .text("127.0.0.1:99")
        options.given["broadcast"] = .boolean(true)
        var bench = try OpeningBench("udp://127.0.0.1:80", ["udp://127.0.0.1"], options)
        guard case .open(.socket(let kind, _, let bind, let socket))? = bench.steps.first?.step
        else {
            Issue.record("no socket is opened, but \(bench.stepNames)")
            return
        }
        #expect(kind == .datagram)
        #expect(bind == .ipv4(0x7F00_0001, port: 99))
        #expect(socket.broadcast)
        bench.opens()
        bench.answer("connect 127.0.0.1:80", .connected)
        bench.answer("name", .control(.address(.ipv4(0x7F00_0001, port: 99))))
        #expect(bench.opened?.shape == .datagram)
        #expect(bench.opened?.peer == "127.0.0.1:80")
        #expect(bench.opened?.local == "127.0.0.1:99")
        #expect(bench.opening.isIdle)
    }

    @Test func `udp-listen binds and has no peer`() throws {
        var bench = try OpeningBench("udp-listen://[::1]:0", ["udp-listen://[::1]"])
        guard case .open(.socket(.datagram, .ipv6, let bind, _))? = bench.steps.first?.step else {
            Issue.record("no socket is opened, but \(bench.stepNames)")
            return
        }
        #expect(bind == .ipv6(high: 0, low: 1, port: 0, scope: 0))
        bench.opens()
        bench.answer("name", .control(.address(.ipv6(high: 0, low: 1, port: 7, scope: 0))))
        #expect(bench.opened?.shape == .datagram)
        #expect(bench.opened?.peer == nil)
        #expect(bench.opened?.local == "[::1]:7")
    }

    @Test func `unix-seqpacket connects and listens for messages`() throws {
        var bench = try OpeningBench("unix-seqpacket:///run/x", ["unix-seqpacket:///run"])
        bench.opens()
        guard case .open(.socket(.sequencedPacket, .unix, nil, _))? = bench.steps.first?.step
        else {
            Issue.record("no socket is opened, but \(bench.stepNames)")
            return
        }
        bench.opens()
        bench.answer("connect", .connected)
        #expect(bench.opened?.shape == .message)
        let listener = try OpeningBench(
            "unix-seqpacket-listen:///run/x", ["unix-seqpacket-listen:///run"])
        guard
            case .open(.unixListener(.sequencedPacket, _, 0o660, 128))? = listener.steps.first?.step
        else {
            Issue.record("no listener is opened, but \(listener.stepNames)")
            return
        }
    }

    @Test func `what cannot be sent to is refused`() {
        for (uri, error) in [
            ("udp://10.0.0.1:9", TargetError.denied), ("udp://0.0.0.0:9", .denied),
            ("udp://127.0.0.1:0", .invalidURI("port 0 cannot be sent to")),
        ] {
            #expect(throws: error) {
                _ = try OpeningBench(uri, ["udp://127.0.0.0/8", "udp://0.0.0.0"])
            }
        }
    }
}
