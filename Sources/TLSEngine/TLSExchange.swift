import CGnuTLS
import PortEngine

/// What GnuTLS' call-backs work on: bytes in memory instead of a socket, and the terms by which a
/// certificate is judged.
final class TLSExchange {
    let terms: TLSTerms
    /// The session whose bytes these are; it is freed before this.
    var session: OpaquePointer?
    /// Bytes from the wire that GnuTLS has not taken.
    private var incoming: [UInt8] = []
    private var head = 0
    /// Bytes for the wire.
    private var outgoing: [UInt8] = []
    /// Why the peer's certificate was refused.
    var refusal: EntryError?
    /// The alert that tells the peer so.
    var refusalAlert = GNUTLS_A_BAD_CERTIFICATE
    /// SHA-256 of the peer's public key, in base64.
    var peerPin: String?

    init(_ terms: TLSTerms) { self.terms = terms }

    /// Takes bytes from the wire.
    func add(_ bytes: [UInt8]) {
        if isEmpty {
            incoming = bytes
            head = 0
        } else {
            incoming += bytes
        }
    }

    /// Whether GnuTLS has taken all bytes.
    var isEmpty: Bool { head == incoming.count }

    /// How many bytes GnuTLS has not taken.
    var unreadCount: Int { incoming.count - head }

    /// The bytes for the wire that have come together.
    func takeOutgoing() -> [UInt8] {
        defer { outgoing = [] }
        return outgoing
    }

    // MARK: - For GnuTLS

    func pull(into memory: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(memory.count, incoming.count - head)
        guard count > 0 else {
            gnutls_transport_set_errno(session, TLSExchange.tryAgain)
            return -1
        }
        incoming.withUnsafeBytes { bytes in
            memory.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[head..<head + count]))
        }
        head += count
        if isEmpty {
            incoming = []
            head = 0
        }
        return count
    }

    func push(_ memory: UnsafeRawBufferPointer) -> Int {
        outgoing.append(contentsOf: memory)
        return memory.count
    }

    /// EAGAIN.
    private static let tryAgain: Int32 = 11
}
