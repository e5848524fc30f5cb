public import DeviceSessions
public import EngineBase

/// What a driver answers to a step at once.
public enum StepOutcome: Sendable {
    /// The step is over; no completion will follow.
    case done(StepResult)
    /// The step is under way; exactly one completion will follow.
    case pending
}

/// What a driver tells its worker.
public enum DriverEvent: Sendable {
    /// The one completion of a step that was pending.
    case completed(StepToken, StepResult)
    /// The peer went away and nothing was asked of the descriptor; told once, and only for
    /// descriptors that ``IODriver/watchHangup(_:session:)`` named.
    case hangup(session: UInt64)
}

/// The kernel as a worker sees it: steps in, completions out.
///
/// One thread, its worker's, owns a driver and makes every call but ``DriverWakeup/wake()``.
///
/// 1. ``submit(_:token:)`` answers `.done` or `.pending`; pending gives exactly one completion, after
///    a cancel too. Never both, and never a call back from inside `submit`.
/// 2. ``cancel(_:)`` is a request. The completion that follows may be a success or a partial count;
///    the session treats those bytes as moved. `.failed(.cancelled)` means that nothing moved.
/// 3. A driver takes bytes only against a `receive`. `send` may be short.
/// 4. At most one `receive` (or accept, poll, connect) and one `send` are out on a descriptor.
/// 5. A descriptor is closed only when no step is out on it.
/// 6. EINTR and EAGAIN stay inside; every other errno goes up. Latches (reset, end) are the
///    session's, never the driver's.
/// 7. Deadlines are the worker's: a step has none.
public protocol IODriver: AnyObject {
    /// A short name for logs and `/v1/info`, such as `epoll`.
    var name: String { get }

    /// Starts a step.
    func submit(_ step: KernelStep, token: StepToken) -> StepOutcome

    /// Asks for a pending step to end soon; unknown tokens are let pass.
    func cancel(_ token: StepToken)

    /// Asks to be told once when the peer of `slot` goes away, even with no step out on it.
    func watchHangup(_ slot: DescriptorSlot, session: UInt64)

    /// Waits until something happened, the worker was woken, or `deadline` passed (`nil`: none),
    /// and appends what happened to `events`.
    func wait(until deadline: MonotonicInstant?, into events: inout [DriverEvent])

    /// Wakes the driver's ``wait(until:into:)`` from any thread.
    var wakeup: any DriverWakeup { get }
}

/// Ends a driver's wait; any thread may call it.
public protocol DriverWakeup: Sendable {
    /// Makes the present or the next wait return soon.
    func wake()
}
