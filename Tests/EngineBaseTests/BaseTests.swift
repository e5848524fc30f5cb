import EngineBase
import Glibc
import TestKit
import Testing

@Suite struct MonotonicInstantTests {
    private let start = MonotonicInstant(nanoseconds: 1_000_000)

    @Test func `milliseconds are added exactly`() {
        #expect(start.advanced(milliseconds: 12).nanoseconds == 13_000_000)
        #expect(start.advanced(milliseconds: -1).nanoseconds == 0)
    }

    @Test func `a sum that is too large never comes`() {
        #expect(start.advanced(milliseconds: .max) == .distantFuture)
        #expect(
            MonotonicInstant(nanoseconds: .max - 5).advanced(milliseconds: 1) == .distantFuture
        )
        #expect(MonotonicInstant.distantFuture.advanced(milliseconds: 1) == .distantFuture)
    }

    @Test func `distances are rounded up and never negative`() {
        let later = MonotonicInstant(nanoseconds: 3_000_001)
        #expect(later.milliseconds(since: start) == 3)
        #expect(start.advanced(milliseconds: 2).milliseconds(since: start) == 2)
        #expect(start.milliseconds(since: later) == 0)
        #expect(start.milliseconds(since: start) == 0)
    }
}

@Suite struct SeededGeneratorTests {
    @Test func `the numbers are those of SplitMix64`() {
        var dice = SeededGenerator(seed: 1_234_567)
        let expected: [UInt64] = [
            6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
            4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
        ]
        let numbers = expected.map { _ in dice.next() }
        #expect(numbers == expected)
    }
}

/// A set whose looks, which forget what is old, may stand in an expectation.
private final class Memory<Element: Hashable & Sendable> {
    private var set: ExpiringSet<Element>

    init(limit: Int, lifetime: Int = 100) {
        set = ExpiringSet(lifetimeMilliseconds: lifetime, limit: limit)
    }

    func insert(_ element: Element, at now: MonotonicInstant) { set.insert(element, at: now) }

    func remove(_ element: Element) { set.remove(element) }

    func contains(_ element: Element, at now: MonotonicInstant) -> Bool {
        set.contains(element, at: now)
    }
}

@Suite struct ExpiringSetTests {
    private func moment(_ milliseconds: Int) -> MonotonicInstant {
        MonotonicInstant(nanoseconds: 0).advanced(milliseconds: milliseconds)
    }

    @Test func `an element is remembered for its time`() {
        let set = Memory<String>(limit: 10)
        set.insert("a", at: moment(0))
        #expect(set.contains("a", at: moment(99)))
        #expect(!set.contains("a", at: moment(100)))
        #expect(!set.contains("b", at: moment(0)))
    }

    @Test func `an element inserted again is remembered from then on`() {
        let set = Memory<String>(limit: 10)
        set.insert("a", at: moment(0))
        set.insert("a", at: moment(60))
        #expect(set.contains("a", at: moment(159)))
        #expect(!set.contains("a", at: moment(160)))
    }

    @Test func `an element removed is forgotten, and may come again`() {
        let set = Memory<String>(limit: 10)
        set.insert("a", at: moment(0))
        set.remove("a")
        #expect(!set.contains("a", at: moment(1)))
        set.insert("a", at: moment(50))
        #expect(set.contains("a", at: moment(149)))
    }

    @Test func `no more than so many are remembered, the newest`() {
        let set = Memory<Int>(limit: 3, lifetime: 1_000)
        for number in 0..<10 { set.insert(number, at: moment(number)) }
        let kept = (0..<10).filter { set.contains($0, at: moment(10)) }
        #expect(kept == [7, 8, 9])
    }
}

@Suite struct ErrnoTests {
    @Test func `errors have the names of the C headers`() {
        #expect(Errno.connectionReset.name == "ECONNRESET")
        #expect(Errno(ECONNREFUSED).name == "ECONNREFUSED")
        #expect(Errno(9_999).name == "E9999")
        #expect(Errno.timedOut.rawValue == 110)
    }

    @Test func `the current error is that of the last failed call`() {
        #expect(close(-1) == -1)
        #expect(Errno.current == .badDescriptor)
    }
}

@Suite struct GuardedTests {
    private struct Refusal: Error {}

    @Test func `threads take turns`() {
        let guarded = Guarded(0)
        onThreads(4) { _ in
            for _ in 0..<5_000 { guarded.withLock { $0 += 1 } }
        }
        #expect(guarded.withLock { $0 } == 20_000)
    }

    @Test func `an error leaves the lock free and what was changed in place`() {
        let guarded = Guarded(0)
        #expect(throws: Refusal.self) {
            try guarded.withLock { value throws(Refusal) in
                value = 7
                throw Refusal()
            }
        }
        #expect(guarded.withLock { $0 } == 7)
    }
}
