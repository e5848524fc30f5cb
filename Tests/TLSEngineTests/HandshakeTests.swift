import CGnuTLS
import DeviceSessions
import PortEngine
import Testing

@testable import TLSEngine

@Suite struct HandshakeTests {
    /// The error code of a handshake on these terms with a device of this identity.
    private func outcome(
        _ terms: TLSTerms = .trusting(), _ identity: TestIdentity = Pair.device,
        priorities: String = "NORMAL"
    ) -> String? {
        Pair(terms, identity, priorities: priorities).shakeHands()?.code
    }

    private func device(
        names: [String] = ["device.test"], days: ClosedRange<Int> = -1...365,
        purpose: String? = nil
    ) -> TestIdentity {
        TestIdentity(names: names, days: days, purpose: purpose, issuer: Pair.authority)
    }

    @Test(arguments: suites)
    func `a trusted device of the right name is taken`(suite: String) {
        #expect(outcome(priorities: suite) == nil)
        #expect(outcome(.trusting(serverName: "127.0.0.1"), priorities: suite) == nil)
    }

    @Test(arguments: ["other.test", "evice.test", "127.0.0.2", "::1", "test"])
    func `another name is refused`(name: String) {
        let error = Pair(.trusting(serverName: name)).shakeHands()
        #expect(error?.code == "certificate_name_mismatch")
        #expect(error?.win32 == 12038)
        #expect(error?.message.contains("device.test, 127.0.0.1") == true)
    }

    @Test func `a name is told to the server, an address is not`() {
        for (name, told) in [("device.test", "device.test"), ("127.0.0.1", "")] {
            let pair = Pair(.trusting(serverName: name))
            #expect(pair.shakeHands() == nil)
            var bytes = [UInt8](repeating: 0, count: 256)
            var size = bytes.count
            var type: UInt32 = 0
            let result = gnutls_server_name_get(pair.server.session, &bytes, &size, &type, 0)
            #expect((result == 0 ? String(decoding: bytes[..<size], as: UTF8.self) : "") == told)
        }
    }

    @Test func `an IPv6 address is a name too`() {
        let loopback = [UInt8](repeating: 0, count: 15) + [1]
        let device = TestIdentity(addresses: [loopback], issuer: Pair.authority)
        #expect(outcome(.trusting(serverName: "::1"), device) == nil)
        let error = Pair(.trusting(serverName: "::2"), device).shakeHands()
        #expect(error?.message.contains("but for ::1;") == true)
    }

    @Test func `a certificate out of its time is refused`() {
        #expect(outcome(.trusting(), device(days: -30 ... -1)) == "certificate_expired")
        #expect(outcome(.trusting(), device(days: 1...30)) == "certificate_not_yet_valid")
    }

    @Test func `a certificate that leads nowhere is refused, with what would help`() {
        let stranger = TestIdentity(names: ["device.test"])
        let error = Pair(.trusting(), stranger).shakeHands()
        #expect(error?.code == "certificate_not_trusted")
        #expect(error?.win32 == 12045)
        #expect(error?.message.contains("options.ca") == true)
        var system = TLSTerms(serverName: "device.test")
        #expect(outcome(system) == "certificate_not_trusted")
        system.roots = .some(TrustRoots.system)
        #expect(outcome(system) == "certificate_not_trusted")
    }

    @Test func `a device's own certificate can be given as what to trust`() {
        let lone = TestIdentity(names: ["device.test"])
        #expect(outcome(.trusting(lone), lone) == nil)
        #expect(outcome(.trusting(lone), Pair.device) == "certificate_not_trusted")
    }

    @Test func `a chain over an intermediate is followed`() {
        let middle = TestIdentity(isAuthority: true, commonName: "middle", issuer: Pair.authority)
        let device = TestIdentity(names: ["device.test"], issuer: middle)
        let error = Pair(.trusting(), device).shakeHands()
        #expect(error == nil)
    }

    @Test func `one who is no authority vouches for nobody`() {
        let device = TestIdentity(names: ["device.test"], issuer: Pair.device)
        #expect(outcome(.trusting(), device) == "certificate_not_trusted")
    }

    @Test func `a certificate that is meant for clients is refused`() {
        let client = device(purpose: GNUTLS_KP_TLS_WWW_CLIENT)
        let error = Pair(.trusting(), client).shakeHands()
        #expect(error?.code == "certificate_not_trusted")
        #expect(error?.message.contains("not meant for a server") == true)
    }

    @Test func `without verification anybody is taken`() {
        var terms = TLSTerms(serverName: "other.test")
        terms.verifies = false
        #expect(outcome(terms, TestIdentity(days: -30 ... -1)) == nil)
    }

    @Test func `a pin is asked for besides verification, and without it`() {
        let right = Pair.open().client.security.peerPin
        let wrong = base64([UInt8](repeating: 0, count: 32))
        for verifies in [true, false] {
            var terms = TLSTerms.trusting()
            terms.verifies = verifies
            terms.pin = right
            #expect(outcome(terms) == nil)
            terms.pin = wrong
            let error = Pair(terms).shakeHands()
            #expect(error?.code == "certificate_pin_mismatch")
            #expect(error?.message.contains(right ?? "?") == true)
        }
        var terms = TLSTerms.trusting(serverName: "other.test")
        terms.pin = right
        #expect(outcome(terms) == "certificate_name_mismatch")
    }

    @Test(arguments: [suites[0], suites[2]])
    func `a client that is asked shows its certificate, to whom it trusts alone`(suite: String) {
        var terms = TLSTerms.trusting()
        let own = TestIdentity(names: ["daemon.test"], issuer: Pair.authority)
        terms.identity = try? ClientIdentity(
            certificatePEM: own.certificatePEM, keyPEM: own.keyPEM)
        #expect(terms.identity != nil)
        let pair = Pair(terms, priorities: suite, wantsCertificate: true)
        #expect(pair.shakeHands() == nil)
        var count: UInt32 = 0
        #expect(gnutls_certificate_get_peers(pair.server.session, &count) != nil)

        terms.serverName = "other.test"
        let wary = Pair(terms, priorities: suite, wantsCertificate: true)
        #expect(wary.shakeHands()?.code == "certificate_name_mismatch")
        #expect(gnutls_certificate_get_peers(wary.server.session, &count) == nil)
    }

    @Test func `TLS 1.2 tells in the handshake that a certificate is missing`() {
        let pair = Pair(priorities: suites[2], wantsCertificate: true)
        _ = pair.shakeHands()
        gnutls_alert_send(pair.server.session, GNUTLS_AL_FATAL, GNUTLS_A_HANDSHAKE_FAILURE)
        let (_, progress) = pair.client.handshake(pair.server.takeOutgoing())
        guard case .failed(let error) = progress else {
            Issue.record("\(progress)")
            return
        }
        #expect(error.code == "client_certificate_required")
    }

    @Test func `TLS 1.3 tells it afterwards`() {
        let pair = Pair(priorities: suites[0], wantsCertificate: true)
        #expect(pair.shakeHands() == nil)
        gnutls_alert_send(pair.server.session, GNUTLS_AL_FATAL, GNUTLS_A_CERTIFICATE_REQUIRED)
        let input = pair.client.unseal(pair.server.takeOutgoing())
        #expect(input.ending == "client_certificate_required both")
    }

    @Test func `old versions are refused`() {
        let error = Pair(priorities: "NORMAL:-VERS-ALL:+VERS-TLS1.1:+VERS-TLS1.0").shakeHands()
        #expect(error?.code == "tls_handshake_failed")
    }

    @Test(arguments: ["HTTP/1.0 400 Bad Request\r\n\r\n", "*IDN?\nACME\n", "\u{16}\u{3}\u{1}xxxx"])
    func `what speaks no TLS is told apart from what does`(answer: String) {
        let client = TLSConnection(.trusting())
        _ = client.handshake([])
        let (wire, progress) = client.handshake(
            Array(answer.utf8) + [UInt8](repeating: 0, count: 20_000))
        guard case .failed(let error) = progress else {
            Issue.record("\(progress)")
            return
        }
        #expect(error.code == "tls_handshake_failed")
        #expect(error.message.contains("mend") || error.message.contains("tcp://"), "\(error)")
        #expect(!wire.isEmpty, "it is told so by an alert")
    }

    @Test func `data that comes with the end of the handshake is not lost`() {
        // In TLS 1.3 the server may send before it has the client's last message: here it sends
        // right behind its own, together with its tickets.
        let pair = Pair(priorities: suites[0])
        #expect(pair.shakeHands() == nil)
        pair.server.send(Array("greeting".utf8))
        #expect(pair.client.unseal(pair.server.takeOutgoing()).text == "greeting")
    }

    @Test func `certificates and keys that cannot be used are told apart`() {
        let own = TestIdentity()
        let other = TestIdentity()
        func fault(_ certificate: [UInt8], _ key: [UInt8]) -> ClientIdentity.Fault? {
            do throws(ClientIdentity.Fault) {
                _ = try ClientIdentity(certificatePEM: certificate, keyPEM: key)
                return nil
            } catch { return error }
        }
        #expect(fault(own.certificatePEM, own.keyPEM) == nil)
        #expect(fault(own.certificatePEM, other.keyPEM) == .mismatch)
        #expect(fault(own.keyPEM, own.keyPEM) == .certificate)
        #expect(fault(own.certificatePEM, own.certificatePEM) == .key)
        #expect(fault(own.certificatePEM, []) == .key)
        #expect(fault([], own.keyPEM) == .certificate)
        #expect(TrustRoots(pem: own.keyPEM) == nil)
        #expect(TrustRoots(pem: []) == nil)
        #expect(TrustRoots(pem: own.certificatePEM + other.certificatePEM)?.count == 2)
    }
}
