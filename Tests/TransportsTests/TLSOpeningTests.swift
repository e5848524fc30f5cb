import DeviceSessions
import EngineBase
import PortEngine
import Testing

@testable import Transports

/// The steps of an open over TLS; whom it trusts is tested where that is decided, and whole
/// handshakes over the daemon.
@Suite struct TLSOpeningTests {
    private static let rules = ["tls://127.0.0.0/8", "tls://lab.test.", "file:///pki"]

    private func bench(
        _ uri: String = "tls://127.0.0.1:80", _ options: [String: ParameterValue] = [:]
    ) throws -> OpeningBench {
        var given = TransportOptions()
        for (name, value) in options { given.given[name] = value }
        return try OpeningBench(uri, TLSOpeningTests.rules, given)
    }

    /// A bench whose connection is made, and whose first message is on its way.
    private func connected() throws -> OpeningBench {
        var bench = try bench()
        bench.opens()
        bench.answer("connect 127.0.0.1:80", .connected)
        bench.answer("name", .control(.address(.at("127.0.0.1"))))
        #expect(bench.stepNames == ["send"])
        return bench
    }

    private var helloSize: (OpeningBench) -> Int {
        { bench in
            guard case .send(_, let bytes, let from)? = bench.steps.first?.step else { return 0 }
            return bytes.count - from
        }
    }

    @Test func `a handshake begins with our message, sent whole however the kernel takes it`()
        throws
    {
        var bench = try connected()
        let size = helloSize(bench)
        #expect(size > 100)
        bench.answer("send", .sent(60))
        #expect(bench.stepNames == ["send"])
        #expect(helloSize(bench) == size - 60)
        bench.answer("send", .sent(size - 60))
        #expect(bench.stepNames == ["receive"])
        #expect(!bench.isOver)
    }

    @Test func `what speaks no TLS fails the open, and is told by one try`() throws {
        var bench = try connected()
        bench.answer("send", .sent(helloSize(bench)))
        bench.answer("receive", .received(Array("SSH-2.0-OpenSSH\r\n".utf8)))
        #expect(bench.failure?.code == "tls_handshake_failed")
        #expect(bench.stepNames == ["send"])
        bench.abort()
        #expect(bench.stepNames == ["send cancelled"])
        bench.answer("send", .failed(.cancelled))
        bench.closes()
        #expect(bench.opening.isIdle)
        #expect(bench.openDescriptors == [])
    }

    @Test func `a device that leaves in the handshake fails it`() throws {
        var bench = try connected()
        bench.answer("send", .sent(helloSize(bench)))
        bench.answer("receive", .received([]))
        #expect(bench.failure?.code == "tls_handshake_failed")
        bench.closes()
        #expect(bench.opening.isIdle)

        var reset = try connected()
        reset.answer("send", .failed(.connectionReset))
        #expect(reset.failure?.code == "connection_reset")
        reset.closes()
        #expect(reset.openDescriptors == [])
    }

    @Test func `a handshake that is given up closes its connection`() throws {
        for result in [StepResult.failed(.cancelled), .received([1, 2, 3]), .received([])] {
            var bench = try connected()
            bench.answer("send", .sent(helloSize(bench)))
            bench.abort()
            #expect(bench.stepNames == ["receive cancelled"])
            #expect(!bench.opening.isIdle)
            bench.answer("receive", result)
            #expect(bench.stepNames == ["close"])
            bench.closes()
            #expect(bench.opening.isIdle)
            #expect(bench.openDescriptors == [])
            #expect(!bench.isOver)
        }
    }

    @Test func `a connection that is not made fails as TCP does`() throws {
        var bench = try bench()
        bench.opens()
        bench.answer("connect 127.0.0.1:80", .failed(.connectionRefused))
        bench.closes()
        #expect(bench.failure?.code == "connection_refused")
        #expect(bench.opening.isIdle)
    }

    // MARK: - Files

    @Test func `files are read before anything is connected, and judged`() throws {
        var bench = try bench(options: ["ca": "/pki/lab/ca.pem"])
        #expect(bench.stepNames == ["open /pki|lab/ca.pem r"])
        bench.opens()
        #expect(bench.stepNames == ["read 0"])
        bench.answer("read 0", .received(Array("no".utf8)))
        bench.answer("read 2", .received(Array(" PEM".utf8)))
        bench.answer("read 6", .received([]))
        #expect(!bench.isOver)
        bench.closes()
        #expect(bench.failure?.code == "tls_option_unusable")
        #expect(bench.failure?.message.contains("options.ca") == true)
        #expect(bench.openDescriptors == [])
        #expect(bench.opening.isIdle)
    }

    @Test func `several files are read one after the other`() throws {
        var bench = try bench(options: ["certificate": "/pki/own.pem", "key": "/pki/own.key"])
        bench.opens()
        bench.answer("read 0", .received([]))
        bench.closes()
        #expect(bench.stepNames == ["open /pki|own.key r"])
        bench.opens()
        bench.answer("read 0", .received([]))
        bench.closes()
        #expect(bench.failure?.message.contains("options.certificate") == true)
    }

    @Test func `a file that cannot be had fails the open by its errno`() throws {
        var missing = try bench(options: ["ca": "/pki/ca.pem"])
        missing.answer("open /pki|ca.pem r", .failed(.notFound))
        #expect(missing.failure?.code == "not_found")
        #expect(missing.failure?.message.contains("options.ca") == true)
        #expect(missing.opening.isIdle)

        var broken = try bench(options: ["ca": "/pki/ca.pem"])
        broken.opens()
        broken.answer("read 0", .failed(.inputOutput))
        broken.closes()
        #expect(broken.failure?.errnoName == "EIO")
        #expect(broken.openDescriptors == [])
    }

    @Test func `a file that is too large is not read to its end`() throws {
        var bench = try bench(options: ["ca": "/pki/ca.pem"])
        bench.opens()
        let megabyte = [UInt8](repeating: 0x2D, count: 1 << 20)
        bench.answer("read 0", .received(megabyte))
        bench.answer("read \(1 << 20)", .received([0x2D]))
        #expect(bench.stepNames == ["close"])
        bench.closes()
        #expect(bench.failure?.message.contains("1 MiB") == true)
    }

    @Test func `a file is closed when the open is given up`() throws {
        var opening = try bench(options: ["ca": "/pki/ca.pem"])
        opening.abort()
        #expect(opening.stepNames == ["open /pki|ca.pem r cancelled"])
        opening.opens()
        opening.closes()
        #expect(opening.opening.isIdle)
        #expect(opening.openDescriptors == [])

        var reading = try bench(options: ["ca": "/pki/ca.pem"])
        reading.opens()
        reading.abort()
        reading.answer("read 0", .received([1]))
        reading.closes()
        #expect(reading.opening.isIdle)
        #expect(reading.openDescriptors == [])
        #expect(!reading.isOver)
    }

    // MARK: - Options

    @Test func `paths that no rule admits are denied without a look`() throws {
        for path in ["/etc/passwd", "/pkix/ca.pem", "/no/such"] {
            #expect(throws: TargetError.deniedOption("ca")) {
                _ = try bench(options: ["ca": path])
            }
        }
        for path in ["/pki/../etc/passwd", "/pki//ca.pem", "/pki/./ca.pem", "/", "/pki/\0"] {
            #expect(throws: TargetError.self) { _ = try bench(options: ["ca": path]) }
        }
    }

    @Test func `a certificate needs its key, and a key its certificate`() {
        #expect(throws: TargetError.self) {
            _ = try bench(options: ["certificate": "/pki/own.pem"])
        }
        #expect(throws: TargetError.self) { _ = try bench(options: ["key": "/pki/own.key"]) }
    }

    @Test func `text that holds nothing is refused at once`() {
        let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
        for options in [["ca": pem], ["certificate": pem, "key": pem]] {
            #expect(throws: TargetError.self) { _ = try bench(options: options) }
        }
    }

    @Test func `what is demanded can be shown`() throws {
        var options = TransportOptions()
        options.given["verify"] = .boolean(false)
        let policy = TargetPolicy(try TLSOpeningTests.rules.map { try TargetRule($0) })
        let named = try TransportRegistry.plan("tls://lab.test.:80", options, policy).1
        #expect(named.demands == PeerDemands(verifies: false, serverName: "lab.test", pin: nil))
        let literal = try TransportRegistry.plan("tls://127.0.0.1:80", TransportOptions(), policy).1
        #expect(literal.demands?.serverName == "127.0.0.1")
        #expect(literal.demands?.verifies == true)
    }

    private func bench(options: [String: String]) throws -> OpeningBench {
        try bench("tls://127.0.0.1:80", options.mapValues { .text($0) })
    }
}
