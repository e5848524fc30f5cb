import DeviceSessions
import EngineBase
import LinuxSystem
import Testing
import Workers

/// Waiting, waking, and names.
@Suite struct `Waits and names` {
    @Test(arguments: DriverFactory.all)
    func `a wait ends at its deadline and not before`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let deadline = bench.clock.now().advanced(milliseconds: 30)
        var events: [DriverEvent] = []
        bench.driver.wait(until: deadline, into: &events)
        #expect(bench.clock.now() >= deadline)
        #expect(events.isEmpty)
        // A deadline in the past only looks.
        bench.driver.wait(until: deadline, into: &events)
        #expect(events.isEmpty)
    }

    @Test(arguments: DriverFactory.all)
    func `a wake before the wait is not lost`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let start = bench.clock.now()
        for _ in 0..<100 {
            bench.driver.wakeup.wake()
            bench.driver.wakeup.wake()
            bench.turn(milliseconds: 10_000)
        }
        #expect(bench.clock.now().milliseconds(since: start) < 10_000)
        // And the second one has left nothing behind.
        let deadline = bench.clock.now().advanced(milliseconds: 20)
        bench.turn(milliseconds: 20)
        #expect(bench.clock.now() >= deadline)
    }

    @Test(arguments: DriverFactory.all)
    func `other threads wake the wait and what they did is seen`(
        factory: DriverFactory
    ) throws {
        let bench = try DriverBench(factory)
        let wakeup = bench.driver.wakeup
        let inbox = Guarded(0)
        let rounds = 2000
        let threads = try (0..<2).map { index in
            try LinuxThread(name: "waker-\(index)") {
                for _ in 0..<rounds {
                    inbox.withLock { $0 += 1 }
                    wakeup.wake()
                }
            }
        }
        var seen = 0
        let deadline = bench.clock.now().advanced(milliseconds: 10_000)
        while seen < 2 * rounds, bench.clock.now() < deadline {
            bench.turn(milliseconds: 5000)
            seen += inbox.withLock { value in
                let taken = value
                value = 0
                return taken
            }
        }
        for thread in threads { thread.join() }
        #expect(seen == 2 * rounds)
        #expect(bench.clock.now() < deadline)
    }

    @Test(arguments: DriverFactory.all)
    func `completions at hand do not wait for more`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let (_, slot) = try bench.tcpPair()
        let receiving = bench.start(.receive(slot, limit: 1))
        bench.driver.cancel(receiving)
        let start = bench.clock.now()
        #expect(bench.turn(milliseconds: 10_000) == 1)
        #expect(bench.clock.now().milliseconds(since: start) < 5000)
    }

    @Test(arguments: DriverFactory.all)
    func `localhost resolves to loopback`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let result = try bench.run(.resolve(host: "localhost", port: 4321))
        guard case .addresses(let addresses) = result else {
            throw DriverBench.Unexpected(result: "\(result)")
        }
        let loopbacks: Set<SocketAddress> = [
            .ipv4(DriverBench.loopback, port: 4321),
            .ipv6(high: 0, low: 1, port: 4321, scope: 0),
        ]
        #expect(!addresses.isEmpty)
        #expect(Set(addresses).isSubset(of: loopbacks))
        #expect(Set(addresses).count == addresses.count)
    }

    @Test(arguments: DriverFactory.all)
    func `literals resolve to themselves`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let cases: [(String, SocketAddress)] = [
            ("192.0.2.7", .ipv4(0xc000_0207, port: 80)),
            ("2001:db8::5", .ipv6(high: 0x2001_0db8_0000_0000, low: 5, port: 80, scope: 0)),
            ("::ffff:10.0.0.1", .ipv4(0x0a00_0001, port: 80)),
        ]
        for (host, address) in cases {
            let token = bench.start(.resolve(host: host, port: 80))
            #expect(bench.isPending(token))
            guard case .addresses(let found) = try bench.finish(token) else {
                Issue.record("\(host) gave no addresses")
                continue
            }
            #expect(found == [address])
        }
    }

    @Test(arguments: DriverFactory.all)
    func `a name that cannot be is unresolved in words`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let result = try bench.run(.resolve(host: "no-such-name.invalid", port: 1))
        guard case .unresolved(let words) = result else {
            throw DriverBench.Unexpected(result: "\(result)")
        }
        #expect(!words.isEmpty)
    }
}
