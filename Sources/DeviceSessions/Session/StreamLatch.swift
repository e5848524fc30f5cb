public import PortEngine

/// How one direction of a connection stands.
///
/// What ended stays ended.
///
/// The kernel reports an error once and says "end of stream" afterwards; here it is remembered.
public enum DirectionState: Sendable {
    case open
    /// The peer closed its side (input only).
    case endOfStream
    /// Our side was shut by request (output only).
    case shut
    /// It broke, with this error.
    case failed(EntryError)

    /// The word for it in replies.
    public var name: String {
        switch self {
        case .open: "open"
        case .endOfStream: "end_of_stream"
        case .shut: "shut"
        case .failed(let error): error.code
        }
    }

    /// Whether it can still be used.
    public var isOpen: Bool {
        if case .open = self { return true }
        return false
    }
}
