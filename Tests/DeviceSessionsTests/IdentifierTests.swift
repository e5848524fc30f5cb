import DeviceSessions
import EngineBase
import PortEngine
import Testing

@Suite struct IdentifierTests {
    @Test(arguments: [0, 1, 42, 0xFFF_FFFF_FFFF_FFFF] as [UInt64])
    func `an id is read as it is written`(_ number: UInt64) {
        let id = SessionID(number)
        #expect(SessionID(id.text) == id)
        #expect(id.text.utf8.count == 16)
        let operation = OperationID(session: id, number: .max)
        #expect(OperationID(operation.text) == operation)
    }

    @Test(arguments: [
        "", "ses_", "ses_00000000001", "ses_0000000000001", "ses_00000000000A", "ses_00000000000-",
        "ses_+00000000001", "op_000000000001", "ses_zzzzzzzzzzzz", "ses_00000000001\u{301}",
        "SES_000000000001", "ses_000000000001 ",
    ])
    func `what no daemon gave out is no session id`(_ text: String) {
        #expect(SessionID(text) == nil)
    }

    @Test(arguments: [
        "", "op_", "op_000000000001", "op_000000000001_", "op_000000000001_0",
        "op_000000000001_01", "op_000000000001_+1", "op_000000000001_-1", "op_000000000001_1_1",
        "op_000000000001_18446744073709551616", "ses_000000000001_1", "op_00000000001_1",
        "op_000000000001_1\u{301}", "op_zzzzzzzzzzzz_1",
    ])
    func `what no daemon gave out is no operation id`(_ text: String) {
        #expect(OperationID(text) == nil)
    }

    @Test func `ids are ordered as their text is`() {
        var dice = SeededGenerator(seed: 5)
        let ids = (0..<200).map { _ in SessionID(dice.next()) } + [SessionID(0), SessionID(35)]
        #expect(ids.sorted().map(\.text) == ids.map(\.text).sorted())
    }

    @Test(arguments: [
        (Errno.connectionReset, "connection_reset", 64),
        (.connectionRefused, "connection_refused", 1225),
        (.brokenPipe, "broken_pipe", 232), (.timedOut, "connection_timed_out", 121),
        (.tooManyOpenFiles, "too_many_open_files", 4), (.addressInUse, "address_in_use", 10048),
        (.connectionAborted, "connection_aborted", 1236),
    ])
    func `kernel errors have a stable code and keep their number`(
        _ errno: Errno, _ code: String, _ win32: Int
    ) {
        let error = EntryError(errno)
        #expect(error.code == code)
        #expect(error.win32 == win32)
        #expect(error.errno == errno.rawValue)
        #expect(error.errnoName == errno.name)
    }

    @Test func `an error without a code of its own still has a name`() {
        let error = EntryError(.protocolError)
        #expect(error.code == "io_error")
        #expect(error.errnoName == "EPROTO")
    }
}

@Suite struct IPAddressTests {
    @Test(arguments: [
        ("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"),
        ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("fe80::1", "fe80::1"),
        ("2001:DB8::00ff", "2001:db8::ff"), ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
        ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
        ("1:0:0:2:0:0:0:3", "1:0:0:2::3"), ("1:0:2::", "1:0:2::"),
        ("::ffff:10.1.2.3", "10.1.2.3"), ("::ffff:a01:203", "10.1.2.3"),
        ("0:0:0:0:0:ffff:10.1.2.3", "10.1.2.3"), ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"),
        ("::1.2.3.4", "::102:304"), ("64:ff9b::1.2.3.4", "64:ff9b::102:304"),
    ])
    func `addresses are read and written in the usual form`(_ text: String, _ usual: String) {
        #expect(IPAddress(text)?.text == usual)
    }

    @Test(arguments: [
        "", ".", "1.2.3", "1.2.3.4.5", "1.2.3.4.", ".1.2.3.4", "1..2.3", "256.1.1.1", "01.2.3.4",
        "1.2.3.04", "1.2.3.+4", "1.2.3.-4", "1.2.3. 4", "0x7f.0.0.1", "0177.0.0.1", "2130706433",
        "127.1", "١٢٧.0.0.1", "1.2.3.4\u{301}",
        ":", ":::", "::1::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", ":1:2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7:8:", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "12345::", "g::", "::1%lo",
        "[::1]", "::1.2.3", "::1.2.3.4:5", "1.2.3.4::", "1:2:1.2.3.4::5", "::01.2.3.4",
        "1:2:3:4:5:6:7:1.2.3.4", "::ａ", "::+1", "::-1", "::ffff:256.1.1.1",
    ])
    func `nothing else is an address`(_ text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test(arguments: [
        ("127.0.0.1", true), ("127.255.0.9", true), ("169.254.169.254", true), ("224.0.0.1", true),
        ("239.255.255.255", true), ("0.0.0.0", true), ("0.1.2.3", true), ("10.0.0.1", false),
        ("169.253.0.1", false), ("128.0.0.1", false), ("223.255.255.255", false),
        ("::", true), ("::1", true), ("fe80::1", true), ("febf::1", true), ("fec0::1", false),
        ("ff02::1", true), ("2001:db8::1", false), ("::2", false), ("::ffff:127.0.0.1", true),
        ("::ffff:169.254.1.1", true),
    ])
    func `addresses that a rule by name does not cover`(_ text: String, _ isSpecial: Bool) {
        #expect(IPAddress(text)?.isSpecial == isSpecial)
    }

    @Test(arguments: [
        ("10.1.2.3", "10.0.0.0", 8, true), ("11.0.0.0", "10.0.0.0", 8, false),
        ("10.0.0.127", "10.0.0.0", 25, true), ("10.0.0.128", "10.0.0.0", 25, false),
        ("10.0.0.1", "10.0.0.1", 32, true), ("10.0.0.0", "10.0.0.1", 32, false),
        ("255.0.0.1", "0.0.0.0", 0, true), ("::1", "0.0.0.0", 0, false),
        ("10.0.0.1", "::", 0, false), ("::1", "::", 0, true), ("fe80::1", "fe80::", 10, true),
        ("fec0::1", "fe80::", 10, false), ("1:2:3:4::", "1:2:3:4:5::", 64, true),
        ("1:2:3:5::", "1:2:3:4::", 64, false), ("1:2:3:4:8000::", "1:2:3:4::", 65, false),
        ("1:2:3:4:7fff::", "1:2:3:4::", 65, true), ("1::1", "1::2", 128, false),
        ("1::2", "1::2", 128, true), ("1::3", "1::2", 127, true), ("2::3", "1::2", 127, false),
    ])
    func `a prefix compares just its bits`(
        _ text: String, _ prefix: String, _ length: Int, _ fits: Bool
    ) throws {
        let address = try #require(IPAddress(text))
        #expect(address.hasPrefix(try #require(IPAddress(prefix)), length: length) == fits)
    }

    @Test func `a random address is read as it is written`() {
        var dice = SeededGenerator(seed: 11)
        for _ in 0..<2_000 {
            // Many zeros, so that runs of them come at every place.
            let mask = dice.next() & dice.next()
            let address = IPAddress.unmapped(high: dice.next() & mask, low: dice.next() & ~mask)
            #expect(IPAddress(address.text) == address, "seed 11")
            let groups = IPAddress.v4(UInt32(truncatingIfNeeded: dice.next()))
            #expect(IPAddress(groups.text) == groups, "seed 11")
        }
    }

    @Test func `a socket address shows as host and port`() {
        #expect(SocketAddress.ipv4(0x7F00_0001, port: 80).text == "127.0.0.1:80")
        #expect(SocketAddress.ipv6(high: 0, low: 1, port: 80, scope: 0).text == "[::1]:80")
        #expect(
            SocketAddress.ipv6(high: 0, low: 0xFFFF_7F00_0001, port: 80, scope: 0).text
                == "127.0.0.1:80")
        #expect(SocketAddress.unix(path: "/run/x").text == "/run/x")
        #expect(SocketAddress.unix(path: "").text == nil)
    }
}
