import Glibc
import Synchronization

/// SIGTERM and SIGINT, delivered only while the program waits for events.
enum StopSignal {
    /// Blocks both signals and installs the handlers; call once, before the first wait.
    static func install() {
        signal(SIGPIPE, SIG_IGN)
        // Touched here, because a handler must not be the first to initialise a global.
        stopRequested.store(false, ordering: .relaxed)
        var action = sigaction()
        action.__sigaction_handler.sa_handler = noteStop
        sigaction(SIGTERM, &action, nil)
        sigaction(SIGINT, &action, nil)
        var both = sigset_t()
        sigemptyset(&both)
        sigaddset(&both, SIGTERM)
        sigaddset(&both, SIGINT)
        sigprocmask(SIG_BLOCK, &both, nil)
    }

    /// Whether one of them came.
    static var isRequested: Bool {
        stopRequested.load(ordering: .relaxed)
    }

    /// The mask for the wait itself: nothing blocked, so that a signal between the last look at
    /// ``isRequested`` and the wait is not lost.
    static var maskWhileWaiting: sigset_t {
        var none = sigset_t()
        sigemptyset(&none)
        return none
    }
}

private let stopRequested = Atomic<Bool>(false)

// A function at file level and not in main.swift: what main.swift declares is isolated to the
// main actor, and the check for that has no place in a signal handler.
private func noteStop(_: Int32) {
    stopRequested.store(true, ordering: .relaxed)
}
