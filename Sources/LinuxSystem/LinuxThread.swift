import CLinux
public import EngineBase

import Glibc
import Synchronization

/// A thread of the operating system with a name, for work that sleeps in the kernel.
public final class LinuxThread: Sendable {
    private let handle: pthread_t
    private let isJoined = Atomic(false)

    /// Starts a thread.
    ///
    /// - Parameters:
    ///   - name: what `ps` and debuggers show, at most 15 bytes of it.
    ///   - body: what it does; the thread ends with it.
    /// - Throws: `.again` when the system has no room for another thread.
    public init(name: String, body: @escaping @Sendable () -> Void) throws(Errno) {
        let start = Start(body)
        // SAFETY: the new thread takes this reference back exactly once; if there is no thread,
        // it is taken back below.
        let passed = Unmanaged.passRetained(start)
        var made = pthread_t()
        let error = pthread_create(&made, nil, runThread, passed.toOpaque())
        guard error == 0 else {
            passed.release()
            throw Errno(error)
        }
        handle = made
        iocpd_name_thread(made, String(decoding: Array(name.utf8.prefix(15)), as: UTF8.self))
    }

    deinit {
        if !isJoined.load(ordering: .acquiring) { pthread_detach(handle) }
    }

    /// Waits until the thread has ended; only the first call does.
    public func join() {
        guard !isJoined.exchange(true, ordering: .acquiringAndReleasing) else { return }
        pthread_join(handle, nil)
    }
}

/// Carries the closure into the thread.
private final class Start: Sendable {
    let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

/// The thread's first function, outside any actor.
private let runThread: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = {
    passed in
    guard let passed else { return nil }
    // SAFETY: it is the reference that the thread's maker retained for it.
    Unmanaged<Start>.fromOpaque(passed).takeRetainedValue().body()
    return nil
}
