import EngineBase
import Testing

@testable import PortEngine

@Suite struct TableTests {
    private func slot(_ seq: UInt64) -> Slot {
        let queued = QueuedEntry(
            seq: seq, delivery: 0, queuedAt: MonotonicInstant(nanoseconds: Int64(seq)),
            entry: CompletionEntry(kind: .packet))
        return Slot(queued, .queued)
    }

    @Test(arguments: UInt64(1)...20)
    func `a table of slots does what a sorted list does`(seed: UInt64) {
        var dice = SeededGenerator(seed: seed)
        // Dense, so that chunks fill, or sparse, so that there are many.
        let highest = seed.isMultiple(of: 2) ? UInt64(300) : 20_000
        var table = SlotTable()
        var list: [UInt64] = []
        for step in 0..<1_500 {
            let seq = UInt64.random(in: 1...highest, using: &dice)
            if Int.random(in: 0..<5, using: &dice) < 3 && step < 1_000 {
                if !list.contains(seq) {
                    table.insert(slot(seq))
                    list.append(seq)
                    list.sort()
                }
            } else {
                let chosen = list.randomElement(using: &dice) ?? seq
                #expect(table.remove(chosen)?.seq == list.first { $0 == chosen }, "seed \(seed)")
                list.removeAll { $0 == chosen }
            }
            table.update(seq) { $0.delivery += 1 }
            #expect(table.count == list.count)
            #expect(table[seq]?.seq == list.first { $0 == seq }, "seed \(seed) step \(step)")
            if step.isMultiple(of: 25) {
                var seen: [UInt64] = []
                table.walk(after: seq) { slot in
                    seen.append(slot.seq)
                    return seen.count < 50
                }
                #expect(seen == Array(list.filter { $0 > seq }.prefix(50)), "seed \(seed)")
            }
            #expect(table.chunkCount <= table.count)
        }
    }

    @Test func `a slot is changed in its place`() {
        var table = SlotTable()
        for seq in [3, 64, 65, 1_000] as [UInt64] { table.insert(slot(seq)) }
        table.update(65) { $0.lease = 9 }
        table.update(66) { $0.lease = 9 }
        #expect([3, 64, 65, 1_000].map { table[$0]?.lease } == [0, 0, 9, 0])
    }

    @Test(arguments: UInt64(1)...20)
    func `numbers that came back come out smallest first, and dead ones go`(seed: UInt64) {
        var dice = SeededGenerator(seed: seed)
        var heap = SequenceHeap()
        var living: Set<UInt64> = []
        var next: UInt64 = 1
        for _ in 0..<3_000 {
            switch Int.random(in: 0..<4, using: &dice) {
            case 0, 1:
                let number = next * 7_919 % 10_007
                next += 1
                heap.insert(number)
                living.insert(number)
            case 2:
                guard let dead = living.sorted().randomElement(using: &dice) else { continue }
                living.remove(dead)
                heap.forgetOne { living.contains($0) }
            default:
                while let first = heap.first, !living.contains(first) { heap.removeDeadFirst() }
                #expect(heap.first == living.min(), "seed \(seed)")
                if let first = heap.first {
                    living.remove(first)
                    heap.removeFirst()
                }
            }
            #expect(heap.count <= 2 * living.count + 130)
        }
    }
}
