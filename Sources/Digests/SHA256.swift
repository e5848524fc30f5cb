import CGnuTLS

/// SHA-256, by GnuTLS, which libmicrohttpd brings along.
public enum SHA256 {
    /// The 32 bytes of the digest of `parts`, one after the other.
    public static func digest(of parts: [[UInt8]]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(parts.reduce(0) { $0 + $1.count })
        for part in parts { bytes += part }
        var digest = [UInt8](repeating: 0, count: 32)
        let result = gnutls_hash_fast(GNUTLS_DIG_SHA256, bytes, bytes.count, &digest)
        precondition(result == 0, "GnuTLS has no SHA-256")
        return digest
    }
}
