import EngineBase
import Synchronization
import Testing

@Suite struct BatchListTests {
    /// Counts how many of its kind live.
    private final class Held: Sendable {
        static let living = Mutex(0)
        init() { Held.living.withLock { $0 += 1 } }
        deinit { Held.living.withLock { $0 -= 1 } }
    }

    private struct Element: BatchElement, Equatable {
        let number: Int
        let held: Held?

        var holdsMemory: Bool { held != nil }

        static func == (left: Element, right: Element) -> Bool { left.number == right.number }
    }

    private static var living: Int { Held.living.withLock { $0 } }

    /// One test, since they count together: lists, copies of them and parts taken from both are what
    /// arrays are, and what elements held lives as long as it would in an array.
    @Test func `lists do what arrays do and free what they held`() {
        for seed in UInt64(1)...30 {
            var dice = SeededGenerator(seed: seed)
            var lists = [BatchList<Element>()]
            var arrays = [[Element]()]
            // Some runs hold nothing, in some all elements do, in some a few.
            let odds = Int(seed % 3) * 5
            for step in 0..<600 {
                let place = "seed \(seed) step \(step)"
                let index = Int.random(in: lists.indices, using: &dice)
                switch Int.random(in: 0..<20, using: &dice) {
                case 0..<12:
                    let held = Int.random(in: 0..<10, using: &dice) < odds ? Held() : nil
                    lists[index].append(Element(number: step, held: held))
                    arrays[index].append(Element(number: step, held: held))
                case 12..<15:
                    let number = Int.random(in: 0...arrays[index].count, using: &dice)
                    lists.append(lists[index].takeFirst(number))
                    arrays.append(Array(arrays[index].prefix(number)))
                    arrays[index].removeFirst(number)
                case 15..<17:
                    lists.append(lists[index])
                    arrays.append(arrays[index])
                case 17:
                    let count = Int.random(in: 0...5, using: &dice)
                    let made = (0..<count).map { number in
                        Element(
                            number: number,
                            held: Int.random(in: 0..<10, using: &dice) < odds ? Held() : nil)
                    }
                    lists.append(BatchList(count: count) { made[$0] })
                    arrays.append(made)
                default:
                    guard lists.count > 1 else { continue }
                    lists.remove(at: index)
                    arrays.remove(at: index)
                }
                let at = min(index, lists.count - 1)
                #expect(Array(lists[at]) == arrays[at], "\(place)")
                #expect(lists[at].count == arrays[at].count, "\(place)")
            }
            for (list, array) in zip(lists, arrays) { #expect(Array(list) == array) }
            // The arrays alone hold as much as both did.
            let both = BatchListTests.living
            lists = []
            #expect(BatchListTests.living == both, "seed \(seed)")
            arrays = []
            #expect(BatchListTests.living == 0, "lists kept what they held: seed \(seed)")
        }
    }
}
