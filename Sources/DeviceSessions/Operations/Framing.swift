/// How a stream is cut into frames.
public struct Framing: Hashable, Sendable {
    /// What tells where a frame ends.
    public enum Form: Hashable, Sendable {
        /// These bytes, which belong to the frame.
        case delimiter([UInt8])
        /// Every frame has so many bytes.
        case fixed(Int)
        /// A number inside the frame.
        case lengthPrefix(LengthPrefix)
        /// A pause after its last byte.
        case gap(milliseconds: Int)
    }

    /// What tells where a frame ends.
    public var form: Form
    /// The most bytes that a frame may have, where a read says nothing else.
    public var maxBytes: Int

    /// Frames of this form.
    public init(_ form: Form, maxBytes: Int) {
        self.form = form
        self.maxBytes = maxBytes
    }
}

/// Where a frame says how long it is.
public struct LengthPrefix: Hashable, Sendable {
    /// What a header comes to.
    enum Found: Equatable {
        /// More bytes must come.
        case incomplete
        /// The whole frame has so many bytes.
        case frame(Int)
        /// The frame would be shorter than nothing, or longer than any frame may be.
        case impossible
    }

    /// Beyond this a frame cannot be skipped: most likely the field is no length at all.
    static let largestFrame = 16 << 20

    /// Bytes before the field.
    public var offset: Int
    /// Bytes of the field: 1, 2, 4 or 8.
    public var size: Int
    /// Whether its first byte is the highest.
    public var isBigEndian: Bool
    /// What is added to the number to give the bytes that follow the field.
    public var adjustment: Int

    /// A field at this place.
    public init(offset: Int = 0, size: Int, isBigEndian: Bool = true, adjustment: Int = 0) {
        self.offset = offset
        self.size = size
        self.isBigEndian = isBigEndian
        self.adjustment = adjustment
    }

    /// Bytes up to and with the field.
    var headerBytes: Int { offset + size }

    /// Reads the field of the frame that begins with `bytes`.
    func find(in bytes: some RandomAccessCollection<UInt8>) -> Found {
        guard bytes.count >= headerBytes else { return .incomplete }
        let field = bytes.dropFirst(offset).prefix(size)
        var number: UInt64 = 0
        for byte in field {
            number = number << 8 | UInt64(byte)
        }
        if !isBigEndian { number = number.byteSwapped >> UInt64(64 - 8 * size) }
        guard number <= UInt64(LengthPrefix.largestFrame) else { return .impossible }
        let following = Int(number) + adjustment
        let total = headerBytes + following
        guard following >= 0, total <= LengthPrefix.largestFrame else { return .impossible }
        return .frame(total)
    }
}
