/// What can happen on a serial line, and which of its signals are asserted.
///
/// The EV_ bits of SetCommMask.
public struct LineEvents: OptionSet, Hashable, Sendable {
    /// One bit an event.
    public let rawValue: UInt8

    /// The events with these bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Bytes have arrived.
    public static let rxChar = LineEvents(rawValue: 1 << 0)
    /// A break has arrived.
    public static let breakSignal = LineEvents(rawValue: 1 << 1)
    /// Clear to send has changed.
    public static let cts = LineEvents(rawValue: 1 << 2)
    /// Data set ready has changed.
    public static let dsr = LineEvents(rawValue: 1 << 3)
    /// A ring was seen.
    public static let ring = LineEvents(rawValue: 1 << 4)
    /// Carrier detect has changed.
    public static let rlsd = LineEvents(rawValue: 1 << 5)
    /// A byte came damaged, or was lost.
    public static let error = LineEvents(rawValue: 1 << 6)
    /// All that was written has gone out.
    public static let txEmpty = LineEvents(rawValue: 1 << 7)

    /// Those that the daemon sees by itself, on any line.
    public static let always: LineEvents = [.rxChar, .txEmpty]
    /// Those of the modem's signals.
    public static let signals: LineEvents = [.cts, .dsr, .ring, .rlsd]
    /// Those that only the driver's counters tell.
    public static let counted: LineEvents = [.breakSignal, .error]

    private static let words: [(event: LineEvents, name: String)] = [
        (.rxChar, "rx_char"), (.breakSignal, "break"), (.cts, "cts"), (.dsr, "dsr"),
        (.ring, "ring"), (.rlsd, "rlsd"), (.error, "err"), (.txEmpty, "tx_empty"),
    ]

    /// The words for all events.
    public static let allNames = words.map(\.name)

    /// The events that have these names; other words are passed over.
    public init(named names: [String]) {
        self.init(LineEvents.words.filter { names.contains($0.name) }.map(\.event))
    }

    /// The words for these events, always in the same order.
    public var names: [String] {
        LineEvents.words.filter { contains($0.event) }.map(\.name)
    }
}
