import EngineBase
import Glibc

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

/// A point in real time after which a test gives up.
public struct RealDeadline: Sendable {
    private let end: Int

    /// A deadline that many seconds from now.
    public init(seconds: Int) { end = RealDeadline.now() + seconds }

    /// Whether it has passed.
    public var hasPassed: Bool { RealDeadline.now() >= end }

    private static func now() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec
    }
}
