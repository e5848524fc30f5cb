import CGnuTLS
public import PortEngine

/// What can go wrong with TLS, in the words of an entry. The numbers are WinHTTP's.
extension EntryError {
    // MARK: - The peer's certificate

    /// The error for what GnuTLS found wrong with a chain, the gravest thing first.
    init(certificateStatus status: UInt32, _ terms: TLSTerms, _ chain: CertificateChain) {
        func has(_ flag: gnutls_certificate_status_t) -> Bool { status & flag.rawValue != 0 }
        if has(GNUTLS_CERT_REVOKED) {
            self.init(
                code: "certificate_not_trusted",
                message: "The device's certificate was revoked; give the device a new one.",
                win32: 12170)
        } else if has(GNUTLS_CERT_SIGNER_NOT_FOUND) || has(GNUTLS_CERT_SIGNER_NOT_CA) {
            self = .certificateNotTrusted(terms, pin: chain.pin)
        } else if has(GNUTLS_CERT_EXPIRED) {
            self.init(
                code: "certificate_expired",
                message: """
                    The device's certificate, or one that it leads to, is out of date; give the \
                    device a new one, or see whether this machine's clock is right.
                    """, win32: 12037)
        } else if has(GNUTLS_CERT_NOT_ACTIVATED) {
            self.init(
                code: "certificate_not_yet_valid",
                message: """
                    The time of the device's certificate has not begun; see whether this machine's \
                    clock is right.
                    """, win32: 12037)
        } else if has(GNUTLS_CERT_UNEXPECTED_OWNER) {
            self = .certificateNameMismatch(terms.serverName, isFor: chain.names)
        } else {
            self.init(
                code: "certificate_not_trusted",
                message: """
                    The device's certificate cannot be accepted: \(EntryError.words(of: status)).
                    """, win32: 12169)
        }
    }

    private static func certificateNotTrusted(_ terms: TLSTerms, pin: String) -> EntryError {
        let mend =
            if terms.roots == nil && TrustRoots.system.count == 0 {
                """
                this machine has no certificates of authorities: install ca-certificates, or give \
                the authority's in options.ca
                """
            } else {
                """
                give the authority's certificate, or the device's own, in options.ca, or its key \
                in options.pin_sha256 (\(pin)) with verify: false
                """
            }
        return EntryError(
            code: "certificate_not_trusted",
            message: "No known authority vouches for the device's certificate; \(mend).",
            win32: 12045)
    }

    private static func certificateNameMismatch(
        _ wanted: String, isFor names: [String]
    ) -> EntryError {
        let owner = names.isEmpty ? "nobody" : names.joined(separator: ", ")
        return EntryError(
            code: "certificate_name_mismatch",
            message: """
                The device's certificate is not for \(wanted) but for \(owner); use that in the \
                uri or in options.server_name if it is right.
                """, win32: 12038)
    }

    static func certificatePinMismatch(is pin: String) -> EntryError {
        EntryError(
            code: "certificate_pin_mismatch",
            message: """
                The device's key is not the one in options.pin_sha256 but \(pin); change the option \
                if the device was given a new key.
                """, win32: 12169)
    }

    static let certificateUnreadable = EntryError(
        code: "certificate_not_trusted",
        message: "The device has shown no certificate that can be read; give it a proper one.",
        win32: 12169)

    private static func words(of status: UInt32) -> String {
        let found: [(gnutls_certificate_status_t, String)] = [
            (GNUTLS_CERT_INSECURE_ALGORITHM, "it was signed in a way that is not safe"),
            (GNUTLS_CERT_PURPOSE_MISMATCH, "it is not meant for a server"),
            (GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE, "its authority may not vouch for it"),
            (GNUTLS_CERT_SIGNATURE_FAILURE, "its signature is wrong"),
            (GNUTLS_CERT_UNKNOWN_CRIT_EXTENSIONS, "it has extensions that are not known"),
        ]
        return found.first { status & $0.0.rawValue != 0 }?.1 ?? "it is not valid"
    }

    // MARK: - The handshake

    static func handshakeFailed(_ result: Int32) -> EntryError {
        let mend =
            switch result {
            case GNUTLS_E_UNEXPECTED_PACKET_LENGTH, GNUTLS_E_UNEXPECTED_PACKET,
                GNUTLS_E_RECORD_OVERFLOW:
                "what answers at this port does not seem to speak TLS; use tcp:// if so"
            case GNUTLS_E_UNSUPPORTED_VERSION_PACKET:
                """
                the device has no TLS 1.2, or what answers at this port does not speak TLS; use \
                tcp:// if so
                """
            default:
                "see in the device's log or settings which versions and ciphers it allows"
            }
        return tlsHandshakeFailed("\(TLSEngine.words(of: result)); \(mend)")
    }

    /// The peer closed the connection in the middle of the handshake.
    static let handshakeCut = tlsHandshakeFailed(
        """
        the device closed the connection in its midst; see whether this is a TLS port, and what \
        the device's log says
        """)

    private static func tlsHandshakeFailed(_ why: String) -> EntryError {
        EntryError(
            code: "tls_handshake_failed", message: "The TLS handshake failed: \(why).",
            win32: 12157)
    }

    /// The peer ended the connection by an alert.
    static func alert(
        _ alert: gnutls_alert_description_t, inHandshake: Bool, wantsCertificate: Bool
    ) -> EntryError {
        switch alert {
        case GNUTLS_A_CERTIFICATE_REQUIRED,
            GNUTLS_A_HANDSHAKE_FAILURE where wantsCertificate && inHandshake:
            return EntryError(
                code: "client_certificate_required",
                message: """
                    The device wants a certificate of its client; give one in options.certificate \
                    and options.key.
                    """, win32: 12044)
        case GNUTLS_A_BAD_CERTIFICATE, GNUTLS_A_UNSUPPORTED_CERTIFICATE,
            GNUTLS_A_CERTIFICATE_REVOKED, GNUTLS_A_CERTIFICATE_EXPIRED,
            GNUTLS_A_CERTIFICATE_UNKNOWN, GNUTLS_A_UNKNOWN_CA, GNUTLS_A_ACCESS_DENIED:
            return EntryError(
                code: "client_certificate_refused",
                message: """
                    The device does not accept the certificate in options.certificate: \
                    \(name(of: alert)); give one that its authorities vouch for.
                    """, win32: 12157)
        default:
            let why = "the device ended the connection: \(name(of: alert))"
            if inHandshake {
                return tlsHandshakeFailed(
                    "\(why); see which versions, ciphers and names it allows")
            }
            return tlsBroken(why)
        }
    }

    private static func name(of alert: gnutls_alert_description_t) -> String {
        gnutls_alert_get_name(alert).map { String(cString: $0) } ?? "alert \(alert.rawValue)"
    }

    // MARK: - Afterwards

    /// The peer broke the rules of TLS, or its bytes were tampered with.
    static func tlsBroken(_ result: Int32) -> EntryError {
        result == GNUTLS_E_REHANDSHAKE
            ? tlsBroken("the device asks again and again to negotiate anew")
            : tlsBroken(TLSEngine.words(of: result))
    }

    private static func tlsBroken(_ why: String) -> EntryError {
        EntryError(
            code: "tls_broken", message: "TLS broke off: \(why); open a new session.",
            win32: 12157)
    }

    /// The wire ended without the peer's word that this is the end.
    static let tlsTruncated = EntryError(
        code: "tls_truncated",
        message: """
            The connection ended without the device's close_notify, so bytes may be missing; if the \
            device always ends so, judge by its data whether they are whole.
            """, win32: 12030)

    // MARK: - Options

    /// An option of the session does not hold what it must.
    public static func tlsOptionUnusable(_ option: String, _ why: String) -> EntryError {
        EntryError(
            code: "tls_option_unusable", message: "options.\(option) cannot be used: \(why).",
            win32: 87)
    }
}
