/// What is looked for on a line, and what has happened that nobody has been told.
///
/// SetCommMask and the memory behind WaitCommEvent: an event within the mask is remembered until a
/// wait takes it; a new mask keeps what is in it and drops the rest.
struct LineWatch: Sendable {
    /// The events that the line can report.
    private(set) var reportable: LineEvents
    private(set) var mask: LineEvents = []
    private(set) var remembered: LineEvents = []
    private var last: LineSample?

    init(reportable: LineEvents) { self.reportable = reportable }

    /// Whether the line must be looked at again and again for what the mask holds.
    var isSampling: Bool {
        !mask.intersection(reportable).subtracting(.always).isEmpty
    }

    /// Another line, or the same one again, is watched from now on.
    mutating func begin(reportable: LineEvents) {
        self.reportable = reportable
        remembered = []
        last = nil
    }

    mutating func setMask(_ new: LineEvents) {
        mask = new
        remembered.formIntersection(new)
        // What happens while nobody looks is not told later.
        if !isSampling { last = nil }
    }

    /// Something has happened.
    mutating func note(_ events: LineEvents) {
        remembered.formUnion(events.intersection(mask))
    }

    /// Takes a look at the line; the first one says how it stood before.
    mutating func take(_ sample: LineSample) {
        guard isSampling else { return }
        if let last { note(sample.events(since: last)) }
        last = sample
    }

    /// Everything remembered, which is then forgotten.
    mutating func takeRemembered() -> LineEvents {
        defer { remembered = [] }
        return remembered
    }
}
