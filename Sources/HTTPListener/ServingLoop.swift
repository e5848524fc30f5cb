import CMicrohttpd
import EngineBase
import Glibc
import Synchronization

/// What a daemon's thread does: waits for events, and has libmicrohttpd serve them.
///
/// The library has such a loop of its own. But that one, when as many events have come as it takes
/// at once (128), waits for more before it serves them: with so many clients, each of which waits
/// for its reply, that is for ever. Here the library never waits.
final class ServingLoop: @unchecked Sendable {
    // SAFETY: used by whoever has the turn, one thread at a time.
    private let handle: OpaquePointer
    private let turn: ServingTurn
    private let epollSet: Int32
    private let wake: WakeEvent
    /// Whether something was given or resumed that the library has not looked at.
    private let hasNews = Atomic(false)
    /// Whether the thread may be in `poll`, and nobody is about to wake it: whoever brings news then
    /// has to.
    private let isAsleep = Atomic(false)
    private let given = Guarded<[AcceptedConnection]>([])
    private let isStopped = Atomic(false)

    /// Takes over a daemon of the library, which ``end()`` stops.
    init(_ handle: OpaquePointer) throws(Errno) {
        self.handle = handle
        epollSet = iocpd_mhd_epoll_set(handle)
        wake = try WakeEvent()
        turn = ServingTurn(wake: wake)
    }

    /// Hands over a connection; any thread may.
    func give(_ connection: AcceptedConnection) {
        given.withLock { $0.append(connection) }
        tellNews()
    }

    /// Has the library look for connections that were resumed; any thread may call it.
    func tellNews() {
        hasNews.store(true, ordering: .sequentiallyConsistent)
        let wasAsleep = isAsleep.exchange(false, ordering: .sequentiallyConsistent)
        if PromisedTurn.take(newsOf: self, isFirst: wasAsleep) { wake.wake() }
    }

    /// Makes ``run()`` return soon.
    func stop() {
        isStopped.store(true, ordering: .releasing)
        tellNews()
    }

    /// Serves until it is stopped.
    func run() {
        var watched = [
            pollfd(fd: epollSet, events: Int16(POLLIN), revents: 0),
            pollfd(fd: wake.descriptor.number, events: Int16(POLLIN), revents: 0),
        ]
        turn.take()
        while !isStopped.load(ordering: .acquiring) {
            let timeout = milliseconds
            turn.end()
            let isWoken = sleep(&watched, atMost: timeout)
            turn.take()
            isAsleep.store(false, ordering: .relaxed)
            serve()
            // Not before: a fetch that was woken has its reply earlier by a system call. What was
            // told meanwhile wrote nothing, and is seen before the next sleep.
            if isWoken { wake.acknowledge() }
        }
        turn.end()
    }

    /// Serves on the thread that has brought news, and then wakes its own, which sleeps.
    ///
    /// What its own would be woken for is done here first; the rest is left to it.
    func serveAndWake() {
        if turn.takeIfFree() {
            if !isStopped.load(ordering: .acquiring) {
                serve()
                // The reply has been sent; its end is told by another pass.
                if milliseconds == 0 { serve() }
            }
            turn.end()
        }
        wake.wake()
    }

    private func serve() {
        if hasNews.exchange(false, ordering: .sequentiallyConsistent) { takeGiven() }
        MHD_run(handle)
    }

    /// Waits for an event, for news, or until the library has something to do.
    private func sleep(_ watched: inout [pollfd], atMost timeout: Int32) -> Bool {
        guard timeout != 0 else { return false }
        var isWoken = false
        isAsleep.store(true, ordering: .sequentiallyConsistent)
        // News that came before the mark was set woke nobody.
        if !hasNews.load(ordering: .sequentiallyConsistent) {
            poll(&watched, nfds_t(watched.count), timeout)
            isWoken = watched[1].revents != 0
        }
        return isWoken
    }

    /// How long the library has nothing to do unless something happens; -1 is for ever.
    private var milliseconds: Int32 {
        var timeout: UInt64 = 0
        return MHD_get_timeout(handle, &timeout) == .YES ? Int32(clamping: timeout) : -1
    }

    private func takeGiven() {
        let connections = given.withLock { given in
            defer { given = [] }
            return given
        }
        for connection in connections {
            var peer = connection.peer
            // SAFETY: the address is copied before the call returns.
            let isAdded = withUnsafePointer(to: &peer) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    MHD_add_connection(handle, connection.descriptor, $0, connection.peerLength)
                }
            }
            // If not, the library has closed it.
            if isAdded != .YES { connection.wasRefused() }
        }
    }

    /// Closes all connections; the thread of ``run()`` must have ended.
    func end() {
        // For good: nobody can serve what has ended.
        turn.take()
        for connection in given.withLock({ $0 }) { connection.discard() }
        MHD_stop_daemon(handle)
    }
}
