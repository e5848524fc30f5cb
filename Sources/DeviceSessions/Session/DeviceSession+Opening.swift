import EngineBase
import PortEngine

extension DeviceSession {
    /// Does what an opening wants.
    mutating func perform(
        _ moves: [OpeningMove], at now: MonotonicInstant, _ surroundings: some SessionSurroundings,
        _ effects: inout [SessionEffect]
    ) {
        for move in moves {
            switch move {
            case .submit(let tag, let step):
                let number = newStep()
                openingSteps[number] = tag
                effects.append(.submit(step: number, step))
            case .cancel(let tag):
                for (number, itsTag) in openingSteps where itsTag == tag {
                    effects.append(.cancelStep(number))
                }
            case .wait(let tag, let milliseconds):
                effects.append(.arm(.opening(tag), at: now.advanced(milliseconds: milliseconds)))
            case .opened(let slot, let shape, let peer, let local):
                descriptor = slot
                self.shape = shape
                snapshot.peer = peer
                snapshot.local = local
                guard phase == .opening else { continue }
                phase = .open
                lastActivity = now
                openDelivered = true
                effects.append(.opened(openEntry(.ok, nil)))
                advance(at: now, surroundings, &effects)
            case .failed(let error):
                openEnded(as: .failed, with: error, at: now, &effects)
            }
        }
    }

    /// The open failed: its entry, then those of the operations that waited for it, then the last.
    mutating func openEnded(
        as status: EntryStatus, with error: EntryError, at now: MonotonicInstant,
        _ effects: inout [SessionEffect]
    ) {
        guard phase == .opening else { return }
        phase = .failed
        failure = error
        snapshot.lastError = error
        openDelivered = true
        abortOpening(&effects)
        effects.append(.opened(openEntry(status, error)))
        failAll(with: error, &effects)
        effects.append(.sessionClosed(closedEntry(.failed, error)))
        openingMayBeOver(at: now, &effects)
    }

    /// Tells the opening to give up what is under way.
    mutating func abortOpening(_ effects: inout [SessionEffect]) {
        for move in opening?.abort() ?? [] {
            switch move {
            case .cancel(let tag):
                for (number, itsTag) in openingSteps where itsTag == tag {
                    effects.append(.cancelStep(number))
                }
            case .submit(let tag, let step):
                let number = newStep()
                openingSteps[number] = tag
                effects.append(.submit(step: number, step))
            case .wait, .opened, .failed:
                continue
            }
        }
    }

    /// Lets the opening go once no step of it is out.
    mutating func openingMayBeOver(
        at now: MonotonicInstant, _ effects: inout [SessionEffect]
    ) {
        guard let opening, opening.isIdle, openingSteps.isEmpty, phase != .opening else { return }
        self.opening = nil
        if phase == .failed && !hasEnded {
            hasEnded = true
            effects.append(.ended)
        }
        if phase == .closing { continueClosing(at: now, &effects) }
    }

    func openEntry(_ status: EntryStatus, _ error: EntryError?) -> CompletionEntry {
        CompletionEntry(
            kind: .open, status: status, key: configuration.key,
            details: EntryDetails(session: id.text, error: error, peer: snapshot.peer))
    }

    func closedEntry(_ status: EntryStatus, _ error: EntryError?) -> CompletionEntry {
        let held = input.count + setAside.count + packets.unreadBytes
        let unread = held + (closing?.discarded ?? 0)
        return CompletionEntry(
            kind: .sessionClosed, status: status, key: configuration.key,
            details: EntryDetails(
                session: id.text, error: error, discarded: unread > 0 ? unread : nil))
    }
}
