import EngineBase
import Testing

@Suite struct NumberedTableTests {
    @Test(arguments: UInt64(1)...20)
    func `a table by number does what a sorted list does`(seed: UInt64) {
        var dice = SeededGenerator(seed: seed)
        // Mostly the oldest goes first, or anyone, or everyone but the oldest.
        let habit = Int(seed % 3)
        var table = NumberedTable<String>()
        var list: [(number: UInt64, value: String)] = []
        var next: UInt64 = 1
        for step in 0..<2_000 {
            let place = "seed \(seed) step \(step)"
            if Int.random(in: 0..<5, using: &dice) < 3 && step < 1_400 {
                table.append("\(next)", as: next)
                list.append((next, "\(next)"))
                next += UInt64.random(in: 1...3, using: &dice)
            } else if let chosen = choice(from: list, habit, &dice) {
                #expect(
                    table.remove(chosen) == list.first { $0.number == chosen }?.value, "\(place)")
                #expect(table.remove(chosen) == nil, "\(place)")
                list.removeAll { $0.number == chosen }
            }
            let asked = UInt64.random(in: 0...next, using: &dice)
            table.update(asked) { $0 += "!" }
            for index in list.indices where list[index].number == asked { list[index].value += "!" }
            #expect(table[asked] == list.first { $0.number == asked }?.value, "\(place)")
            #expect(table.count == list.count, "\(place)")
            #expect(table.itemCount <= 2 * list.count + 34, "gaps are not closed: \(place)")
            guard step.isMultiple(of: 50) else { continue }
            #expect(table.numbers == list.map(\.number), "\(place)")
            #expect(Array(table.values) == list.map(\.value), "\(place)")
        }
    }

    private func choice(
        from list: [(number: UInt64, value: String)], _ habit: Int, _ dice: inout SeededGenerator
    ) -> UInt64? {
        switch habit {
        case 0: list.first?.number
        case 1: list.randomElement(using: &dice)?.number
        default: list.dropFirst().randomElement(using: &dice)?.number
        }
    }

    @Test func `a walk begins at the last one up to a number`() {
        var table = NumberedTable<UInt64>()
        for number in [3, 5, 9, 12] as [UInt64] { table.append(number, as: number) }
        func walk(from number: UInt64) -> [UInt64] {
            var seen: [UInt64] = []
            table.walk(fromLastUpTo: number) { value in
                seen.append(value)
                return seen.count < 2
            }
            return seen
        }
        #expect(walk(from: 0) == [3, 5])
        #expect(walk(from: 8) == [5, 9])
        #expect(walk(from: 100) == [12])
        #expect(table.last(upTo: 2) == nil)
        #expect(table.last(upTo: 11) == 9)
        table.remove(9)
        #expect(table.last(upTo: 11) == nil)
        #expect(walk(from: 11) == [12])
    }

    @Test func `an index parts those beyond a bound from the others`() {
        for count in 0...20 {
            for bound in 0...count {
                #expect((0..<count).partitioningIndex { $0 >= bound } == bound)
            }
        }
    }
}
