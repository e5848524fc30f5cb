import CGnuTLS
import DeviceSessions
import PortEngine

/// Whether a peer is who it must be.
enum PeerJudgement {
    /// The longest chain that is looked at.
    private static let longestChain = 16

    /// Judges the certificate that the peer has shown; keeps why not in the exchange.
    static func judge(_ session: OpaquePointer, _ exchange: TLSExchange) -> Bool {
        let terms = exchange.terms
        var count: UInt32 = 0
        guard let shown = gnutls_certificate_get_peers(session, &count), count > 0,
            count <= longestChain,
            let chain = CertificateChain(UnsafeBufferPointer(start: shown, count: Int(count)))
        else {
            exchange.refusal = .certificateUnreadable
            return false
        }
        exchange.peerPin = chain.pin
        if terms.verifies, let status = status(of: chain, terms) {
            exchange.refusal = EntryError(certificateStatus: status, terms, chain)
            exchange.refusalAlert = alert(for: status)
            return false
        }
        if let pin = terms.pin, pin != chain.pin {
            exchange.refusal = .certificatePinMismatch(is: chain.pin)
            return false
        }
        return true
    }

    /// What is wrong with a chain, as GnuTLS' flags; `nil` if nothing is.
    private static func status(of chain: CertificateChain, _ terms: TLSTerms) -> UInt32? {
        let roots = terms.roots ?? TrustRoots.system
        let address = IPAddress(terms.serverName)
        // GnuTLS wants texts with a zero behind them that their size does not count.
        var nameBytes = address?.bytes ?? Array(terms.serverName.utf8) + [0]
        let nameSize = address == nil ? nameBytes.count - 1 : nameBytes.count
        let type = address == nil ? GNUTLS_DT_DNS_HOSTNAME : GNUTLS_DT_IP_ADDRESS
        var purpose = Array(GNUTLS_KP_TLS_WWW_SERVER.utf8) + [0]
        var status: UInt32 = 0
        let result = nameBytes.withUnsafeMutableBufferPointer { nameBuffer in
            purpose.withUnsafeMutableBufferPointer { purposeBuffer in
                var wanted = [
                    gnutls_typed_vdata_st(
                        type: type, data: nameBuffer.baseAddress, size: UInt32(nameSize)),
                    gnutls_typed_vdata_st(
                        type: GNUTLS_DT_KEY_PURPOSE_OID, data: purposeBuffer.baseAddress,
                        size: UInt32(purposeBuffer.count - 1)),
                ]
                var certificates = chain.certificates
                return gnutls_x509_trust_list_verify_crt2(
                    roots.list.pointer, &certificates, UInt32(certificates.count), &wanted,
                    UInt32(wanted.count), 0, &status, nil)
            }
        }
        if result < 0 { return GNUTLS_CERT_INVALID.rawValue }
        return status == 0 ? nil : status
    }

    private static func alert(for status: UInt32) -> gnutls_alert_description_t {
        if status & GNUTLS_CERT_SIGNER_NOT_FOUND.rawValue != 0 { return GNUTLS_A_UNKNOWN_CA }
        if status & GNUTLS_CERT_EXPIRED.rawValue != 0 { return GNUTLS_A_CERTIFICATE_EXPIRED }
        return GNUTLS_A_BAD_CERTIFICATE
    }
}

/// The certificates that a peer has shown, its own first.
final class CertificateChain {
    private(set) var certificates: [OpaquePointer?] = []
    /// SHA-256 of the first one's SubjectPublicKeyInfo, in base64.
    private(set) var pin = ""

    init?(_ encoded: UnsafeBufferPointer<gnutls_datum_t>) {
        for index in encoded.indices {
            var certificate: OpaquePointer?
            guard gnutls_x509_crt_init(&certificate) == 0 else { return nil }
            certificates.append(certificate)
            var datum = encoded[index]
            guard gnutls_x509_crt_import(certificate, &datum, GNUTLS_X509_FMT_DER) == 0 else {
                return nil
            }
        }
        guard let first = certificates.first, let pin = CertificateChain.pin(of: first) else {
            return nil
        }
        self.pin = pin
    }

    deinit {
        for certificate in certificates { gnutls_x509_crt_deinit(certificate) }
    }

    /// Whom the first one is for: at most six names and addresses, in letters that cannot surprise.
    var names: [String] {
        guard let first = certificates.first else { return [] }
        var names: [String] = []
        for index in 0..<UInt32(6) {
            var bytes = [UInt8](repeating: 0, count: 256)
            var size = bytes.count
            let type = gnutls_x509_crt_get_subject_alt_name(first, index, &bytes, &size, nil)
            if type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE { break }
            guard type >= 0, size <= bytes.count else { continue }
            let value = bytes[..<size]
            if type == Int32(GNUTLS_SAN_DNSNAME.rawValue) {
                names.append(CertificateChain.plain(value))
            } else if type == Int32(GNUTLS_SAN_IPADDRESS.rawValue), let text = address(value) {
                names.append(text)
            }
        }
        return names.isEmpty ? commonName(of: first) : names
    }

    private func address(_ bytes: ArraySlice<UInt8>) -> String? {
        if bytes.count == 4 { return bytes.map { String($0) }.joined(separator: ".") }
        guard bytes.count == 16 else { return nil }
        func half(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
        let address = IPAddress.unmapped(high: half(bytes.prefix(8)), low: half(bytes.suffix(8)))
        guard let text = SocketAddress(address, port: 0).text else { return nil }
        return String(text.dropFirst().dropLast(3))
    }

    private func commonName(of certificate: OpaquePointer?) -> [String] {
        var bytes = [UInt8](repeating: 0, count: 256)
        var size = bytes.count
        let result = gnutls_x509_crt_get_dn_by_oid(
            certificate, GNUTLS_OID_X520_COMMON_NAME, 0, 0, &bytes, &size)
        guard result >= 0, size > 0, size <= bytes.count else { return [] }
        return [CertificateChain.plain(bytes[..<size])]
    }

    private static func plain(_ bytes: ArraySlice<UInt8>) -> String {
        String(
            decoding: bytes.prefix(64).map { (0x21...0x7E).contains($0) ? $0 : 0x3F },
            as: UTF8.self)
    }

    private static func pin(of certificate: OpaquePointer?) -> String? {
        var key: OpaquePointer?
        guard gnutls_pubkey_init(&key) == 0 else { return nil }
        defer { gnutls_pubkey_deinit(key) }
        var encoded = gnutls_datum_t()
        guard gnutls_pubkey_import_x509(key, certificate, 0) == 0,
            gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &encoded) == 0
        else { return nil }
        let bytes = takeBytes(&encoded)
        var digest = [UInt8](repeating: 0, count: 32)
        guard gnutls_hash_fast(GNUTLS_DIG_SHA256, bytes, bytes.count, &digest) == 0 else {
            return nil
        }
        return base64(digest)
    }
}

extension IPAddress {
    /// Its four or sixteen bytes.
    fileprivate var bytes: [UInt8] {
        switch self {
        case .v4(let bits):
            return (0..<4).map { UInt8(truncatingIfNeeded: bits >> (24 - 8 * UInt32($0))) }
        case .v6(let high, let low):
            return [high, low].flatMap { half in
                (0..<8).map { UInt8(truncatingIfNeeded: half >> (56 - 8 * UInt64($0))) }
            }
        }
    }
}
