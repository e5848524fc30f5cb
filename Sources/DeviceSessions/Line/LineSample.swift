/// How often things have happened on a line, as its driver counts them; the counts may wrap.
public struct LineCounts: Hashable, Sendable {
    /// Changes of clear to send.
    public var cts = 0
    /// Changes of data set ready.
    public var dsr = 0
    /// Rings.
    public var ring = 0
    /// Changes of carrier detect.
    public var rlsd = 0
    /// Breaks.
    public var breaks = 0
    /// Bytes that came damaged or were lost: framing, parity, overrun.
    public var errors = 0

    /// Counts of nothing yet.
    public init() {}
}

/// A look at a line's signals and counters.
public struct LineSample: Hashable, Sendable {
    /// The signals that are asserted, of cts, dsr, ring and rlsd; `nil` for a line without them.
    public var signals: LineEvents?
    /// The driver's counters; `nil` if it keeps none.
    public var counts: LineCounts?

    /// A look that saw this.
    public init(signals: LineEvents?, counts: LineCounts?) {
        self.signals = signals
        self.counts = counts
    }

    /// The events that the line can report.
    public var reportable: LineEvents {
        var events = LineEvents.always
        if signals != nil { events.formUnion(.signals) }
        if counts != nil { events.formUnion(.counted) }
        return events
    }

    /// What has happened since an `earlier` look.
    func events(since earlier: LineSample) -> LineEvents {
        var events: LineEvents = []
        if let now = signals, let before = earlier.signals {
            let changed = now.symmetricDifference(before)
            events.formUnion(changed.subtracting(.ring))
            // A ring counts when it begins.
            if changed.contains(.ring) && now.contains(.ring) { events.insert(.ring) }
        }
        if let now = counts, let before = earlier.counts {
            // A signal that went there and back between two looks shows in its count alone.
            if now.cts != before.cts { events.insert(.cts) }
            if now.dsr != before.dsr { events.insert(.dsr) }
            if now.ring != before.ring { events.insert(.ring) }
            if now.rlsd != before.rlsd { events.insert(.rlsd) }
            if now.breaks != before.breaks { events.insert(.breakSignal) }
            if now.errors != before.errors { events.insert(.error) }
        }
        return events
    }
}
