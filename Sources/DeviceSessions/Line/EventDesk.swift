/// What the front of a session knows of waits for events, so that they are judged at acceptance.
struct EventDesk: Sendable {
    /// The mask by all that has been accepted.
    private var mask: LineEvents = []
    /// The wait that is pending, by all that has been accepted.
    private var wait: UInt64?

    /// Judges an operation, and takes note of it.
    ///
    /// `reportable`: what the line can report, once that is known.
    mutating func take(
        _ kind: OperationKind, number: UInt64, reportable: LineEvents?
    ) -> SubmitError? {
        switch kind {
        case .control(.line(.setMask(let new))):
            // It will end the wait that is pending.
            mask = new
            wait = nil
            return nil
        case .waitEvent(let new):
            guard wait == nil else { return .waitPending }
            if let new { mask = new }
            guard !mask.isEmpty else {
                return refusal("the session has no mask, so the wait must give one")
            }
            let missing = mask.subtracting(reportable ?? mask).names
            guard missing.isEmpty else {
                return refusal("this line cannot report \(missing.joined(separator: ", "))")
            }
            wait = number
            return nil
        default:
            return nil
        }
    }

    private func refusal(_ why: String) -> SubmitError {
        .unsupportedMember(operation: "wait_event", member: "mask", why: why)
    }

    /// The wait of this number has ended.
    mutating func waitEnded(_ number: UInt64) {
        if wait == number { wait = nil }
    }
}
