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

    @Test(arguments: UInt64(1)...20)
    func `a queue of runs does what a plain list does`(seed: UInt64) {
        var dice = SeededGenerator(seed: seed)
        var queue = FreshQueue()
        var list: [QueuedEntry] = []
        var next: UInt64 = 1
        for step in 0..<1_000 {
            if Bool.random(using: &dice) {
                let entries = EntryList(count: Int.random(in: 0...9, using: &dice)) { _ in
                    let size = Int.random(in: 0...5, using: &dice)
                    return CompletionEntry(
                        kind: .packet, bytes: Int.random(in: 0...9, using: &dice),
                        data: [UInt8](repeating: 7, count: size))
                }
                let now = MonotonicInstant(nanoseconds: Int64(step))
                #expect(entries.payload == entries.reduce(0) { $0 + $1.data.count })
                queue.append(entries, from: next, at: now)
                for entry in entries {
                    list.append(
                        QueuedEntry(seq: next, delivery: 1, queuedAt: now, entry: entry))
                    next += 1
                }
            } else {
                let most = Int.random(in: 0...12, using: &dice)
                let room = Int.random(in: -1...20, using: &dice)
                let isFirst = Bool.random(using: &dice)
                var batch = EntryBatch()
                if let run = queue.takeRun(most: most, payload: room, isFirst: isFirst) {
                    batch.append(run)
                }
                #expect(batch.count <= most)
                let fits = batch.payload <= room || isFirst && batch.count == 1
                #expect(batch.isEmpty || fits, "seed \(seed)")
                let expected = list.prefix(batch.count)
                #expect(batch.map(words) == expected.map(words), "seed \(seed) step \(step)")
                #expect(batch.payload == expected.reduce(0) { $0 + $1.entry.data.count })
                // An empty hand has a reason.
                if batch.isEmpty, most > 0, let first = list.first {
                    #expect(!isFirst && first.entry.data.count > room, "seed \(seed)")
                }
                list.removeFirst(batch.count)
            }
            #expect(queue.count == list.count)
            #expect(queue.firstSeq == list.first?.seq)
            #expect(queue.firstQueuedAt == list.first?.queuedAt)
            let seq = UInt64.random(in: 0...next + 3, using: &dice)
            var seen: [UInt64] = []
            queue.walk(after: step.isMultiple(of: 9) ? .max : seq) { queued in
                seen.append(queued.seq)
                return seen.count < 20
            }
            let rest = step.isMultiple(of: 9) ? [] : list.map(\.seq).filter { $0 > seq }
            #expect(seen == Array(rest.prefix(20)), "seed \(seed) step \(step)")
        }
    }

    private func words(_ queued: QueuedEntry) -> [Int] {
        [Int(queued.seq), queued.delivery, queued.entry.bytes, queued.entry.data.count]
    }

    @Test(arguments: UInt64(1)...20)
    func `whole leases are found by their numbers`(seed: UInt64) {
        var dice = SeededGenerator(seed: seed)
        var leases = WholeLeases()
        var ranges: [(lease: UInt64, seqs: ClosedRange<UInt64>)] = []
        var next: UInt64 = 1
        for lease in UInt64(1)...2_000 {
            next += UInt64.random(in: 0...3, using: &dice)
            let count = Int.random(in: 1...9, using: &dice)
            leases.append(lease, from: next, count: count)
            ranges.append((lease, next...next + UInt64(count) - 1))
            next += UInt64(count)
            while ranges.count > Int.random(in: 0...90, using: &dice) {
                let index = Int.random(in: ranges.indices, using: &dice)
                leases.remove(from: ranges[index].seqs.lowerBound)
                ranges.remove(at: index)
            }
            let seq = UInt64.random(in: 0...next + 3, using: &dice)
            #expect(
                leases.lease(holding: seq) == ranges.first { $0.seqs.contains(seq) }?.lease,
                "seed \(seed)")
            var seen: [UInt64] = []
            leases.walk(after: seq) { lease in
                seen.append(lease)
                return seen.count < 10
            }
            let rest = ranges.filter { $0.seqs.upperBound > seq }.map(\.lease)
            #expect(seen == Array(rest.prefix(10)), "seed \(seed)")
            #expect(leases.itemCount <= 2 * ranges.count + 34)
        }
    }
}
