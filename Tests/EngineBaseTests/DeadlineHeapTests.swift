import EngineBase
import Testing

@Suite struct DeadlineHeapTests {
    private func moment(_ milliseconds: Int) -> MonotonicInstant {
        MonotonicInstant(nanoseconds: 0).advanced(milliseconds: milliseconds)
    }

    @Test func `deadlines come up in order of time and not before it`() {
        var heap = DeadlineHeap<Int>()
        for time in [5, 1, 4, 2, 3] { heap.insert(time, at: moment(time)) }
        #expect(heap.earliest == moment(1))
        let early = heap.popDue(at: moment(0))
        #expect(early == nil)
        var seen: [Int] = []
        while let due = heap.popDue(at: moment(4)) { seen.append(due.mark) }
        #expect(seen == [1, 2, 3, 4])
        #expect(heap.count == 1)
    }

    @Test(arguments: UInt64(1)...20)
    func `a heap gives what a sorted list gives`(seed: UInt64) {
        var dice = SeededGenerator(seed: seed)
        var heap = DeadlineHeap<Int>()
        var list: [Int] = []
        var now = 0
        for step in 0..<2_000 {
            if Int.random(in: 0..<3, using: &dice) > 0 {
                let time = now + Int.random(in: 0..<50, using: &dice)
                heap.insert(time, at: moment(time))
                list.append(time)
            } else {
                now += Int.random(in: 0..<20, using: &dice)
                list.sort()
                while let first = list.first, first <= now {
                    let due = heap.popDue(at: moment(now))
                    #expect(due?.mark == first, "seed \(seed) step \(step)")
                    list.removeFirst()
                }
                let rest = heap.popDue(at: moment(now))
                #expect(rest == nil, "seed \(seed) step \(step)")
            }
            #expect(heap.earliest == list.min().map(moment))
        }
    }

    @Test func `forgotten deadlines go together, and the others keep their order`() {
        var heap = DeadlineHeap<Int>()
        for time in 0..<1_000 { heap.insert(time, at: moment((time * 37) % 1_000)) }
        for _ in 0..<500 { heap.forgetOne() }
        #expect(!heap.isWorthCompacting)
        heap.forgetOne()
        #expect(heap.isWorthCompacting)
        heap.compact { mark, deadline in
            #expect(deadline == moment((mark * 37) % 1_000))
            return mark % 3 == 0
        }
        #expect(heap.count == 334)
        #expect(!heap.isWorthCompacting)
        var last = MonotonicInstant(nanoseconds: -1)
        while let due = heap.popDue(at: .distantFuture) {
            #expect(due.mark % 3 == 0)
            #expect(due.deadline > last)
            last = due.deadline
        }
    }

    @Test func `a few forgotten ones are not worth the work`() {
        var heap = DeadlineHeap<Int>()
        for _ in 0..<64 { heap.forgetOne() }
        #expect(!heap.isWorthCompacting)
        heap.forgetOne()
        #expect(heap.isWorthCompacting)
        heap.popWasForgotten()
        #expect(!heap.isWorthCompacting)
    }
}
