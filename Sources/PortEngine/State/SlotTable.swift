import DequeModule
import EngineBase

/// Slots by `seq`, in order, for entries that are not simply waiting in the queue.
///
/// Slots lie in chunks of up to 64 neighbouring numbers, packed; a bit for each number says which
/// are there, so that a slot's index is a count of bits. Finding, adding and removing move at most
/// 63 slots; walking is in order of `seq` from any number; memory follows the slots held and not
/// the distance between the oldest and the newest.
struct SlotTable {
    private struct Chunk {
        var number: UInt64
        var present: UInt64 = 0
        // Batches leave from the front, and must not move those that stay.
        var slots: Deque<Slot> = []

        func index(of bit: UInt64) -> Int { (present & (bit &- 1)).nonzeroBitCount }
    }

    private var chunks = Deque<Chunk>()
    private(set) var count = 0

    /// Chunks in use: at most one for each slot.
    var chunkCount: Int { chunks.count }

    /// The slot of `seq`, if it is here.
    subscript(seq: UInt64) -> Slot? {
        guard let (chunk, bit) = locate(seq) else { return nil }
        return chunks[chunk].slots[chunks[chunk].index(of: bit)]
    }

    /// Where the entry of `seq` is, if it is here: its slot is not copied.
    func place(of seq: UInt64) -> Slot.Place? {
        guard let (chunk, bit) = locate(seq) else { return nil }
        return chunks[chunk].slots[chunks[chunk].index(of: bit)].place
    }

    /// Adds a slot whose number is not here.
    mutating func insert(_ slot: Slot) {
        let number = slot.seq >> 6
        let position = firstChunk(notBefore: number)
        if position == chunks.count || chunks[position].number != number {
            chunks.insert(Chunk(number: number), at: position)
        }
        let bit = 1 &<< (slot.seq & 63)
        let index = chunks[position].index(of: bit)
        chunks[position].present |= bit
        chunks[position].slots.insert(slot, at: index)
        count += 1
    }

    /// Changes the slot of `seq` in its place; nothing happens if it is not here.
    mutating func update(_ seq: UInt64, _ change: (inout Slot) -> Void) {
        guard let (chunk, bit) = locate(seq) else { return }
        let index = chunks[chunk].index(of: bit)
        change(&chunks[chunk].slots[index])
    }

    /// Takes the slot of `seq` out, if it is here and `condition` holds for it.
    @discardableResult
    mutating func remove(
        _ seq: UInt64, where condition: (borrowing Slot) -> Bool = { _ in true }
    ) -> Slot? {
        guard let (chunk, bit) = locate(seq) else { return nil }
        let index = chunks[chunk].index(of: bit)
        guard condition(chunks[chunk].slots[index]) else { return nil }
        count -= 1
        if chunks[chunk].present == bit {
            return chunks.remove(at: chunk).slots[index]
        }
        chunks[chunk].present &= ~bit
        return chunks[chunk].slots.remove(at: index)
    }

    /// Visits slots in order, from the first whose number is above `seq`, until `visit` says false.
    func walk(after seq: UInt64, _ visit: (Slot) -> Bool) {
        let first = seq &+ 1
        guard first != 0 else { return }
        var position = firstChunk(notBefore: first >> 6)
        while position < chunks.count {
            for slot in chunks[position].slots where slot.seq >= first {
                guard visit(slot) else { return }
            }
            position += 1
        }
    }

    private func locate(_ seq: UInt64) -> (chunk: Int, bit: UInt64)? {
        let number = seq >> 6
        let position = firstChunk(notBefore: number)
        let bit: UInt64 = 1 &<< (seq & 63)
        guard position < chunks.count, chunks[position].number == number,
            chunks[position].present & bit != 0
        else { return nil }
        return (position, bit)
    }

    private func firstChunk(notBefore number: UInt64) -> Int {
        // New numbers come at the end: look there before searching.
        guard let last = chunks.last else { return 0 }
        if last.number < number { return chunks.count }
        if last.number == number { return chunks.count - 1 }
        return chunks.partitioningIndex(where: { $0.number >= number })
    }
}
