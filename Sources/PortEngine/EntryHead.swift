/// What came, how it ended and the bytes moved, in one word.
///
/// An entry of seven words is passed in registers; with one more the compiler passes it through
/// memory and copies it at each turn, which costs 42 ns for each that is made and thrown away
/// instead of 16.
@usableFromInline
struct EntryHead: Sendable {
    /// 6 bits of kind, one that tells whether the entry may hold memory, one whether the payload
    /// has as many bytes as `bytes` says, 3 bits of status, 53 of bytes.
    @usableFromInline let word: UInt64

    @inlinable
    init(
        _ kind: EntryKind, _ status: EntryStatus, _ bytes: Int, payload: Int, holdsMemory: Bool
    ) {
        precondition(bytes >> 53 == 0, "\(bytes) bytes in an entry")
        // SAFETY: both are one byte, the number of the case.
        word =
            unsafe UInt64(unsafeBitCast(kind, to: UInt8.self))
            | UInt64(unsafeBitCast(status, to: UInt8.self)) << 8 | UInt64(bytes) << 11
            | (bytes == payload ? 0x80 : 0) | (holdsMemory ? 0x40 : 0)
    }

    @inlinable var kind: EntryKind {
        // SAFETY: the byte was made from a kind, which is one byte.
        unsafe unsafeBitCast(UInt8(truncatingIfNeeded: word & 0x3F), to: EntryKind.self)
    }

    @inlinable var status: EntryStatus {
        // SAFETY: the bits were made from a status, which is one byte and has at most 8 cases.
        unsafe unsafeBitCast(UInt8(truncatingIfNeeded: word >> 8 & 7), to: EntryStatus.self)
    }

    @inlinable var bytes: Int { Int(truncatingIfNeeded: word >> 11) }

    /// Whether the entry may hold memory: data, details or a long text.
    @inlinable var holdsMemory: Bool { word & 0x40 != 0 }

    /// Whether the payload has as many bytes as `bytes` says.
    var bytesArePayload: Bool { word & 0x80 != 0 }

    /// The place of the status among all statuses.
    var statusNumber: Int { Int(truncatingIfNeeded: word >> 8 & 7) }

    /// Where the status stands in `word`.
    static let statusBits: UInt64 = 7 << 8
}
