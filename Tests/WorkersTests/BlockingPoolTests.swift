import EngineBase
import LinuxSystem
import Testing
import Workers

@Suite struct `Blocking pool` {
    @Test func `every accepted job runs once`() throws {
        let pool = try BlockingPool(name: "test-pool", threads: 2...4, queueLimit: 10_000)
        let done = try CountingSemaphore()
        let runs = Guarded([Int](repeating: 0, count: 2000))
        for index in 0..<2000 {
            let isAccepted = pool.submit {
                runs.withLock { $0[index] += 1 }
                done.signal()
            }
            #expect(isAccepted)
        }
        for _ in 0..<2000 { done.wait() }
        #expect(runs.withLock { $0.allSatisfy { $0 == 1 } })
    }

    @Test func `jobs that sleep make it grow to its maximum and no further`() throws {
        let pool = try BlockingPool(name: "test-pool", threads: 2...5)
        let started = try CountingSemaphore()
        let release = try CountingSemaphore()
        let ended = try CountingSemaphore()
        let running = Guarded((now: 0, most: 0))
        for _ in 0..<12 {
            let isAccepted = pool.submit {
                running.withLock { state in
                    state.now += 1
                    state.most = max(state.most, state.now)
                }
                started.signal()
                release.wait()
                running.withLock { $0.now -= 1 }
                ended.signal()
            }
            #expect(isAccepted)
        }
        // Five sleep at the same time, or this does not return.
        for _ in 0..<5 { started.wait() }
        release.signal(count: 12)
        for _ in 0..<12 { ended.wait() }
        #expect(running.withLock { $0.most } == 5)
    }

    @Test func `a full queue and a stopped pool refuse`() throws {
        let pool = try BlockingPool(name: "test-pool", threads: 1...1, queueLimit: 2)
        let started = try CountingSemaphore()
        let release = try CountingSemaphore()
        let done = try CountingSemaphore()
        #expect(
            pool.submit {
                started.signal()
                release.wait()
            }
        )
        started.wait()
        #expect(pool.submit { done.signal() })
        #expect(pool.submit { done.signal() })
        #expect(!pool.submit { done.signal() })
        release.signal()
        done.wait()
        done.wait()
        pool.stop()
        #expect(!pool.submit { done.signal() })
    }
}
