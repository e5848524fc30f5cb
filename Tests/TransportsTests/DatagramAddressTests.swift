import DeviceSessions
import Testing

@testable import Transports

@Suite struct DatagramAddressTests {
    @Test(arguments: [
        ("127.0.0.1:80", SocketAddress.ipv4(0x7F00_0001, port: 80)),
        ("0.0.0.0:65535", .ipv4(0, port: 65_535)),
        ("[::1]:1", .ipv6(high: 0, low: 1, port: 1, scope: 0)),
        ("[::ffff:7f00:1]:9", .ipv4(0x7F00_0001, port: 9)),
    ])
    func `a destination is a literal and a port`(_ text: String, _ address: SocketAddress) {
        #expect(DatagramDestination.address(text) == address)
    }

    @Test(arguments: [
        "", ":", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:00080",
        "127.0.0.1:65536", "127.0.0.1:+1", "127.0.0.1:1 ", "127.1:80", "localhost:80", "::1:80",
        "[::1]", "[::1]:", "[127.0.0.1]:80", "[::ffff:127.0.0.1]:80", "[::1%lo]:80", "[]:80",
        "[::1:80", "::1]:80", "127.0.0.1:8٠",
    ])
    func `nothing else is`(_ text: String) {
        #expect(DatagramDestination.address(text) == nil)
    }

    @Test func `a destination is admitted as udp to the same place, an unspecified one never`()
        throws
    {
        let policy = TargetPolicy([
            try TargetRule("udp://127.0.0.0/8:1000-2000"), try TargetRule("udp://0.0.0.0/0:9"),
            try TargetRule("udp-listen://10.0.0.0/8"),
        ])
        #expect(policy.admits(destination: .ipv4(0x7F00_0001, port: 1_500)))
        #expect(!policy.admits(destination: .ipv4(0x7F00_0001, port: 2_001)))
        #expect(!policy.admits(destination: .ipv4(0x0A00_0001, port: 1_500)))
        #expect(policy.admits(destination: .ipv4(0x0A00_0001, port: 9)))
        #expect(!policy.admits(destination: .ipv4(0, port: 9)))
        #expect(!policy.admits(destination: .unix(path: "/x")))
    }

    @Test func `a group is a multicast address`() {
        for text in ["224.0.0.1", "239.255.255.255", "ff02::fb", "FF0E:1::"] {
            #expect(MulticastGroup(text) != nil, "\(text)")
        }
        for text in ["223.255.255.255", "240.0.0.0", "ff2::1", "fe80::1", "ff02::1.2.3.4", "x"] {
            #expect(MulticastGroup(text) == nil, "\(text)")
        }
    }

    @Test func `a group is admitted for the session's scheme and port`() throws {
        let policy = TargetPolicy([
            try TargetRule("udp-listen://239.1.0.0/16:5000"), try TargetRule("udp-listen://name"),
        ])
        let group = try #require(IPAddress("239.1.2.3"))
        #expect(policy.admits(group: group, port: 5_000, scheme: "udp-listen"))
        #expect(policy.admits(group: group, port: 0, scheme: "udp-listen"), "the kernel picks it")
        #expect(!policy.admits(group: group, port: 5_001, scheme: "udp-listen"))
        #expect(!policy.admits(group: group, port: 5_000, scheme: "udp"))
        #expect(!policy.admits(group: .v4(0xEF02_0000), port: 0, scheme: "udp-listen"))
    }
}
