public import PortEngine

/// How a transport brings a session about: steps and timers until a descriptor is open.
///
/// A value owned by the session. It reports success or failure once; afterwards it may still have
/// steps out (attempts that lost the race), which it cleans up: the session keeps it until
/// ``isIdle``.
public protocol SessionOpening: Sendable {
    /// Begins.
    mutating func start() -> [OpeningMove]
    /// Goes on after a step that it asked for under `tag`.
    mutating func stepDone(tag: Int, _ result: StepResult) -> [OpeningMove]
    /// Goes on after a timer that it asked for under `tag`.
    mutating func timerFired(tag: Int) -> [OpeningMove]
    /// Gives up: everything under way is cancelled, nothing more is reported.
    mutating func abort() -> [OpeningMove]
    /// Whether no step is out.
    var isIdle: Bool { get }
}

/// What an opening wants done.
public enum OpeningMove: Sendable {
    /// Start a step; its completion comes back under `tag`.
    case submit(tag: Int, KernelStep)
    /// Ask for the step under `tag` to end.
    case cancel(tag: Int)
    /// Come back under `tag` after so long.
    case wait(tag: Int, milliseconds: Int)
    /// What moves on the session from now on goes through a filter, which has unsealed this so far;
    /// comes just before ``opened(_:_:peer:local:)``.
    case filter(any StreamFilter, UnsealedInput)
    /// The session is open.
    case opened(DescriptorSlot, SessionShape, peer: String?, local: String?)
    /// It cannot be opened.
    case failed(EntryError)
}
