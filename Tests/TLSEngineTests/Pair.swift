import CGnuTLS
import DeviceSessions
import PortEngine
import TLSEngine

/// A connection that is tested, and a server in memory at its other end.
final class Pair {
    static let authority = TestIdentity(isAuthority: true, commonName: "authority")
    static let device = TestIdentity(
        names: ["device.test"], addresses: [[127, 0, 0, 1]], issuer: authority)

    let client: TLSConnection
    let server: MemoryServer

    init(
        _ terms: TLSTerms = .trusting(), _ identity: TestIdentity = Pair.device,
        priorities: String = "NORMAL", wantsCertificate: Bool = false
    ) {
        client = TLSConnection(terms)
        server = MemoryServer(
            identity, priorities: priorities, wantsCertificate: wantsCertificate)
    }

    /// A pair that has shaken hands, with the tickets of TLS 1.3 delivered.
    static func open(
        _ terms: TLSTerms = .trusting(), priorities: String = "NORMAL"
    ) -> Pair {
        let pair = Pair(terms, priorities: priorities)
        let error = pair.shakeHands()
        precondition(error == nil, "\(String(describing: error))")
        let tickets = pair.server.takeOutgoing()
        if !tickets.isEmpty { _ = pair.client.unseal(tickets) }
        return pair
    }

    /// Shakes hands, each way in pieces of at most `piece` bytes; the error of the client.
    func shakeHands(inPiecesOf piece: Int = .max) -> EntryError? {
        var toClient: [UInt8] = []
        var isServerDone = false
        for _ in 0..<100_000 {
            let part = Array(toClient.prefix(piece))
            toClient.removeFirst(part.count)
            let (wire, progress) = client.handshake(part)
            var rest = wire
            repeat {
                let part = Array(rest.prefix(piece))
                rest.removeFirst(part.count)
                if isServerDone {
                    server.take(part)
                } else {
                    isServerDone = server.handshake(part) == 0
                }
            } while !rest.isEmpty
            toClient += server.takeOutgoing()
            switch progress {
            case .done:
                early = client.earlyInput()
                if !toClient.isEmpty { unseal(toClient) }
                return nil
            case .failed(let error): return error
            case .needsInput: continue
            }
        }
        return EntryError(code: "endless", message: "")
    }

    /// What came with the last part of the handshake.
    private(set) var early = UnsealedInput()

    private func unseal(_ bytes: [UInt8]) {
        let more = client.unseal(bytes)
        early.bytes += more.bytes
        early.end = more.end
    }

    /// Seals bytes, record by record.
    func seal(_ bytes: [UInt8]) -> [[UInt8]] {
        var records: [[UInt8]] = []
        var start = 0
        while start < bytes.count,
            case .record(let record, let count) = client.seal(bytes, from: start)
        {
            records.append(record)
            start += count
        }
        return records
    }
}

extension TLSTerms {
    /// Terms that the device of a pair meets.
    static func trusting(
        _ authority: TestIdentity = Pair.authority, serverName: String = "device.test"
    ) -> TLSTerms {
        var terms = TLSTerms(serverName: serverName)
        terms.roots = TrustRoots(pem: authority.certificatePEM)
        return terms
    }
}

extension UnsealedInput {
    var text: String { String(decoding: bytes, as: UTF8.self) }

    /// The end in a word.
    var ending: String? {
        switch end {
        case nil: nil
        case .endOfStream: "end_of_stream"
        case .failed(let error, let breaksOutput): error.code + (breaksOutput ? " both" : "")
        }
    }
}

/// Versions and ciphers that make records in different ways.
let suites = [
    "NORMAL:-VERS-ALL:+VERS-TLS1.3",
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+CHACHA20-POLY1305",
    "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-GCM",
    "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+CHACHA20-POLY1305",
    "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-CBC",
    "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-CBC:%NO_ETM",
]
