import EngineBase
import PortEngine

extension DeviceSession {
    /// Does what an opening wants.
    mutating func perform(
        _ moves: [OpeningMove], at now: MonotonicInstant, _ surroundings: some SessionSurroundings,
        _ effects: inout SessionEffects
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
            case .filter(let filter, let early):
                install(filter, early, at: now, &effects)
            case .opened(let slot, let shape, let peer, let local):
                descriptor = slot
                self.shape = shape
                if case .file(let key) = shape { becomeFile(key, surroundings.fileLocks) }
                snapshot.peer = peer
                snapshot.local = local
                if phase == .down {
                    cameBack(at: now, surroundings, &effects)
                } else if phase == .opening {
                    opened(at: now, surroundings, &effects)
                }
                // Its end may have come together with its beginning.
                if isLost { loseConnection(at: now, surroundings, &effects) }
            case .failed(let error) where phase == .down:
                attemptFailed(with: error, at: now, surroundings, &effects)
            case .failed(let error):
                openEnded(as: .failed, with: error, at: now, surroundings, &effects)
            }
        }
    }

    private mutating func opened(
        at now: MonotonicInstant, _ surroundings: some SessionSurroundings,
        _ effects: inout SessionEffects
    ) {
        phase = .open
        lastActivity = now
        openDelivered = true
        effects.append(.opened(openEntry(.ok, nil)))
        watchHangupIfNeeded(&effects)
        advance(at: now, surroundings, &effects)
    }

    /// The open failed: its entry, then those of the operations that waited for it, then the last.
    mutating func openEnded(
        as status: EntryStatus, with error: EntryError, at now: MonotonicInstant,
        _ surroundings: some SessionSurroundings, _ effects: inout SessionEffects
    ) {
        guard phase == .opening else { return }
        phase = .failed
        failure = error
        snapshot.lastError = error
        openDelivered = true
        abortOpening(&effects)
        effects.append(.opened(openEntry(status, error)))
        failAll(with: error, &effects)
        releaseStatePlaces(&effects)
        effects.append(.sessionClosed(closedEntry(.failed, error)))
        openingMayBeOver(at: now, surroundings, &effects)
    }

    /// Tells the opening to give up what is under way.
    mutating func abortOpening(_ effects: inout SessionEffects) {
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
            case .wait, .filter, .opened, .failed:
                continue
            }
        }
    }

    /// Lets the opening go once no step of it is out.
    mutating func openingMayBeOver(
        at now: MonotonicInstant, _ surroundings: some SessionSurroundings,
        _ effects: inout SessionEffects
    ) {
        guard closeOpening() else { return }
        endIfNothingIsOut(&effects)
        if phase == .closing { continueClosing(at: now, &effects) }
        beginAttemptIfDue(at: now, surroundings, &effects)
    }

    /// Lets the opening go if it has nothing out and nothing to do; says whether it did.
    mutating func closeOpening() -> Bool {
        guard let opening, opening.isIdle, openingSteps.isEmpty, phase != .opening,
            phase != .down || reconnection?.isTrying == false
        else { return false }
        self.opening = nil
        return true
    }

    /// Tells that a session which failed can be forgotten, once it can.
    mutating func endIfNothingIsOut(_ effects: inout SessionEffects) {
        guard phase == .failed, !hasEnded, opening == nil else { return }
        hasEnded = true
        effects.append(.ended)
    }

    func openEntry(_ status: EntryStatus, _ error: EntryError?) -> CompletionEntry {
        CompletionEntry(
            kind: .open, status: status, key: configuration.key,
            details: EntryDetails(session: names.session, error: error, peer: snapshot.peer))
    }

    func closedEntry(_ status: EntryStatus, _ error: EntryError?) -> CompletionEntry {
        let held = input.count + setAside.count + packets.unreadBytes
        let thrownAway = (closing?.discarded ?? 0) + (reconnection?.discarded ?? 0)
        let unread = held + thrownAway
        return CompletionEntry(
            kind: .sessionClosed, status: status, key: configuration.key,
            details: EntryDetails(
                session: names.session, error: error, discarded: unread > 0 ? unread : nil))
    }
}
