/// A file, whatever its names are: the file system's number, and the file's number in it.
public struct FileKey: Hashable, Sendable {
    /// The file system's number.
    public let device: UInt64
    /// The file's number in it.
    public let inode: UInt64

    /// The file `inode` of the file system `device`.
    public init(device: UInt64, inode: UInt64) {
        self.device = device
        self.inode = inode
    }
}

/// Bytes of a file, which may lie beyond its end.
public struct FileRange: Hashable, Sendable {
    /// The largest offset that the kernel knows, 2^63 - 1.
    public static let largestOffset = UInt64(Int64.max)

    /// Where it begins.
    public let start: UInt64
    /// How many bytes it has, those that no offset reaches included.
    public let length: UInt64

    /// `length` bytes from `start` on; `start` is an offset, `length` at most 2^63.
    public init(start: UInt64, length: UInt64) {
        precondition(start <= FileRange.largestOffset && length <= FileRange.largestOffset + 1)
        self.start = start
        self.length = length
    }

    /// Every byte that an offset reaches.
    public static let everything = FileRange(start: 0, length: largestOffset + 1)

    /// The first byte behind it; 2^63 where it reaches to the last offset.
    public var end: UInt64 { min(start + length, FileRange.largestOffset + 1) }

    /// Whether both have a byte in common.
    public func overlaps(_ other: FileRange) -> Bool { start < other.end && other.start < end }
}
