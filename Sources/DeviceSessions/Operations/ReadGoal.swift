/// How a read knows that it is complete.
public enum ReadGoal: Hashable, Sendable {
    /// Tells when a byte could be read, and takes none. The zero-byte read.
    case readiness
    /// Whatever is there, up to `limit` bytes.
    case available(limit: Int)
    /// So many bytes, no more and no fewer.
    case exactly(Int)
    /// Everything up to and with the delimiter, which must come within `limit` bytes.
    case until([UInt8], limit: Int)
    /// One frame of at most `limit` bytes.
    case frame(Framing.Form, limit: Int)
}

extension ReadGoal {
    /// The member that asked for a goal which only a byte stream can reach.
    var streamMember: String? {
        switch self {
        case .readiness, .available: nil
        case .exactly: "exactly"
        case .until: "until"
        case .frame: "framing"
        }
    }

    /// The most bytes that it takes.
    var byteLimit: Int {
        switch self {
        case .readiness: 0
        case .available(let limit), .until(_, let limit), .frame(_, let limit): limit
        case .exactly(let size): size
        }
    }
}
