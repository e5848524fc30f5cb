/// What a serial line can be asked to do.
///
/// *Blocking*: a driver may have to ask the device.
public enum TerminalRequest: Hashable, Sendable {
    /// How bytes look on it. Gives `.line`.
    case settings
    /// Changes that, once what the kernel has is out. Gives `.line`, with what holds now.
    case change(LineChange)
    /// Looks at its signals and counters. Gives `.sample`.
    case sample
    /// Sets the signals of this end; `nil` leaves one as it is.
    case modem(dtr: Bool?, rts: Bool?)
    /// Holds the line at a break.
    case startBreak
    /// Lets go of a break.
    case endBreak
    /// Waits until the last bit is out (tcdrain).
    case drain
    /// Throws away what the kernel has received, or has not yet sent.
    case purge(input: Bool, output: Bool)
    /// An ioctl by number with bytes that it may read and write. Gives `.bytes`, as many.
    case raw(UInt32, argument: [UInt8])
}

/// What a session does for a named control of a serial line, in more than one step.
public enum LineControl: Hashable, Sendable {
    /// Changes how bytes look, once what was written before has gone out.
    case set(LineChange)
    /// A break of so long, once what was written before has gone out.
    case sendBreak(milliseconds: Int)
    /// Waits until what was written before has gone out.
    case drain
    /// PurgeComm.
    case purge(LinePurge)
    /// SetCommMask.
    case setMask(LineEvents)

    /// Whether it stands in the write lane.
    var takesTurn: Bool {
        switch self {
        case .set, .sendBreak, .drain: true
        case .purge, .setMask: false
        }
    }
}

/// What is thrown away by a purge.
public struct LinePurge: Hashable, Sendable {
    /// Pending reads end.
    public var abortsReads: Bool
    /// Pending writes end.
    public var abortsWrites: Bool
    /// Bytes that have arrived are thrown away.
    public var clearsInput: Bool
    /// Bytes that the kernel has not sent yet are thrown away.
    public var clearsOutput: Bool

    /// A purge of these.
    public init(abortsReads: Bool, abortsWrites: Bool, clearsInput: Bool, clearsOutput: Bool) {
        self.abortsReads = abortsReads
        self.abortsWrites = abortsWrites
        self.clearsInput = clearsInput
        self.clearsOutput = clearsOutput
    }
}
