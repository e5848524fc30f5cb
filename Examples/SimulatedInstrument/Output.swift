/// Bytes on their way to a client: queued text, then what is left of a blob.
///
/// A blob is made piece by piece while it is sent: thousands of clients may ask for 16 MiB each.
struct Output {
    private var bytes: [UInt8] = []
    private var sent = 0
    private var blobLeft = 0
    private var blobOffset = 0

    private static let pieceSize = 1 << 16

    var isEmpty: Bool {
        sent == bytes.count && blobLeft == 0
    }

    /// Whether more text may be queued: not in the middle of a blob, nor for a client that does
    /// not read.
    var hasRoom: Bool {
        blobLeft == 0 && bytes.count - sent < Self.pieceSize
    }

    mutating func append(line: String) {
        bytes.append(contentsOf: line.utf8)
        bytes.append(10)
    }

    mutating func append(contentsOf more: ArraySlice<UInt8>) {
        bytes.append(contentsOf: more)
    }

    /// Queues `count` printable bytes and a line feed behind what is there.
    mutating func append(blobOf count: Int) {
        blobLeft = count + 1
        blobOffset = 0
    }

    /// The next bytes to send; empty when there are none.
    mutating func piece() -> ArraySlice<UInt8> {
        if sent == bytes.count {
            bytes.removeAll(keepingCapacity: blobLeft > 0)
            sent = 0
            fillFromBlob()
        }
        return bytes[sent...]
    }

    /// Notes that so many bytes of ``piece()`` were taken.
    mutating func consume(_ count: Int) {
        sent += count
    }

    private mutating func fillFromBlob() {
        let count = min(blobLeft, Self.pieceSize)
        guard count > 0 else { return }
        for position in blobOffset..<(blobOffset + count) {
            // All visible ASCII in turn: 94 has no common factor with buffer sizes but 2, so a
            // piece that is lost or doubled shows.
            bytes.append(UInt8(33 + position % 94))
        }
        blobOffset += count
        blobLeft -= count
        if blobLeft == 0 { bytes[bytes.count - 1] = 10 }
    }
}
