import CGnuTLS
import Glibc

/// A certificate with its key, made for a test.
// SAFETY: nothing changes it after its making, and GnuTLS only reads it.
final class TestIdentity: @unchecked Sendable {
    private(set) var key: gnutls_x509_privkey_t?
    private(set) var certificate: gnutls_x509_crt_t?
    private let issuer: TestIdentity?

    /// A certificate for these names, signed by `issuer` or by itself.
    init(
        names: [String] = [], addresses: [[UInt8]] = [], isAuthority: Bool = false,
        days: ClosedRange<Int> = -1...365, purpose: String? = nil, commonName: String = "test",
        issuer: TestIdentity? = nil
    ) {
        self.issuer = issuer
        gnutls_x509_privkey_init(&key)
        gnutls_x509_privkey_generate(
            key, GNUTLS_PK_ECDSA, UInt32(1) << 31 | GNUTLS_ECC_CURVE_SECP256R1.rawValue, 0)
        gnutls_x509_crt_init(&certificate)
        gnutls_x509_crt_set_version(certificate, 3)
        var serial = (0..<8).map { _ in UInt8.random(in: 1...127) }
        gnutls_x509_crt_set_serial(certificate, &serial, serial.count)
        let now = time(nil)
        gnutls_x509_crt_set_activation_time(certificate, now + days.lowerBound * 86_400)
        gnutls_x509_crt_set_expiration_time(certificate, now + days.upperBound * 86_400)
        gnutls_x509_crt_set_dn_by_oid(
            certificate, GNUTLS_OID_X520_COMMON_NAME, 0, commonName,
            UInt32(commonName.utf8.count))
        gnutls_x509_crt_set_key(certificate, key)
        for name in names {
            gnutls_x509_crt_set_subject_alt_name(
                certificate, GNUTLS_SAN_DNSNAME, name, UInt32(name.utf8.count),
                UInt32(GNUTLS_FSAN_APPEND))
        }
        for address in addresses {
            gnutls_x509_crt_set_subject_alt_name(
                certificate, GNUTLS_SAN_IPADDRESS, address, UInt32(address.count),
                UInt32(GNUTLS_FSAN_APPEND))
        }
        gnutls_x509_crt_set_basic_constraints(certificate, isAuthority ? 1 : 0, -1)
        if isAuthority {
            gnutls_x509_crt_set_key_usage(
                certificate, UInt32(GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_DIGITAL_SIGNATURE))
        }
        if let purpose { gnutls_x509_crt_set_key_purpose_oid(certificate, purpose, 0) }
        let result = gnutls_x509_crt_sign2(
            certificate, issuer?.certificate ?? certificate, issuer?.key ?? key,
            GNUTLS_DIG_SHA256, 0)
        precondition(result == 0, "the certificate cannot be signed: \(result)")
        // GnuTLS knows some parts of a certificate only once it has read it.
        let pem = certificatePEM
        gnutls_x509_crt_deinit(certificate)
        gnutls_x509_crt_init(&certificate)
        pem.withUnsafeBufferPointer { bytes in
            var datum = gnutls_datum_t(
                data: UnsafeMutablePointer(mutating: bytes.baseAddress), size: UInt32(bytes.count))
            gnutls_x509_crt_import(certificate, &datum, GNUTLS_X509_FMT_PEM)
        }
    }

    deinit {
        gnutls_x509_crt_deinit(certificate)
        gnutls_x509_privkey_deinit(key)
    }

    /// Its certificate, and its issuer's if that is no root.
    var chain: [gnutls_x509_crt_t?] {
        var chain = [certificate]
        var next = issuer
        while let each = next, each.issuer != nil {
            chain.append(each.certificate)
            next = each.issuer
        }
        return chain
    }

    var certificatePEM: [UInt8] { export { gnutls_x509_crt_export2(certificate, $0, $1) } }
    var keyPEM: [UInt8] { export { gnutls_x509_privkey_export2(key, $0, $1) } }

    private func export(
        _ body: (gnutls_x509_crt_fmt_t, UnsafeMutablePointer<gnutls_datum_t>) -> Int32
    ) -> [UInt8] {
        var datum = gnutls_datum_t()
        guard body(GNUTLS_X509_FMT_PEM, &datum) == 0, let data = datum.data else { return [] }
        defer { iocpd_gnutls_free(datum.data) }
        return Array(UnsafeBufferPointer(start: data, count: Int(datum.size)))
    }
}
