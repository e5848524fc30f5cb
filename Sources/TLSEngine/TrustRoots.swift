import CGnuTLS
import EngineBase

/// The certificates that a peer's certificate may lead to.
public final class TrustRoots: Sendable {
    let list: GnuTLSObject
    /// How many certificates there are.
    public let count: Int

    private init(_ list: GnuTLSObject, count: Int) {
        self.list = list
        self.count = count
    }

    /// The certificates in a PEM text; `nil` if there is none.
    ///
    /// They need be no authorities: a device's own certificate is trusted as such.
    public convenience init?(pem: [UInt8]) {
        guard let list = TrustRoots.emptyList() else { return nil }
        let count = withDatum(pem) {
            gnutls_x509_trust_list_add_trust_mem(
                list.pointer, $0, nil, GNUTLS_X509_FMT_PEM, 0, 0)
        }
        guard count > 0 else { return nil }
        self.init(list, count: Int(count))
    }

    private static func emptyList() -> GnuTLSObject? {
        var list: OpaquePointer?
        guard gnutls_x509_trust_list_init(&list, 0) == 0, let list else { return nil }
        return GnuTLSObject(list) { gnutls_x509_trust_list_deinit($0, 1) }
    }

    // MARK: - The system's

    private static let shared = Guarded<TrustRoots?>(nil)

    /// The system's certificates, read at first use and shared.
    ///
    /// None of them is an empty list, which trusts nobody. Reading them takes some milliseconds.
    public static var system: TrustRoots {
        if let roots = shared.withLock({ $0 }) { return roots }
        return reloadSystem()
    }

    /// Reads the system's certificates again; connections that are open keep what they had.
    @discardableResult
    public static func reloadSystem() -> TrustRoots {
        guard let list = emptyList() else { preconditionFailure("GnuTLS is out of memory") }
        let count = gnutls_x509_trust_list_add_system_trust(list.pointer, 0, 0)
        let roots = TrustRoots(list, count: max(0, Int(count)))
        shared.withLock { $0 = roots }
        return roots
    }
}
