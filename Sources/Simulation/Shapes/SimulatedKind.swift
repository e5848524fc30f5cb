/// What sessions a run of the simulation is about.
public enum SimulatedKind: String, CaseIterable, Sendable {
    /// Streams and listeners, with all that ports do.
    case ports
    /// `udp` and `udp-listen`.
    case datagrams
    /// `unix-seqpacket`, its listener, and reconnect.
    case messages
    /// `file`, with locks.
    case files
    /// Streams with framing, with reconnect, and through a filter.
    case framed
    /// `serial`.
    case lines

    /// Whether a port too small for what a session has to tell of itself would hide things.
    var needsRoom: Bool { self == .messages || self == .framed }

    func make(_ run: ShapeRun) -> SimulatedShape? {
        switch self {
        case .ports: nil
        case .datagrams: DatagramShape(run)
        case .messages: MessageShape(run)
        case .files: FileShape(run)
        case .framed: FramedShape(run)
        case .lines: LineShape(run)
        }
    }
}
