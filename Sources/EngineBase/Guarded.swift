public import Synchronization
#if TSAN
public import CLinux
#endif

/// State that can be reached only while its lock is held.
///
/// A thin layer over `Mutex`. ThreadSanitizer cannot see into `Mutex` (its contended path is in a
/// library that is not instrumented), so a build with `-DTSAN` tells it by hand.
///
/// - Note: One lock per object, never two at once: no closure given to ``withLock(_:)`` may take
///   another lock, make a system call or call back.
public final class Guarded<State: ~Copyable>: Sendable {
    @usableFromInline let mutex: Mutex<State>
    #if TSAN
    // SAFETY: only its address is used, as the sanitizer's name for this lock.
    @usableFromInline nonisolated(unsafe) let token = UnsafeMutableRawPointer.allocate(
        byteCount: 8, alignment: 8)
    #endif

    /// Puts `state` under a lock of its own.
    public init(_ state: consuming sending State) {
        mutex = Mutex(state)
    }

    #if TSAN
    deinit { token.deallocate() }
    #endif

    /// Runs `body` with the lock held and gives back what it returns.
    @inlinable
    public func withLock<Result: ~Copyable, Failure: Error>(
        _ body: (inout sending State) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        try mutex.withLock { (state: inout sending State) throws(Failure) -> sending Result in
            #if TSAN
            iocpd_tsan_acquire(token)
            defer { iocpd_tsan_release(token) }
            #endif
            return try body(&state)
        }
    }
}
