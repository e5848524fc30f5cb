import DeviceSessions
import EngineBase
import PortEngine

/// What a session without a client and its listener tell each other.
///
/// A listener and what it brought are at the same worker, so that no descriptor changes its driver.
/// Sessions decide one at a time: what one has to tell another waits until it has done.
struct PipeCrossings {
    enum Crossing {
        case ask(from: UInt64, of: SessionHandle?)
        case withdraw(from: UInt64, of: SessionHandle?)
        case give(to: UInt64, DescriptorSlot, SocketAddress)
        case refuse(to: UInt64, EntryError)
    }

    private var waiting: [Crossing] = []
    private var isDelivering = false

    mutating func add(_ crossing: Crossing) { waiting.append(crossing) }

    /// Those that wait, unless somebody is at it already.
    mutating func begin() -> Bool {
        guard !isDelivering, !waiting.isEmpty else { return false }
        isDelivering = true
        return true
    }

    mutating func next() -> Crossing? {
        guard !waiting.isEmpty else {
            isDelivering = false
            return nil
        }
        return waiting.removeFirst()
    }
}

extension WorkerLoop {
    /// Lets sessions hear what others told them; each may tell something in turn.
    func deliverCrossings(at now: MonotonicInstant) {
        guard crossings.begin() else { return }
        while let crossing = crossings.next() {
            switch crossing {
            case .ask(let guest, let listener):
                guard let listener = listener.flatMap({ table.find($0) }) else {
                    crossings.add(.refuse(to: guest, .listenerClosed))
                    continue
                }
                run(listener, at: now) { core, surroundings, effects in
                    core.guestAsks(guest, at: now, surroundings, &effects)
                }
            case .withdraw(let guest, let listener):
                // A listener that has ended has answered all.
                guard let listener = listener.flatMap({ table.find($0) }) else { continue }
                run(listener, at: now) { core, surroundings, effects in
                    core.guestWithdraws(guest, at: now, surroundings, &effects)
                }
            case .give(let guest, let descriptor, let peer):
                // A session that waits for a client does not end before it has an answer.
                guard let guest = table[guest] else { preconditionFailure("a guest has gone") }
                run(guest, at: now) { core, surroundings, effects in
                    core.clientCame(descriptor, peer: peer, at: now, surroundings, &effects)
                }
            case .refuse(let guest, let error):
                guard let guest = table[guest] else { preconditionFailure("a guest has gone") }
                run(guest, at: now) { core, surroundings, effects in
                    core.clientRefused(error, at: now, surroundings, &effects)
                }
            }
        }
    }
}
