import EngineBase
import PortEngine

/// An operation that has not ended, and how far it is.
///
/// An object, since it is looked at and changed many times between two system calls. It belongs to
/// one session and never leaves it: whoever has the session has it alone.
final class PendingOperation {
    /// Where an operation is.
    enum Progress: Sendable {
        case queued
        case running
        case paused(by: String)
        /// Told to end; what for is kept.
        case stopping(EntryStatus)
    }

    let operation: IOOperation
    var progress = Progress.queued
    /// Bytes of a write or request that the kernel took.
    var sent = 0
    /// Whether a transact has sent its request and reads the answer.
    var isAnswering = false
    /// Whether a transact has begun: from its first byte on, input is its answer.
    var hasBegun = false
    /// Data entries that a standing read may still give, where that is limited.
    var credit: Int?
    /// Input bytes that a transact threw away before it sent its request.
    var discarded = 0
    /// What a control came to while the session was closing.
    var controlResult: StepResult?
    /// The timers of a serial line's read that has started.
    var readClock: ReadClock?
    /// What the first try to send a datagram met, which may be an earlier one's fault.
    var firstSendError: Errno?
    /// Whether the kernel has done it, though its entry waits for its turn.
    var isDone = false

    init(_ operation: IOOperation) {
        self.operation = operation
        if case .read(let read) = operation.kind { credit = read.credit }
    }
}
