import EngineBase

/// Which dead letters are meant.
public enum DeadLetterSelection: Sendable {
    case all
    case entries([EntryReference])
}

/// What became of a selection of dead letters.
public struct DeadLetterAnswer: Sendable {
    /// How many were there and are dealt with.
    public var count = 0
    /// Those that are no dead letters.
    public var unknown: [String] = []

    /// An answer that says that nothing was done.
    public init() {}
}

extension PortState {
    /// Puts dead letters back into their old places, with deliveries counted anew.
    mutating func redrive(
        _ selection: DeadLetterSelection, at now: MonotonicInstant, _ effects: inout PortEffects
    ) throws(PortError) -> DeadLetterAnswer {
        guard !isClosed else { throw .closed }
        let (slots, answer) = takeDeadLetters(selection)
        for var slot in slots {
            unlink(slot.lease)
            slot.lease = 0
            slot.delivery = 0
            requeue(slot)
        }
        serve(at: now, &effects)
        return answer
    }

    /// Throws dead letters away.
    mutating func discard(
        _ selection: DeadLetterSelection, _ effects: inout PortEffects
    ) throws(PortError) -> DeadLetterAnswer {
        guard !isClosed else { throw .closed }
        let (slots, answer) = takeDeadLetters(selection)
        for slot in slots {
            unlink(slot.lease)
            counts.bytes -= slot.entry.dataCount
        }
        counts.discardedTotal += slots.count
        effects.free(storage: slots)
        tellRoomWaiters(&effects)
        return answer
    }

    private mutating func takeDeadLetters(
        _ selection: DeadLetterSelection
    ) -> ([Slot], DeadLetterAnswer) {
        var answer = DeadLetterAnswer()
        var slots: [Slot] = []
        switch selection {
        case .all:
            var table = SlotTable()
            swap(&table, &dead)
            table.walk(after: 0) { slot in
                slots.append(slot)
                return true
            }
        case .entries(let references):
            for reference in references {
                if let id = reference.id, id.generation == generation,
                    let slot = dead.remove(id.seq)
                {
                    slots.append(slot)
                } else {
                    answer.unknown.append(reference.text)
                }
            }
        }
        counts.deadLetters -= slots.count
        answer.count = slots.count
        return (slots, answer)
    }
}
