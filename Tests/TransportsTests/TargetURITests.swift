import DeviceSessions
import Testing

@testable import Transports

@Suite struct TargetURITests {
    @Test(arguments: [
        ("tcp://127.0.0.1:80", "tcp", "127.0.0.1", 80), ("tcp://[::1]:80", "tcp", "::1", 80),
        ("tcp://plc.lab:0", "tcp", "plc.lab", 0),
        ("tcp-listen://h:65535", "tcp-listen", "h", 65_535),
        ("x://a:1", "x", "a", 1),
    ])
    func `a host and a port`(
        _ text: String, _ scheme: String, _ host: String, _ port: UInt16
    ) throws {
        let uri = try TargetURI(text)
        #expect(uri.scheme == scheme)
        #expect(uri.place == .host(host, port: port))
    }

    @Test(arguments: [
        ("unix:///run/x.sock", "/run/x.sock"), ("unix:///a", "/a"), ("unix:///a/b%20c", "/a/b c"),
        ("unix:///a/%C3%A9", "/a/\u{E9}"), ("unix:///a/%25", "/a/%"), ("unix:///...", "/..."),
        ("unix:///a/..b", "/a/..b"), ("unix:///a%3Fb", "/a?b"), ("unix:///%40x", "/@x"),
        ("unix:///a/%cc%81", "/a/\u{301}"),
    ])
    func `a path is decoded once`(_ text: String, _ path: String) throws {
        guard case .path(let decoded) = try TargetURI(text).place else {
            Issue.record("no path")
            return
        }
        #expect(Array(decoded.utf8) == Array(path.utf8))
    }

    @Test(arguments: [
        // Not a URI of this kind.
        "", "tcp", "tcp:", "tcp:/", "tcp://", "tcp:/h:1", "h:80", "://", "//h:80",
        // Ports.
        "tcp://h", "tcp://h:", "tcp://h:-1", "tcp://h:+1", "tcp://h:65536", "tcp://h:000080",
        "tcp://h:80x", "tcp://h:0x50", "tcp://h:80/", "tcp://h:80/path", "tcp://h/p:80",
        // User information, queries, fragments.
        "tcp://user@h:80", "tcp://user:pass@h:80", "tcp://@h:80", "tcp://h:80?x", "tcp://h:80#x",
        "unix:///a?b", "unix:///a#b", "unix:///a?", "unix:///a#",
        // Brackets.
        "tcp://::1:80", "tcp://[::1]", "tcp://[::1:80", "tcp://::1]:80", "tcp://[127.0.0.1]:80",
        "tcp://[h]:80", "tcp://[::1]x:80", "tcp://x[::1]:80", "tcp://[::1]:", "tcp://[]:80",
        // Paths.
        "unix:///", "unix:////a", "unix:///a//b", "unix:///a/", "unix:///./a", "unix:///a/.",
        "unix:///..", "unix:///a/../b", "unix:///a/..", "unix:///%2e%2e/b", "unix:///a/%2E%2E",
        "unix:///a/.%2e", "unix:///%2E", "unix:///a%2Fb", "unix:///a%2f..%2fb", "unix:///a%00",
        "unix:///%", "unix:///%4", "unix:///%zz", "unix:///%+1", "unix:///%-1", "unix:///% 1",
        "unix:///a%FF", "unix:///%C3", "unix:///%2F%CC%81",
        // Nothing that one eye takes for another thing than the next.
        "unix:///a b", "unix:///a\tb", "unix:///a\u{7F}", "unix:///a\0b", "unix:///a\r\n",
        "unix:///run/devices/../\u{301}etc", "unix:///run/\u{301}x", "tcp://h\u{301}:80",
        "tcp://\u{FF11}27.0.0.1:80", "tcp://h:\u{FF18}0", "unix:///a\u{2028}b", "tcp ://h:80 ",
    ])
    func `anything else is refused`(_ text: String) {
        let error = #expect(throws: TargetError.self) { _ = try TargetURI(text) }
        guard case .invalidURI = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}

@Suite struct TransportPlanTests {
    private let policy = TargetPolicy.loopbackOnly(networkSchemes: TransportRegistry.networkSchemes)

    private func refusal(
        _ uri: String, _ options: TransportOptions = TransportOptions(),
        _ policy: TargetPolicy? = nil
    ) -> TargetError? {
        do throws(TargetError) {
            _ = try TransportRegistry.plan(uri, options, policy ?? self.policy)
            return nil
        } catch {
            return error
        }
    }

    private func isInvalid(_ error: TargetError?) -> Bool {
        if case .invalidURI = error { true } else { false }
    }

    @Test(
        arguments: [
            "0x7f.1", "0x7f000001", "2130706433", "127.1", "127.0.1", "0177.0.0.1", "127.0.0.01",
            "127.0.0.1.", "1.2.3.4.5", "256.0.0.1", "127.0.0.0x1", "0x", "0X7F.0X1", "0", "00",
            "1e3.5",
            "localhost.1", "a..b", ".a", "-", "a b", "", ".", "..", "%31%32%37.0.0.1",
            "127%2E0.0.1",
            "a/b", "a\\b", "a_b.c!d", "xn--\u{E9}",
            String(repeating: "a", count: 64), String(repeating: "a.", count: 127) + "a",
            "[::1%25lo]", "[::1%lo]", "[1::2::3]", "[::1.2.3.04]", "[1.2.3.4::]", "[:]",
        ].filter { $0 != "-" })
    func `spellings that a resolver would take for an address are no targets`(_ host: String) {
        #expect(isInvalid(refusal("tcp://\(host):80")), "\(host)")
        #expect(isInvalid(refusal("tcp-listen://\(host):80")), "\(host)")
    }

    @Test(arguments: [
        "tcp://127.0.0.1:80", "tcp://127.9.9.9:1", "tcp://[::1]:80", "tcp://[0:0:0:0:0:0:0:1]:80",
        "tcp://[::ffff:127.0.0.1]:80", "tcp://[::ffff:7f00:1]:80", "tcp://localhost:80",
        "tcp://any-name.example:80", "tcp://UPPER.example.:80", "tcp://a_b.c:80",
        "tcp-listen://127.0.0.1:0", "tcp-listen://[::1]:0", "tcp-listen://localhost:0",
    ])
    func `by default loopback is allowed, and names, whose addresses are judged later`(
        _ uri: String
    ) {
        #expect(refusal(uri) == nil)
    }

    @Test(arguments: [
        "tcp://10.0.0.1:80", "tcp://[fe80::1]:80", "tcp://169.254.169.254:80",
        "tcp://[::ffff:10.0.0.1]:80", "tcp://0.0.0.0:80", "tcp://[::]:80",
        "tcp://[::ffff:0.0.0.0]:80",
        "tcp://[::127.0.0.1]:80", "tcp://128.0.0.1:80", "tcp-listen://0.0.0.0:0",
        "tcp-listen://[::]:0", "unix:///run/x.sock", "unix-listen:///run/x.sock",
    ])
    func `by default anything else is denied`(_ uri: String) {
        #expect(refusal(uri) == .denied)
    }

    @Test func `nothing connects to an unspecified address, though a listener may have it`() throws
    {
        let all = TargetPolicy([
            try TargetRule("tcp://0.0.0.0/0"), try TargetRule("tcp://[::]/0"),
            try TargetRule("tcp-listen://0.0.0.0"), try TargetRule("tcp-listen://[::]"),
        ])
        #expect(refusal("tcp://10.0.0.1:80", TransportOptions(), all) == nil)
        #expect(refusal("tcp://0.0.0.0:80", TransportOptions(), all) == .denied)
        #expect(refusal("tcp://[::]:80", TransportOptions(), all) == .denied)
        #expect(refusal("tcp-listen://0.0.0.0:80", TransportOptions(), all) == nil)
        #expect(refusal("tcp-listen://[::]:80", TransportOptions(), all) == nil)
        #expect(refusal("tcp-listen://0.0.0.1:80", TransportOptions(), all) == .denied)
    }

    @Test(arguments: [
        "sctp://127.0.0.1:80", "TCP://127.0.0.1:80", "http://127.0.0.1:80", "tcp:///path",
        "tcp://127.0.0.1:0", "unix://127.0.0.1:80", "unix://run/x.sock", "unix://@x", "unix:/run/x",
        "unix-listen://h:1",
    ])
    func `unknown schemes and places of the wrong kind are no targets`(_ uri: String) {
        #expect(isInvalid(refusal(uri)), "\(uri)")
    }

    @Test func `the path of a Unix socket has at most 107 bytes`() throws {
        let policy = TargetPolicy([try TargetRule("unix:///run")])
        let long = "/run/" + String(repeating: "x", count: 102)
        #expect(refusal("unix://" + long, TransportOptions(), policy) == nil)
        #expect(isInvalid(refusal("unix://" + long + "x", TransportOptions(), policy)))
        // It is the decoded bytes that count.
        let accents = "/run/" + String(repeating: "%C3%A9", count: 51)
        #expect(refusal("unix://" + accents, TransportOptions(), policy) == nil)
        #expect(isInvalid(refusal("unix://" + accents + "x", TransportOptions(), policy)))
    }

    @Test func `an option that the transport does not have is refused`() {
        var options = TransportOptions()
        options.given["linger_ms"] = .integer(1)
        options.given["backlog"] = .integer(1)
        guard case .unsupportedOption("backlog", _) = refusal("tcp://127.0.0.1:80", options) else {
            Issue.record("backlog is no option of tcp")
            return
        }
        #expect(refusal("tcp-listen://127.0.0.1:80", options) == nil)
    }

    @Test(arguments: ["10.0.0.1", "10.0.0.1:80", "::1", "[::1]:0"])
    func `an address to connect from is taken`(_ bind: String) {
        var options = TransportOptions()
        options.given["bind"] = .text(bind)
        #expect(refusal("tcp://127.0.0.1:80", options) == nil)
    }

    @Test(arguments: [
        "", "localhost", "localhost:1", "10.0.0.1:", "1.2.3", "[::1]", "/run/x", "x@10.0.0.1:1",
    ])
    func `an address to connect from is an address`(_ bind: String) {
        var options = TransportOptions()
        options.given["bind"] = .text(bind)
        guard case .unsupportedOption("bind", _) = refusal("tcp://127.0.0.1:80", options) else {
            Issue.record("\(bind) was taken")
            return
        }
    }

    @Test(arguments: [
        ("0660", true), ("777", true), ("0777", true), ("0", false), ("1000", false),
        ("888", false),
        ("-1", false), ("+660", false), ("0o660", false), ("", false), ("rw", false),
        ("00660", false),
    ])
    func `the mode of a socket file is octal`(_ mode: String, _ isGood: Bool) {
        #expect(ParameterRule.mode.value(of: mode) == (isGood ? .text(mode) : nil))
    }

    @Test(arguments: ["tcp://127.0.0.1:80?a=1", "tcp://127.0.0.1:80?", "unix:///run/x?y=z"])
    func `a query is refused where no member is known`(_ uri: String) throws {
        let policy = TargetPolicy([
            try TargetRule("unix:///run"), try TargetRule("tcp://127.0.0.1"),
        ])
        #expect(isInvalid(refusal(uri, TransportOptions(), policy)))
    }

    @Test func `a query is read as the rules have it`() throws {
        let rules = [
            ParameterRule("baud", .integer(50...4_000_000), isRequired: true),
            ParameterRule("parity", .choice(["none", "even", "odd"])),
            ParameterRule("x y", .boolean),
        ]
        var uri = try TargetURI("serial:///dev/tty0?baud=9600&parity=even&x%20y=true")
        try uri.judgeQuery(by: rules)
        #expect(uri.place == .path("/dev/tty0"))
        #expect(uri.parameters.integer("baud") == 9_600)
        #expect(uri.parameters.text("parity") == "even")
        #expect(uri.parameters.boolean("x y") == true)
        for bad in [
            "baud=9600&baud=9600", "baud=1", "baud=+9600", "parity=none", "baud=9600&parity=",
            "baud=9600&", "baud", "baud=9600&Baud=9600", "baud=9600&x+y=true", "",
        ] {
            #expect(throws: TargetError.self, "\(bad)") {
                var uri = try TargetURI("serial:///dev/tty0?" + bad)
                try uri.judgeQuery(by: rules)
            }
        }
    }

    @Test func `each transport has its own scheme, and its operations fit its kind`() {
        let all = TransportRegistry.all.map(\.description)
        #expect(Set(all.map(\.scheme)).count == all.count)
        for description in all {
            let isListener = description.kind == "listener"
            #expect(description.abilities.operations.contains("accept") == isListener)
            #expect(description.abilities.operations.contains("read") != isListener)
            #expect(
                description.abilities.operations.contains("control")
                    == !description.controls.isEmpty)
        }
    }

    @Test func `options become what sockets are made with`() throws {
        var options = TransportOptions()
        options.given["no_delay"] = .boolean(false)
        options.given["linger_ms"] = .integer(5)
        options.given["keepalive_ms"] = .integer(1_000)
        let (_, plan) = try TransportRegistry.plan("tcp://127.0.0.1:80", options, policy)
        #expect(plan.lingerMilliseconds == 5)
        #expect(plan.socketOptions.noDelay == false)
        #expect(plan.socketOptions.keepaliveMilliseconds == 1_000)
        options.keepalive = false
        let (_, without) = try TransportRegistry.plan("tcp://127.0.0.1:80", options, policy)
        #expect(without.socketOptions.keepaliveMilliseconds == nil)
        let (_, plain) = try TransportRegistry.plan(
            "tcp://127.0.0.1:80", TransportOptions(), policy)
        #expect(plain.lingerMilliseconds == 1_000)
        #expect(plain.socketOptions.keepaliveMilliseconds == 15_000)
        #expect(plain.socketOptions.noDelay)
    }
}
