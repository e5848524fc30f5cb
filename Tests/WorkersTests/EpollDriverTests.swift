import DeviceSessions
import EngineBase
import LinuxSystem
import Testing
import Workers

/// What the epoll driver does when the blocking pool is busy or full.
@Suite struct `Epoll driver and its pools` {
    /// A driver whose only pool thread sleeps while a test arranges things.
    private final class BusyPool {
        let pool: BlockingPool
        let bench: DriverBench
        private let release: CountingSemaphore

        init(queueLimit: Int) throws {
            let pool = try BlockingPool(
                name: "test-busy",
                threads: 1...1,
                queueLimit: queueLimit
            )
            self.pool = pool
            release = try CountingSemaphore()
            bench = try DriverBench(
                DriverFactory(testDescription: "epoll on a busy pool") {
                    try EpollDriver(resolver: pool, files: pool, clock: MonotonicClock())
                }
            )
        }

        /// Keeps the thread until ``wakeThread()``.
        func occupyThread() throws {
            let started = try CountingSemaphore()
            let release = self.release
            let isAccepted = pool.submit {
                started.signal()
                release.wait()
            }
            #expect(isAccepted)
            started.wait()
        }

        func wakeThread() { release.signal() }
    }

    private let access = FileAccess(reads: true, writes: true, appends: false, creates: true)

    @Test func `a write that is cancelled before it runs writes nothing`() throws {
        let busy = try BusyPool(queueLimit: 8)
        let bench = busy.bench
        let directory = try TemporaryDirectory()
        let file = try bench.open(.file(directory.target("f"), access))
        try busy.occupyThread()
        let first = bench.start(.writeAt(file, offset: 0, bytes: [1]))
        let second = bench.start(.writeAt(file, offset: 1, bytes: [2]))
        bench.driver.cancel(second)
        #expect(try bench.finish(second).failure == .cancelled)
        #expect(bench.isPending(first))
        busy.wakeThread()
        #expect(try bench.finish(first).count == 1)
        #expect(try bench.run(.readAt(file, offset: 0, limit: 9)).bytes == [1])
        #expect(directory.contents(of: "f") == [1])
    }

    @Test func `a close goes on when it is cancelled`() throws {
        let busy = try BusyPool(queueLimit: 8)
        let bench = busy.bench
        let directory = try TemporaryDirectory()
        let listener = try bench.open(
            .unixListener(.stream, directory.target("s"), mode: 0o600, backlog: 1)
        )
        try busy.occupyThread()
        let closing = bench.start(.close(listener, reset: false))
        #expect(bench.isPending(closing))
        #expect(try bench.run(.accept(listener, SocketOptions())).failure == .badDescriptor)
        bench.driver.cancel(closing)
        #expect(bench.turn(milliseconds: 0) == 0)
        busy.wakeThread()
        #expect(try bench.finish(closing).isDone)
        #expect(directory.entries(of: "").isEmpty)
    }

    @Test func `a full pool refuses a look-up and closes at once`() throws {
        let busy = try BusyPool(queueLimit: 1)
        let bench = busy.bench
        let directory = try TemporaryDirectory()
        let listener = try bench.open(
            .unixListener(.stream, directory.target("s"), mode: 0o600, backlog: 1)
        )
        try busy.occupyThread()
        let waiting = bench.start(.resolve(host: "localhost", port: 1))
        let refused = bench.start(.resolve(host: "localhost", port: 1))
        #expect(bench.isPending(refused))
        #expect(try bench.finish(refused).failure == .again)
        #expect(try bench.run(.close(listener, reset: false)).isDone)
        #expect(directory.entries(of: "").isEmpty)
        #expect(bench.isPending(waiting))
        busy.wakeThread()
        guard case .addresses = try bench.finish(waiting) else {
            Issue.record("no addresses")
            return
        }
    }

    @Test func `a look-up that runs is abandoned when it is cancelled`() throws {
        let busy = try BusyPool(queueLimit: 8)
        let bench = busy.bench
        try busy.occupyThread()
        let resolving = bench.start(.resolve(host: "localhost", port: 1))
        bench.driver.cancel(resolving)
        #expect(try bench.finish(resolving).failure == .cancelled)
        busy.wakeThread()
        // The next job on the only thread comes behind it.
        #expect(!(try bench.run(.resolve(host: "localhost", port: 2)).failure == .cancelled))
        #expect(bench.strayCompletions.isEmpty)
    }
}
