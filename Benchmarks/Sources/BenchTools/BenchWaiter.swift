import Glibc
public import PortEngine
import Synchronization

/// A thread that fetches and sleeps until its fetch is answered.
public final class BenchWaiter: FetchWaiter {
    private let answer = Mutex<FetchAnswer?>(nil)
    // SAFETY: initialised before anybody has the waiter, destroyed when nobody has it any more; the
    // functions on it may be called from any thread.
    private nonisolated(unsafe) let semaphore: UnsafeMutablePointer<sem_t>

    /// Somebody who has been told nothing yet.
    public init() {
        semaphore = .allocate(capacity: 1)
        sem_init(semaphore, 0, 0)
    }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    /// Takes the answer and wakes the thread.
    public func finish(with answer: FetchAnswer) {
        self.answer.withLock { $0 = answer }
        sem_post(semaphore)
    }

    /// Fetches, and waits if it must.
    public func take(_ request: FetchRequest, from port: CompletionPort) throws -> FetchAnswer {
        if case .answered(let answer) = try port.fetch(request, for: self) { return answer }
        return wait()
    }

    /// Waits for the answer of a fetch.
    public func wait() -> FetchAnswer {
        while true {
            while sem_wait(semaphore) != 0 {}
            let answer = self.answer.withLock { kept in
                defer { kept = nil }
                return kept
            }
            if let answer { return answer }
        }
    }
}

/// Runs `body` on `count` threads of their own, and returns when all have ended.
public func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    var threads: [pthread_t] = []
    for index in 0..<count {
        var thread = pthread_t()
        // SAFETY: the box is retained here and released once, by the thread that is given it.
        let box = Unmanaged.passRetained(ThreadBody { body(index) })
        let code = pthread_create(&thread, nil, runThread, box.toOpaque())
        precondition(code == 0, "no thread could be started")
        threads.append(thread)
    }
    for thread in threads { pthread_join(thread, nil) }
}

private final class ThreadBody: Sendable {
    let run: @Sendable () -> Void

    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

private func runThread(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    // SAFETY: retained by `onThreads` for this one call.
    Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().run()
    return nil
}
