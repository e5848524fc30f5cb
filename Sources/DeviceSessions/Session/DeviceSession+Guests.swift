public import EngineBase
import PortEngine

/// A session without a client that waits in its listener's accept lane.
struct AcceptGuest: Sendable {
    /// Places of guests in the lane are numbers from here on, which no operation has.
    static let firstPlace: UInt64 = 1 << 63

    /// Its slot at the worker that both have.
    let session: UInt64
    /// Whether it does not want a client any more.
    var hasWithdrawn = false
}

/// A listener that gives clients to sessions which it brought before and which have lost theirs.
///
/// Each request is answered once: by a client, or by a refusal.
extension DeviceSession {
    /// The session in that slot wants the next client, after all who asked before.
    public mutating func guestAsks(
        _ session: UInt64, at now: MonotonicInstant, _ surroundings: some SessionSurroundings,
        _ effects: inout SessionEffects
    ) {
        present = now
        guard shape == .listener, phase == .open, closing == nil else {
            effects.append(.refuseClient(to: session, .listenerClosed))
            return
        }
        guests[nextGuest] = AcceptGuest(session: session)
        acceptLane.append(nextGuest)
        nextGuest += 1
        advance(at: now, surroundings, &effects)
    }

    /// The session in that slot does not want a client any more.
    ///
    /// If it has been answered already, that stands.
    public mutating func guestWithdraws(
        _ session: UInt64, at now: MonotonicInstant, _ surroundings: some SessionSurroundings,
        _ effects: inout SessionEffects
    ) {
        present = now
        guard let place = guests.first(where: { $0.value.session == session })?.key else { return }
        if acceptLane.first == place, let step = acceptStep {
            guests[place]?.hasWithdrawn = true
            effects.append(.cancelStep(step))
        } else {
            refuse(place, .operationAborted, &effects)
        }
    }

    /// An accept for a guest is over.
    mutating func guestServed(
        _ place: UInt64, _ guest: AcceptGuest, _ result: StepResult, at now: MonotonicInstant,
        _ effects: inout SessionEffects
    ) {
        switch result {
        case .accepted(let slot, let peer):
            acceptPause = 0
            lastActivity = now
            snapshot.counters.accepted += 1
            forget(place)
            effects.append(.giveClient(to: guest.session, slot, peer: peer))
        case .failed where guest.hasWithdrawn:
            refuse(place, .operationAborted, &effects)
        case .failed(.cancelled):
            break
        case .failed(.tooManyOpenFiles), .failed(.fileTableFull), .failed(.noBufferSpace),
            .failed(.noMemory):
            snapshot.lastError = EntryError(.tooManyOpenFiles)
            pauseAccepts(at: now, &effects)
        case .failed(let errno):
            refuse(place, EntryError(errno), &effects)
        default:
            preconditionFailure("an accept gave \(result)")
        }
    }

    /// The listener ends: nobody gets a client any more.
    mutating func refuseGuests(_ effects: inout SessionEffects) {
        for place in guests.keys.sorted() { refuse(place, .listenerClosed, &effects) }
    }

    private mutating func refuse(
        _ place: UInt64, _ error: EntryError, _ effects: inout SessionEffects
    ) {
        guard let guest = guests[place] else { return }
        forget(place)
        effects.append(.refuseClient(to: guest.session, error))
    }

    private mutating func forget(_ place: UInt64) {
        guests[place] = nil
        if let index = acceptLane.firstIndex(of: place) { acceptLane.remove(at: index) }
    }
}
