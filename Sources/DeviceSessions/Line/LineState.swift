/// What a session keeps of a serial line beyond what every stream has.
struct LineState: Sendable {
    /// A step that the session takes for itself.
    enum Step: Sendable {
        /// A look at the signals and counters.
        case sample
        /// A look whether everything written is out.
        case output
    }

    /// What is known of the bytes that have been written.
    enum Output: Sendable {
        /// They are out, and that has been told.
        case empty
        /// They were written while nobody wanted to know: if they are out by now, that is no news.
        case unwatched
        /// They are not out, as far as is known.
        case filling
    }

    /// Whether it is known what the line can report.
    var isPrepared = false
    /// The peer has gone: what is left in the kernel is read, however full the buffer is.
    var isHungUp = false
    var watch = LineWatch(reportable: [])
    /// The one wait for events.
    var wait: UInt64?
    var output = Output.empty
    /// The kernel has sent all it had when the session closed.
    var isDrained = false
    /// The control that has its turn in the write lane.
    var turn: LineTurn?
    /// Purges that wait until what they aborted has ended.
    var purges: [UInt64: Set<UInt64>] = [:]
    /// Steps that are out and belong to no operation.
    var steps: [UInt64: Step] = [:]
    /// Timers that have not fired yet.
    var armed: Set<LineTimer> = []

    /// The next connection of the same session begins with the mask, and nothing else.
    mutating func forgetConnection() {
        let kept = watch
        let timers = armed
        self = LineState()
        watch = kept
        // They have been asked for, and will fire.
        armed = timers
    }
}

/// What a serial line is looked at again for.
public enum LineTimer: Hashable, Sendable {
    /// Its signals and counters.
    case sample
    /// Whether everything written is out, for a wait.
    case output
    /// What the control of this number, in the write lane, waits for: output to go out, or a break
    /// to end.
    case turn(UInt64)
}

/// A control that has its turn in the write lane, and how far it has come.
struct LineTurn: Sendable {
    enum Phase: Sendable {
        /// What was written before has to go out first.
        case emptying
        /// The kernel does what was asked for.
        case acting
        /// The break begins, or lasts.
        case breaking
        /// The break ends, and the control with it, perhaps before its time.
        case ending(isEarly: Bool)
    }

    let number: UInt64
    let control: LineControl
    var phase = Phase.emptying
}
