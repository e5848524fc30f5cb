import DeviceSessions
import TLSEngine

/// `tls://host:port`: a stream to a device that listens, through TLS.
struct TLSTransport: Transport {
    let description = TransportDescription(
        scheme: "tls", kind: "stream",
        options: [
            .noDelay, .keepaliveMilliseconds, .bind, .lingerMilliseconds, .authorities,
            .certificate, .key, .serverName, .pin, .verify,
        ],
        abilities: .stream, controls: [.getSocketOption(.tcp)], isNetwork: true,
        canReconnect: true)

    func plan(
        _ uri: TargetURI, _ options: TransportOptions, _ policy: TargetPolicy
    ) throws(TargetError) -> SessionPlan {
        let connecting = try TCPTransport.opening(uri, options, policy)
        guard case .host(let host, _) = uri.place else {
            throw .invalidURI("tls needs host:port, not a path")
        }
        let given = options.given
        if let name = given.text("server_name"), IPAddress(name) == nil,
            !HostName.isValid(name) || name.hasSuffix(".")
        {
            throw .unsupportedOption("server_name", reason: "it is a DNS name or an address")
        }
        var terms = TLSTerms(serverName: given.text("server_name") ?? TLSTransport.bare(host))
        terms.verifies = given.boolean("verify") ?? true
        terms.pin = given.text("pin_sha256")
        let credentials = try TLSCredentials(given, policy)
        // Read here, where it holds up nobody else.
        if terms.verifies && credentials.authorities == nil { _ = TrustRoots.system }
        var plan = SessionPlan(
            opening: TLSOpening(connecting: connecting, terms: terms, credentials: credentials),
            options: options)
        plan.demands = PeerDemands(
            verifies: terms.verifies, serverName: terms.serverName, pin: terms.pin)
        return plan
    }

    /// A name without the dot that may end it: certificates have none.
    private static func bare(_ host: String) -> String {
        host.hasSuffix(".") ? String(host.dropLast()) : host
    }
}

extension TransportRegistry {
    /// Reads the system's certificates of authorities again.
    public static func reloadTrust() { TrustRoots.reloadSystem() }
}

extension ParameterRule {
    /// What the device's certificate must lead to, instead of the system's roots.
    static let authorities = pem("ca")
    /// The certificate that the daemon shows, with those that lead to its root.
    static let certificate = pem("certificate")
    /// Its key.
    static let key = pem("key")

    /// Whether the device's certificate must be trusted, in date and of the right name.
    static let verify = ParameterRule("verify", .boolean)

    /// Whom the certificate must be for, if not for the host of the URI.
    static let serverName = ParameterRule.text("server_name", codePoints: 1...253)

    /// SHA-256 of the device's SubjectPublicKeyInfo.
    static let pin = ParameterRule(
        "pin_sha256",
        .text(
            codePoints: 44...44,
            wording: "must be the base64 of the 32 bytes that are the SHA-256 of a public key"
        ) { text in
            let digits = text.utf8.dropLast()
            // The last digit holds two bits that are none of the 32 bytes'.
            return text.hasSuffix("=") && "AEIMQUYcgkosw048".utf8.contains(digits.last ?? 0)
                && digits.allSatisfy { byte in
                    (48...57).contains(byte) || (65...90).contains(byte)
                        || (97...122).contains(byte) || byte == 43 || byte == 47
                }
        })

    private static func pem(_ name: String) -> ParameterRule {
        .text(name, codePoints: 1...65_536)
    }
}
