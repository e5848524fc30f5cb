import CGnuTLS

/// What the daemon proves its own identity with: a certificate and its key, or nothing.
public final class ClientIdentity: Sendable {
    /// Why a certificate and a key cannot be used.
    public enum Fault: Error, Hashable, Sendable {
        /// The text of the certificate holds none.
        case certificate
        /// The text of the key holds none that can be used, perhaps because it is encrypted.
        case key
        /// The key is that of another certificate.
        case mismatch
    }

    /// No identity: a peer that asks for a certificate gets none.
    static let none = ClientIdentity()

    let credentials: GnuTLSObject
    let isNone: Bool

    private init() {
        credentials = ClientIdentity.emptyCredentials()
        isNone = true
    }

    /// The identity of a certificate, perhaps followed by those that lead to its root, and its key.
    public init(certificatePEM: [UInt8], keyPEM: [UInt8]) throws(Fault) {
        guard ClientIdentity.holdsCertificate(certificatePEM) else { throw .certificate }
        let credentials = ClientIdentity.emptyCredentials()
        let result = withDatum(certificatePEM) { certificate in
            withDatum(keyPEM) { key in
                gnutls_certificate_set_x509_key_mem2(
                    credentials.pointer, certificate, key, GNUTLS_X509_FMT_PEM, nil, 0)
            }
        }
        guard result >= 0 else {
            throw result == GNUTLS_E_CERTIFICATE_KEY_MISMATCH ? .mismatch : .key
        }
        self.credentials = credentials
        isNone = false
    }

    /// Whether a PEM text holds a certificate.
    public static func holdsCertificate(_ pem: [UInt8]) -> Bool {
        var certificates: UnsafeMutablePointer<OpaquePointer?>?
        var count: UInt32 = 0
        let result = withDatum(pem) {
            gnutls_x509_crt_list_import2(&certificates, &count, $0, GNUTLS_X509_FMT_PEM, 0)
        }
        guard result >= 0 else { return false }
        for index in 0..<Int(count) { gnutls_x509_crt_deinit(certificates?[index]) }
        iocpd_gnutls_free(certificates)
        return count > 0
    }

    private static func emptyCredentials() -> GnuTLSObject {
        var credentials: gnutls_certificate_credentials_t?
        guard gnutls_certificate_allocate_credentials(&credentials) == 0, let credentials else {
            preconditionFailure("GnuTLS is out of memory")
        }
        return GnuTLSObject(credentials) { gnutls_certificate_free_credentials($0) }
    }
}
