import DeviceSessions
import Testing

@testable import Transports

@Suite struct TargetRuleTests {
    @Test(
        arguments: [
            ("tcp://10.0.0.0/8", .address(.v4(0x0A00_0000), prefixLength: 8, ports: nil)),
            ("tcp://10.0.0.1", .address(.v4(0x0A00_0001), prefixLength: 32, ports: nil)),
            ("tcp://10.0.0.0/8:80", .address(.v4(0x0A00_0000), prefixLength: 8, ports: 80...80)),
            (
                "tcp://10.0.0.0/8:4000-4999",
                .address(.v4(0x0A00_0000), prefixLength: 8, ports: 4_000...4_999)
            ),
            ("tcp://0.0.0.0/0", .address(.v4(0), prefixLength: 0, ports: nil)),
            ("tcp://[::]/0:1", .address(.v6(high: 0, low: 0), prefixLength: 0, ports: 1...1)),
            ("tcp://[::1]", .address(.v6(high: 0, low: 1), prefixLength: 128, ports: nil)),
            (
                "tcp://[fe80::]/10",
                .address(.v6(high: 0xFE80 << 48, low: 0), prefixLength: 10, ports: nil)
            ),
            ("tcp://[::ffff:10.0.0.0]/8", .address(.v4(0x0A00_0000), prefixLength: 8, ports: nil)),
            ("tcp://PLC.Lab", .name("plc.lab", ports: nil)),
            ("tcp://plc.lab:0-65535", .name("plc.lab", ports: 0...65_535)),
            ("unix:///run/devices", .directory("/run/devices")),
            ("unix:///run/devices///", .directory("/run/devices")),
            ("unix:///run//devices", .directory("/run/devices")),
            ("unix:///", .directory("/")),
            ("serial:///dev/ttyUSB*", .pattern(directory: "/dev", before: "ttyUSB", after: "")),
            ("unix:///*", .pattern(directory: "/", before: "", after: "")),
            ("unix:///a/b*c", .pattern(directory: "/a", before: "b", after: "c")),
        ] as [(String, TargetRule.Place)])
    func `rules are read`(_ text: String, _ place: TargetRule.Place) throws {
        #expect(try TargetRule(text).place == place)
    }

    @Test(arguments: [
        "", "tcp", "tcp:", "://10.0.0.1", "TCP://10.0.0.1", "t cp://10.0.0.1", "tcp://",
        "tcp://10.0.0.0/33", "tcp://10.0.0.0/-1", "tcp://10.0.0.0/+8", "tcp://10.0.0.0/",
        "tcp://10.0.0.0/x", "tcp://[::]/129", "tcp://plc.lab/8", "tcp://10.0.0/8", "tcp://0x7f.1",
        "tcp://127.1", "tcp://2130706433", "tcp://h:", "tcp://h:x", "tcp://h:80-", "tcp://h:-80",
        "tcp://h:90-80", "tcp://h:1-2-3", "tcp://h:65536", "tcp://h:+80", "tcp://h:1-65536",
        "tcp://fe80::1", "tcp://fe80::1:80", "tcp://::1", "tcp://[10.0.0.1]", "tcp://[h]",
        "tcp://*", "tcp://*.lab", "tcp://10.0.0.1/8/8", "tcp://[::1", "tcp://10.0.0.1:80:90",
        "unix:///a/../b", "unix:///.", "unix:///a/./b", "unix:///*/b", "unix:///a*/b*",
        "unix:///a**", "unix:///a*b*", "unix://a/b",
    ])
    func `what is no rule is refused`(_ text: String) {
        let error = #expect(throws: TargetError.self) { _ = try TargetRule(text) }
        guard case .invalidURI = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}

@Suite struct TargetPolicyTests {
    private func policy(_ rules: String...) throws -> TargetPolicy {
        TargetPolicy(try rules.map { try TargetRule($0) })
    }

    private func admits(
        _ policy: TargetPolicy, _ address: String, _ port: UInt16 = 80, name: String? = nil,
        scheme: String = "tcp"
    ) throws -> Bool {
        policy.admits(
            try #require(IPAddress(address)), port: port, scheme: scheme, resolvedFrom: name)
    }

    @Test func `a prefix, ports and the scheme bound a rule by address`() throws {
        let policy = try policy("tcp://10.0.0.0/8:4000-4999", "tcp://[2001:db8::]/32")
        #expect(try admits(policy, "10.255.0.1", 4_000))
        #expect(try admits(policy, "10.255.0.1", 4_999))
        #expect(try !admits(policy, "10.255.0.1", 3_999))
        #expect(try !admits(policy, "10.255.0.1", 5_000))
        #expect(try !admits(policy, "11.0.0.1", 4_000))
        #expect(try admits(policy, "::ffff:10.0.0.1", 4_000), "a mapped address is the IPv4 one")
        #expect(try admits(policy, "2001:db8:ffff::1", 9))
        #expect(try !admits(policy, "2001:db9::1", 9))
        #expect(try !admits(policy, "10.0.0.1", 4_000, scheme: "tcp-listen"))
    }

    @Test func `a rule for all of IPv6 admits no IPv4 address`() throws {
        let policy = try policy("tcp://[::]/0")
        #expect(try !admits(policy, "10.0.0.1"))
        #expect(try !admits(policy, "::ffff:10.0.0.1"))
        #expect(try admits(policy, "::1"))
    }

    @Test func `a rule by name admits that name's addresses but the special ones`() throws {
        let policy = try policy("tcp://plc.lab:80")
        #expect(try admits(policy, "10.0.0.1", name: "plc.lab"))
        #expect(try admits(policy, "10.0.0.1", name: "PLC.lab"))
        #expect(try !admits(policy, "10.0.0.1", 81, name: "plc.lab"))
        #expect(try !admits(policy, "10.0.0.1", name: "other.lab"))
        #expect(try !admits(policy, "10.0.0.1", name: "x.plc.lab"))
        #expect(try !admits(policy, "10.0.0.1"), "a literal has no name")
        for special in [
            "127.0.0.1", "169.254.169.254", "224.0.0.1", "0.0.0.0", "::1", "::", "fe80::1",
            "ff02::1",
            "::ffff:127.0.0.1", "::ffff:169.254.169.254",
        ] {
            #expect(try !admits(policy, special, name: "plc.lab"), "\(special)")
        }
    }

    @Test func `special addresses of a name need a rule by address`() throws {
        let policy = try policy("tcp://plc.lab", "tcp://127.0.0.0/8")
        #expect(try admits(policy, "127.0.0.1", name: "plc.lab"))
        #expect(try admits(policy, "127.0.0.1", name: "other"))
        #expect(try !admits(policy, "::1", name: "plc.lab"))
    }

    @Test func `a name may be admitted if a rule by address could hold for it`() throws {
        let byName = try policy("tcp://plc.lab:80", "unix:///run")
        #expect(byName.mayAdmit(name: "plc.LAB", port: 80, scheme: "tcp"))
        #expect(!byName.mayAdmit(name: "plc.lab", port: 81, scheme: "tcp"))
        #expect(!byName.mayAdmit(name: "other", port: 80, scheme: "tcp"))
        #expect(!byName.mayAdmit(name: "plc.lab", port: 80, scheme: "unix"))
        let byAddress = try policy("tcp://10.0.0.0/8:80")
        #expect(byAddress.mayAdmit(name: "anything", port: 80, scheme: "tcp"))
        #expect(!byAddress.mayAdmit(name: "anything", port: 81, scheme: "tcp"))
    }

    @Test func `without rules everything is denied`() throws {
        let policy = TargetPolicy([])
        #expect(try !admits(policy, "127.0.0.1"))
        #expect(!policy.mayAdmit(name: "localhost", port: 80, scheme: "tcp"))
        #expect(policy.target(for: "/run/x", scheme: "unix") == nil)
    }

    @Test func `the default is loopback for network schemes and no path`() throws {
        let policy = TargetPolicy.loopbackOnly(networkSchemes: ["tcp"])
        for address in ["127.0.0.1", "127.255.255.255", "::1"] {
            #expect(try admits(policy, address))
            #expect(try admits(policy, address, name: "localhost"))
            #expect(try !admits(policy, address, scheme: "udp"))
        }
        for address in ["10.0.0.1", "126.0.0.1", "128.0.0.1", "::2", "::", "0.0.0.0"] {
            #expect(try !admits(policy, address))
        }
        #expect(policy.target(for: "/run/x", scheme: "tcp") == nil)
    }

    @Test(arguments: [
        ("/run/devices/a", "/run/devices", "a"), ("/run/devices/a/b", "/run/devices", "a/b"),
        ("/run/devices", "/run", "devices"), ("/run/devices/\u{301}x", "/run/devices", "\u{301}x"),
        ("/run/devices/e\u{301}/x", "/run/devices", "e\u{301}/x"),
    ])
    func `a directory admits itself and all below it`(
        _ path: String, _ directory: String, _ relative: String
    ) throws {
        let target = try #require(
            try policy("unix:///run/devices").target(for: path, scheme: "unix"))
        #expect(Array(target.directory.utf8) == Array(directory.utf8))
        #expect(Array(target.relative.utf8) == Array(relative.utf8))
    }

    @Test(arguments: [
        "/run/devices2", "/run/device", "/run", "/", "/x/run/devices/a", "/run/Devices/a",
    ])
    func `a directory admits nothing beside it`(_ path: String) throws {
        #expect(try policy("unix:///run/devices").target(for: path, scheme: "unix") == nil)
        #expect(
            try policy("unix:///run/devices").target(for: "/run/devices/a", scheme: "serial") == nil
        )
    }

    @Test func `the root admits every path`() throws {
        let target = try policy("unix:///").target(for: "/a/b", scheme: "unix")
        #expect(target == PathTarget(directory: "/", relative: "a/b"))
    }

    @Test func `names are bytes, though people see the same letters`() throws {
        let composed = try policy("unix:///run/\u{E9}")
        #expect(composed.target(for: "/run/\u{E9}/x", scheme: "unix") != nil)
        #expect(composed.target(for: "/run/e\u{301}/x", scheme: "unix") == nil)
        let pattern = try policy("unix:///run/\u{E9}*")
        #expect(pattern.target(for: "/run/\u{E9}x", scheme: "unix") != nil)
        #expect(pattern.target(for: "/run/e\u{301}x", scheme: "unix") == nil)
        let below = try policy("unix:///run/\u{E9}/*")
        #expect(below.target(for: "/run/e\u{301}/x", scheme: "unix") == nil)
    }

    @Test func `a pattern admits files of its directory alone`() throws {
        let policy = try policy("unix:///dev/tty*0")
        #expect(
            policy.target(for: "/dev/ttyUSB0", scheme: "unix")
                == PathTarget(directory: "/dev", relative: "ttyUSB0"))
        #expect(policy.target(for: "/dev/tty0", scheme: "unix") != nil, "a star may be nothing")
        for path in [
            "/dev/tty", "/dev/ttyUSB1", "/dev/xtty0", "/dev/tty/0", "/dev/tty/x0", "/tty0", "/dev",
        ] {
            #expect(policy.target(for: path, scheme: "unix") == nil, "\(path)")
        }
        let overlap = try self.policy("unix:///d/ab*ba")
        #expect(overlap.target(for: "/d/aba", scheme: "unix") == nil)
        #expect(overlap.target(for: "/d/abba", scheme: "unix") != nil)
    }

    @Test func `the first rule that admits a path counts`() throws {
        let policy = try policy("unix:///a/b", "unix:///a")
        #expect(policy.target(for: "/a/b/c", scheme: "unix")?.directory == "/a/b")
        #expect(policy.target(for: "/a/x", scheme: "unix")?.directory == "/a")
    }
}
