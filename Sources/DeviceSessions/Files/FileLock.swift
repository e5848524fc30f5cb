/// What a `lock` is asked for.
///
/// LockFileEx.
public struct LockRequest: Hashable, Sendable {
    /// The bytes to lock.
    public var range: FileRange
    /// Whether nobody else may have a lock there; otherwise others may read, and share it.
    public var isExclusive: Bool
    /// Whether it waits until the range is free; otherwise a conflict ends it.
    public var waits: Bool

    /// A request with these members.
    public init(_ range: FileRange, isExclusive: Bool = false, waits: Bool = false) {
        self.range = range
        self.isExclusive = isExclusive
        self.waits = waits
    }
}

/// A lock of a session that has come to the head of the line: its kernel lock may be taken now.
public struct LockGrant: Hashable, Sendable {
    /// The session that asked for it.
    public let owner: SessionID
    /// The number of the operation that did.
    public let number: UInt64

    /// The lock that operation `number` of `owner` asked for.
    public init(owner: SessionID, number: UInt64) {
        self.owner = owner
        self.number = number
    }
}

/// What becomes of a lock that is asked for.
public enum LockAnswer: Hashable, Sendable {
    /// No session stands in its way: its kernel lock may be taken now.
    case granted
    /// It stands in line; a ``LockGrant`` follows.
    case waits
    /// Another lock is in its way, and it does not wait.
    case refused
    /// The file has as many locks as it may.
    case full
}

/// One change of what the kernel holds for an open file.
///
/// The kernel knows no locks, only bytes: those of one owner melt together, and an unlock frees
/// bytes that another lock of the same owner may still cover. So each step names the bytes.
public struct FileLockStep: Hashable, Sendable {
    /// What the kernel holds for a byte.
    public enum Mode: Int, Hashable, Comparable, Sendable {
        case none, shared, exclusive

        /// Orders modes by what they keep out.
        public static func < (left: Mode, right: Mode) -> Bool { left.rawValue < right.rawValue }
    }

    /// The bytes.
    public let range: FileRange
    /// What they are to be held as.
    public let mode: Mode

    /// Holds `range` as `mode`.
    public init(_ range: FileRange, _ mode: Mode) {
        self.range = range
        self.mode = mode
    }
}
