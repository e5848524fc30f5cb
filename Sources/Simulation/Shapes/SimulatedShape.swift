import DeviceSessions
import EngineBase
import PortEngine
import Workers

/// One kind of device and what is promised of its sessions, beside what is promised of all.
///
/// A run has one shape; ``ShapeRun`` opens, submits, cancels, closes and checks what holds for all.
class SimulatedShape {
    unowned let run: ShapeRun

    init(_ run: ShapeRun) { self.run = run }

    var dice: ScriptedDice { run.dice }

    // MARK: The world below

    /// What an open gives; `nil` for what the driver makes by itself.
    func device(for request: OpenRequest) throws(Errno) -> (any ScriptedDevice)? { nil }

    /// Looks for a Unix socket.
    func find(_ target: PathTarget) throws(Errno) {}

    /// Something happens at some device.
    func act() {}

    /// Devices do nothing harmful from now on, and answer what they owe.
    func calmDown() {}

    // MARK: The clients above

    /// How the next session is opened.
    func opening(_ number: Int) -> ShapeOpening { fatalError("a shape opens its sessions") }

    /// A session has been accepted, and will be opened.
    func willOpen(_ session: ShapeSession) {}

    /// Something to submit.
    func operation(for session: ShapeSession, number: UInt64) -> OperationKind? { nil }

    /// Operations were accepted.
    func accepted(_ operation: ShapeOperation, by session: ShapeSession) {}

    /// A client wants a session closed.
    func willClose(_ session: ShapeSession) {}

    // MARK: What comes back

    /// Codes with which an open may fail.
    var openFailures: [String] { ["too_many_open_files"] }

    /// Whether a status that is not `ok`, `cancelled` or `timed_out` may be.
    func mayEnd(
        _ operation: ShapeOperation, with entry: CompletionEntry, in session: ShapeSession
    ) -> Bool { false }

    /// An operation's entry, its last or one before.
    func check(
        _ entry: CompletionEntry, of operation: ShapeOperation, in session: ShapeSession,
        isLast: Bool
    ) {}

    /// The connection was lost, or came back.
    func stateChanged(_ entry: CompletionEntry, of session: ShapeSession) {
        run.fail("\(session.id.text): an entry of kind session_state")
    }

    /// An accept brought a session.
    func accepted(_ session: ShapeSession, from peer: String?) {}

    /// The session gave its last entry.
    func closed(_ session: ShapeSession, _ entry: CompletionEntry) {}

    /// What to say of a session that has broken a promise.
    func words(about session: ShapeSession) -> String { "" }

    /// What is wrong with a session that rests, if something is.
    func complaint(about session: ShapeSession) -> String? { nil }

    /// All is over.
    func end() {}
}
