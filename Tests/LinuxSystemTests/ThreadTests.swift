import EngineBase
import LinuxSystem
import Testing

@Suite struct `Threads, wakeups and the clock` {
    @Test func `a joined thread has done its work`() throws {
        let count = Guarded(0)
        let threads = try (0..<8).map { index in
            try LinuxThread(name: "a-name-longer-than-15-\(index)") {
                for _ in 0..<1000 { count.withLock { $0 += 1 } }
            }
        }
        for thread in threads { thread.join() }
        for thread in threads { thread.join() }
        #expect(count.withLock { $0 } == 8000)
    }

    @Test func `a semaphore lets as many through as it was told`() throws {
        let semaphore = try CountingSemaphore()
        let through = Guarded(0)
        let threads = try (0..<4).map { _ in
            try LinuxThread(name: "sleeper") {
                semaphore.wait()
                through.withLock { $0 += 1 }
            }
        }
        semaphore.signal()
        semaphore.signal(count: 3)
        for thread in threads { thread.join() }
        #expect(through.withLock { $0 } == 4)
    }

    @Test func `many wakes are one event and the next one is another`() throws {
        let set = try EpollSet()
        let wakeup = try Wakeup()
        try set.add(wakeup.descriptor, mark: 42, for: .input)
        #expect(set.wait(milliseconds: 0) == 0)
        for _ in 0..<3 {
            for _ in 0..<5 { wakeup.wake() }
            #expect(set.wait(milliseconds: 5000) == 1)
            #expect(set.event(at: 0).mark == 42)
            #expect(set.event(at: 0).readiness.contains(.input))
            #expect(set.wait(milliseconds: 0) == 0)
            wakeup.acknowledge()
        }
    }

    @Test func `the clock goes forward and knows the year`() {
        let clock = MonotonicClock()
        let first = clock.now()
        let second = clock.now()
        #expect(first <= second)
        let nanoseconds = second.nanoseconds + clock.wallClockOffset()
        // After 2025 began, before 2100 does.
        #expect(nanoseconds > 1_735_689_600_000_000_000)
        #expect(nanoseconds < 4_102_444_800_000_000_000)
    }
}
