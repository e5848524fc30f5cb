/// Why a port refuses a request.
///
/// A refusal has no effect.
public enum PortError: Error, Hashable, Sendable {
    /// The port was closed; ERROR_INVALID_HANDLE.
    case closed
    /// No room for that many more entries or reserved places now.
    case full(limit: Int, current: Int)
    /// No room for that many more bytes of payload now.
    case fullOfBytes(limit: Int, current: Int)
    /// More entries than the port can ever hold.
    case neverFits(limit: Int, requested: Int)
    /// More bytes of payload than the port can ever hold.
    case neverFitsBytes(limit: Int, requested: Int)
    /// One more fetch would have to wait than may.
    case tooManyWaiters(limit: Int)
    /// One more alert for a consumer, or one more consumer with alerts, than are kept.
    case tooManyAlerts(limit: Int, current: Int)
    /// The port holds entries or promised places, and `force` was not given.
    case notEmpty(entries: Int, reserved: Int)
}
