import Glibc

/// A point on the monotonic clock, in nanoseconds.
struct Instant: Comparable {
    let nanoseconds: UInt64

    static func now() -> Instant {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Instant(nanoseconds: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
    }

    func adding(milliseconds: Int) -> Instant {
        Instant(nanoseconds: nanoseconds + UInt64(milliseconds) * 1_000_000)
    }

    static func < (left: Instant, right: Instant) -> Bool {
        left.nanoseconds < right.nanoseconds
    }
}

/// What is to happen later on connections, earliest first: a binary heap.
///
/// Alarms are never taken back: one that no longer applies finds its connection changed or gone.
struct Alarms {
    enum Purpose {
        /// A DELAY or SLOW is over.
        case resume
        /// The next unsolicited line is due; `series` tells an old EVENT:ON from the present one.
        case event(series: Int)
    }

    struct Alarm {
        let due: Instant
        let connection: UInt64
        let purpose: Purpose
    }

    private var heap: [Alarm] = []

    mutating func add(_ alarm: Alarm) {
        heap.append(alarm)
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].due < heap[parent].due else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    /// Takes the earliest alarm if its time has come.
    mutating func takeDue(at now: Instant) -> Alarm? {
        guard let first = heap.first, first.due <= now else { return nil }
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            sink()
        }
        return first
    }

    /// How long to wait for the earliest alarm, rounded up; -1 without one.
    func millisecondsUntilNext(from now: Instant) -> Int32 {
        guard let first = heap.first else { return -1 }
        guard now < first.due else { return 0 }
        let wait = (first.due.nanoseconds - now.nanoseconds + 999_999) / 1_000_000
        return Int32(min(wait, 60_000))
    }

    private mutating func sink() {
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < heap.count && heap[child].due < heap[least].due {
                least = child
            }
            guard least != parent else { return }
            heap.swapAt(least, parent)
            parent = least
        }
    }
}
