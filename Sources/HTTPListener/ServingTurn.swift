import Synchronization

/// The right to run a daemon of the library, which one thread at a time may do.
///
/// Its own thread takes it, however long that has to wait; other threads take it if it is free.
final class ServingTurn: Sendable {
    private enum State: UInt8, AtomicRepresentable {
        case free
        case taken
        /// Taken by another thread, and the daemon's own waits to be told of its end.
        case awaited
    }

    private let state = Atomic(State.free)
    /// What the daemon's own thread waits for.
    private let wake: WakeEvent

    init(wake: WakeEvent) { self.wake = wake }

    /// Takes it; only the daemon's own thread may, or whoever has joined that.
    func take() {
        while !takeIfFree() {
            if state.exchange(.awaited, ordering: .acquiringAndReleasing) == .free {
                // It has become free meanwhile, and this has taken it.
                return state.store(.taken, ordering: .relaxed)
            }
            wake.wait()
        }
    }

    /// Takes it unless somebody has it; any thread may.
    func takeIfFree() -> Bool {
        state.compareExchange(expected: .free, desired: .taken, ordering: .acquiringAndReleasing)
            .exchanged
    }

    /// Gives it back.
    func end() {
        if state.exchange(.free, ordering: .acquiringAndReleasing) == .awaited { wake.wake() }
    }
}
