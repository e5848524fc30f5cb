import EngineBase
import LinuxSystem
import Testing

@Suite struct `Addresses` {
    @Test func `addresses keep their meaning`() throws {
        #expect(
            RawSocketAddress(ipv4: 0x0102_0304, port: 0x1234).meaning
                == .ipv4(0x0102_0304, port: 0x1234)
        )
        let six = RawSocketAddress(ipv6High: 0xfe80 << 48, low: 0x1234, port: 7, scope: 3)
        #expect(six.meaning == .ipv6(high: 0xfe80 << 48, low: 0x1234, port: 7, scope: 3))
        let longest = String(repeating: "x", count: 107)
        #expect(try RawSocketAddress(unixPath: longest).meaning == .unix(path: longest))
    }

    @Test func `a mapped address is the IPv4 address`() {
        let mapped = RawSocketAddress(ipv6High: 0, low: 0xffff_0a00_0001, port: 5, scope: 0)
        #expect(mapped.meaning == .ipv4(0x0a00_0001, port: 5))
    }

    @Test func `paths that do not fit are refused`() {
        #expect(throws: Errno.self) {
            _ = try RawSocketAddress(unixPath: String(repeating: "x", count: 108))
        }
        #expect(throws: Errno.invalidArgument) { _ = try RawSocketAddress(unixPath: "") }
        #expect(throws: Errno.invalidArgument) { _ = try RawSocketAddress(unixPath: "a\0b") }
    }

    @Test func `only plain literals need no look-up`() {
        #expect(NameResolver.literal("10.1.2.3", port: 9) == .ipv4(0x0a01_0203, port: 9))
        #expect(
            NameResolver.literal("::1", port: 9) == .ipv6(high: 0, low: 1, port: 9, scope: 0)
        )
        for name in ["127.1", "0x7f.0.0.1", "2130706433", "localhost", "", "1.2.3.4.5"] {
            #expect(NameResolver.literal(name, port: 9) == nil, "\(name)")
        }
        // Interface 1 is the loopback.
        guard case .ipv6(_, 1, 9, 1) = NameResolver.literal("fe80::1%lo", port: 9) else {
            Issue.record("no scope")
            return
        }
    }

    @Test func `the kernel gives a bound address back`() throws {
        let socket = try OwnedDescriptor.socket(.ipv4, .datagram)
        try socket.bind(to: RawSocketAddress(ipv4: 0x7f00_0001, port: 0))
        guard case .ipv4(0x7f00_0001, let port) = try socket.localAddress().meaning else {
            Issue.record("not the address that was bound")
            return
        }
        #expect(port != 0)
        #expect(throws: Errno.notConnected) { _ = try socket.peerAddress() }
    }
}
