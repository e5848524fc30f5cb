import DequeModule
public import EngineBase
import LinuxSystem

/// Threads for calls that sleep in the kernel, where no worker may.
///
/// It starts with the fewest threads and adds one whenever a job finds all of them busy. Any thread
/// may use it.
public final class BlockingPool: Sendable {
    /// What is to be done; it runs once, or never if the pool is stopped first.
    public typealias Job = @Sendable () -> Void

    private struct State: Sendable {
        var queue: Deque<Job> = []
        var idleThreads: Int
        var threads: Int
        var isStopping = false
    }

    /// What the threads hold, so that they do not keep the pool itself alive.
    private final class Core: Sendable {
        let state: Guarded<State>
        let work: CountingSemaphore

        init(threads: Int) throws(Errno) {
            state = Guarded(State(idleThreads: threads, threads: threads))
            work = try CountingSemaphore()
        }

        /// A thread's life: wait for a job, do it, and so on until the pool stops.
        func run() {
            while true {
                work.wait()
                let job: Job? = state.withLock { state in
                    guard !state.isStopping else { return nil }
                    state.idleThreads -= 1
                    return state.queue.popFirst()
                }
                guard let job else { return }
                job()
                state.withLock { $0.idleThreads += 1 }
            }
        }
    }

    private let core: Core
    private let name: String
    private let maximumThreads: Int
    private let queueLimit: Int

    /// Starts a pool.
    ///
    /// - Parameters:
    ///   - name: names the threads, at most 15 bytes of it.
    ///   - threads: how few and how many there may be, at least one.
    ///   - queueLimit: how many jobs may wait for a thread.
    /// - Throws: what making the first threads said.
    public init(
        name: String,
        threads: ClosedRange<Int> = 2...8,
        queueLimit: Int = 1024
    ) throws(Errno) {
        let fewest = max(threads.lowerBound, 1)
        let core = try Core(threads: fewest)
        self.core = core
        self.name = name
        self.queueLimit = queueLimit
        maximumThreads = max(threads.upperBound, fewest)
        do throws(Errno) {
            for _ in 0..<fewest { _ = try LinuxThread(name: name) { core.run() } }
        } catch {
            stop()
            throw error
        }
    }

    deinit { stop() }

    /// Queues a job.
    ///
    /// - Returns: false if the queue is full or the pool stops; the job will not run then.
    public func submit(_ job: @escaping Job) -> Bool {
        let (isAccepted, needsThread) = core.state.withLock { state in
            guard !state.isStopping, state.queue.count < queueLimit else { return (false, false) }
            state.queue.append(job)
            let isShort = state.queue.count > state.idleThreads && state.threads < maximumThreads
            if isShort {
                state.threads += 1
                state.idleThreads += 1
            }
            return (true, isShort)
        }
        guard isAccepted else { return false }
        if needsThread { addThread() }
        core.work.signal()
        return true
    }

    /// Lets the threads end; jobs that wait are dropped, running ones are not waited for.
    public func stop() {
        let (threads, dropped) = core.state.withLock { state in
            state.isStopping = true
            let dropped = state.queue
            state.queue = []
            return (state.threads, dropped)
        }
        // What a dropped job holds may take other locks when it goes: not under ours.
        _ = consume dropped
        core.work.signal(count: threads)
    }

    private func addThread() {
        let core = self.core
        do throws(Errno) {
            _ = try LinuxThread(name: name) { core.run() }
        } catch {
            // The threads that there are get to the job in their time.
            core.state.withLock { state in
                state.threads -= 1
                state.idleThreads -= 1
            }
        }
    }
}
