public import PortEngine

/// Why operations are not accepted.
///
/// None of a batch is then, and no entry will come.
public enum SubmitError: Error, Hashable, Sendable {
    /// The session is closing, closed or failed.
    case notOpen(SessionPhase)
    /// A session of this transport does not have that operation.
    case unsupported(operation: String, transport: String)
    /// The operation has a member that sessions of this transport cannot use, or lacks one.
    case unsupportedMember(operation: String, member: String, why: String)
    /// The session was opened without the right to do this.
    case accessDenied(operation: String)
    /// Somebody else holds the session's lock, for so long yet.
    case locked(retryAfterMilliseconds: Int)
    /// The token that was shown does not hold the session's lock any longer.
    case lockLost
    /// The output was shut by request.
    case outputShut
    /// A read would stand behind a standing read, and so never start.
    case standingReadActive
    /// A wait for events is pending already.
    case waitPending
    /// As many operations are pending as may be.
    case tooManyPending(limit: Int, current: Int)
    /// As many bytes of writes are pending as may be.
    case tooManyPendingBytes(limit: Int, current: Int)
    /// The port has no room, or is closed.
    case port(PortError)
}
