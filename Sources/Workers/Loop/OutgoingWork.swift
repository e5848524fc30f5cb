import DeviceSessions
import PortEngine

/// What a worker's turn has to tell the rest of the world, told at the turn's end.
struct OutgoingWork {
    /// Things that somebody waits for, in order.
    var replies: [@Sendable () -> Void] = []
    /// How long operations that ended took.
    var times: [(name: String, nanoseconds: Int64)] = []
    /// Sessions that have ended.
    var ended: [(RunningSession, SessionPhase, SessionDirectory)] = []
    private var touched: [RunningSession] = []
    private var batches: [(port: CompletionPort, entries: EntryList)] = []

    /// The session may stand differently.
    mutating func touch(_ session: RunningSession) {
        guard !session.isTouched else { return }
        session.isTouched = true
        touched.append(session)
    }

    /// An entry for a port, behind those of this turn.
    mutating func queue(_ entry: CompletionEntry, on port: CompletionPort) {
        if let index = batches.lastIndex(where: { $0.port === port }) {
            batches[index].entries.append(entry)
        } else {
            batches.append((port, [entry]))
        }
    }

    /// Tells all: how sessions stand, then entries, then replies.
    mutating func send() {
        for session in touched {
            session.isTouched = false
            let newest = session.handle.publish(session.core.view, ended: session.ended)
            if session.isTearUntold {
                session.isTearUntold = false
                session.core.writesAreTorn(upTo: newest)
            }
            session.ended = EndedOperations()
        }
        touched.removeAll(keepingCapacity: true)
        for (session, phase, sessions) in ended { sessions.ended(session.handle, phase) }
        ended.removeAll(keepingCapacity: true)
        // Telling brings new work here only by other threads, so one pass is enough.
        for (port, entries) in batches { port.complete(entries) }
        batches.removeAll(keepingCapacity: true)
        for reply in replies { reply() }
        replies.removeAll(keepingCapacity: true)
    }
}
