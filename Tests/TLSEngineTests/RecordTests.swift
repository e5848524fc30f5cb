import CGnuTLS
import DeviceSessions
import Testing

@testable import TLSEngine

@Suite struct RecordTests {
    @Test(arguments: suites, [1, 7, 1_000])
    func `bytes cut at every place come whole`(suite: String, piece: Int) {
        let pair = Pair(priorities: suite)
        #expect(pair.shakeHands(inPiecesOf: piece) == nil)
        let sent = (0..<40_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        pair.server.send(sent)
        pair.server.sendEnd()
        var wire = pair.server.takeOutgoing()[...]
        var got: [UInt8] = []
        while !wire.isEmpty {
            let input = pair.client.unseal(Array(wire.prefix(piece)))
            wire = wire.dropFirst(piece)
            got += input.bytes
            #expect((input.ending == nil) == !wire.isEmpty)
        }
        #expect(got == sent)
    }

    @Test(arguments: suites)
    func `records that come together are all given at once`(suite: String) {
        let pair = Pair.open(priorities: suite)
        for word in ["one ", "two ", "three"] { pair.server.send(Array(word.utf8)) }
        let input = pair.client.unseal(pair.server.takeOutgoing())
        #expect(input.text == "one two three")
        #expect(input.ending == nil)
        #expect(input.answer == [])
    }

    @Test(arguments: suites)
    func `a long write is cut into records of 16 KiB`(suite: String) {
        let pair = Pair.open(priorities: suite)
        let bytes = (0..<50_000).map { UInt8(truncatingIfNeeded: $0) }
        let records = pair.seal(bytes)
        #expect(records.count == 4)
        for record in records { pair.server.take(record) }
        #expect(pair.server.received == bytes)
    }

    @Test(arguments: suites)
    func `a record that is taken back was never sealed`(suite: String) {
        let pair = Pair.open(priorities: suite)
        pair.server.take(pair.seal(Array("first ".utf8))[0])
        for _ in 0..<3 {
            _ = pair.seal(Array("never sent".utf8))
            #expect(pair.client.takeBack())
            #expect(!pair.client.takeBack(), "twice")
        }
        pair.server.take(pair.seal(Array("second".utf8))[0])
        #expect(pair.server.received == Array("first second".utf8))
        _ = pair.seal(Array("never sent".utf8))
        #expect(pair.client.takeBack())
        pair.server.take(pair.client.sealEnd())
        #expect(pair.server.ending == 0)
    }

    @Test func `a record behind which something was sealed cannot be taken back`() {
        let pair = Pair.open()
        let record = pair.seal(Array("x".utf8))[0]
        let end = pair.client.sealEnd()
        #expect(!pair.client.takeBack())
        pair.server.take(record + end)
        #expect(pair.server.received == Array("x".utf8))
        #expect(pair.server.ending == 0)
    }

    @Test func `new keys are taken unseen, and our own go before the next record`() {
        let pair = Pair.open(priorities: suites[0])
        #expect(gnutls_session_key_update(pair.server.session, UInt32(GNUTLS_KU_PEER)) == 0)
        pair.server.send(Array("with new keys".utf8))
        let input = pair.client.unseal(pair.server.takeOutgoing())
        #expect(input.text == "with new keys")
        #expect(input.ending == nil)
        let record = pair.seal(Array("answer".utf8))[0]
        #expect(!pair.client.takeBack(), "the change of keys would be lost with it")
        pair.server.take(record)
        #expect(pair.server.received == Array("answer".utf8))
        _ = pair.seal(Array("never sent".utf8))
        #expect(pair.client.takeBack())
        pair.server.take(pair.seal(Array("!".utf8))[0])
        #expect(pair.server.received == Array("answer!".utf8))
    }

    @Test func `a flood of key changes ends the connection`() {
        let pair = Pair.open(priorities: suites[0])
        for _ in 0..<100 { gnutls_session_key_update(pair.server.session, UInt32(GNUTLS_KU_PEER)) }
        let input = pair.client.unseal(pair.server.takeOutgoing())
        #expect(input.ending == "tls_broken both")
        #expect(!input.answer.isEmpty)
    }

    @Test func `a request to negotiate anew is refused, and the connection goes on`() {
        let pair = Pair.open(priorities: suites[2])
        #expect(gnutls_rehandshake(pair.server.session) == 0)
        let input = pair.client.unseal(pair.server.takeOutgoing())
        #expect(input.ending == nil)
        pair.server.take(input.answer)
        #expect(pair.server.ending == GNUTLS_E_WARNING_ALERT_RECEIVED)
        #expect(gnutls_alert_get(pair.server.session) == GNUTLS_A_NO_RENEGOTIATION)
        pair.server.send(Array("still here".utf8))
        #expect(pair.client.unseal(pair.server.takeOutgoing()).text == "still here")
    }

    @Test func `one who asks again and again to negotiate anew is cut off`() {
        let pair = Pair.open(priorities: suites[2])
        for _ in 0..<10 { gnutls_rehandshake(pair.server.session) }
        #expect(pair.client.unseal(pair.server.takeOutgoing()).ending == "tls_broken both")
    }

    @Test func `the peer's close_notify is the end of the input alone`() {
        let pair = Pair.open()
        pair.server.send(Array("last".utf8))
        pair.server.sendEnd()
        let input = pair.client.unseal(pair.server.takeOutgoing())
        #expect(input.text == "last")
        #expect(input.ending == "end_of_stream")
        pair.server.take(pair.seal(Array("still sending".utf8))[0])
        #expect(pair.server.received == Array("still sending".utf8))
        #expect(pair.client.unseal([]).ending == nil, "told once")
    }

    @Test(arguments: suites, [0, 1, 10, 40])
    func `a wire that ends without close_notify is a truncation, after its bytes`(
        suite: String, cut: Int
    ) {
        let pair = Pair.open(priorities: suite)
        pair.server.send(Array("whole".utf8))
        let whole = pair.server.takeOutgoing()
        pair.server.send([UInt8](repeating: 0x2E, count: 100))
        let half = pair.server.takeOutgoing().prefix(cut)
        let input = pair.client.unseal(whole + half)
        #expect(input.text == "whole")
        #expect(input.ending == nil)
        #expect(pair.client.unseal([]).ending == "tls_truncated")
        #expect(!pair.seal([1]).isEmpty, "the output goes on")
    }

    @Test(arguments: suites)
    func `a record that was tampered with breaks the connection`(suite: String) {
        let pair = Pair.open(priorities: suite)
        pair.server.send(Array("good".utf8))
        let good = pair.server.takeOutgoing()
        pair.server.send(Array("bad".utf8))
        var bad = pair.server.takeOutgoing()
        bad[bad.count - 1] ^= 1
        let input = pair.client.unseal(good + bad)
        #expect(input.text == "good")
        #expect(input.ending == "tls_broken both")
        pair.server.take(input.answer)
        #expect(pair.server.ending == GNUTLS_E_FATAL_ALERT_RECEIVED)
        #expect(gnutls_alert_get(pair.server.session) == GNUTLS_A_BAD_RECORD_MAC)
    }

    @Test func `the end is sealed once`() {
        let pair = Pair.open()
        pair.server.take(pair.client.sealEnd())
        #expect(pair.server.ending == 0)
        #expect(pair.client.sealEnd() == [])
    }

    @Test func `what is agreed can be shown`() {
        let security = Pair.open(priorities: suites[0]).client.security
        #expect(security.version == "TLS1.3")
        #expect(security.cipher == "AES-256-GCM")
        #expect(security.peerPin?.utf8.count == 44)
    }
}
