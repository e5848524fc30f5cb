/// On what terms a connection is made.
public struct TLSTerms: Sendable {
    /// Whom the peer's certificate must be for: an address, or a DNS name, which is also told to the
    /// server (SNI).
    public var serverName: String
    /// Whether it must be trusted, in date, and of the right name.
    public var verifies = true
    /// What the SHA-256 of the peer's SubjectPublicKeyInfo must be, in base64.
    ///
    /// Asked for besides everything else, and without it.
    public var pin: String?
    /// What the certificate must lead to; `nil`: the system's roots.
    public var roots: TrustRoots?
    /// Who the daemon is, to a peer that asks.
    public var identity: ClientIdentity?

    /// The usual terms: the system's roots, and no certificate of our own.
    public init(serverName: String) { self.serverName = serverName }
}
