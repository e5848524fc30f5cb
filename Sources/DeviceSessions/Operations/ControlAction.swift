/// What a session does for a named control.
///
/// DeviceIoControl.
public enum ControlAction: Hashable, Sendable {
    /// Asks the kernel for something; its entry carries what ``ControlReply`` gave.
    ///
    /// `takesTurn`: it waits for its turn among the writes, so that what was queued before it is
    ///   sent before it.
    case kernel(ControlRequest, takesTurn: Bool)
    /// What takes a serial line more than one step.
    case line(LineControl)
}

extension ControlAction {
    /// Whether it stands in the write lane.
    var takesTurn: Bool {
        switch self {
        case .kernel(_, let takesTurn): takesTurn
        case .line(let control): control.takesTurn
        }
    }
}
