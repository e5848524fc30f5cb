import CLinux
import EngineBase
import Glibc
import Synchronization

/// Takes connections from the listening sockets and gives each to the least busy daemon.
final class AcceptLoop: Sendable {
    /// How long to wait when the process has no descriptor left, unless a connection ends.
    private static let pauseMilliseconds: Int32 = 100
    private static let acceptsPerRound = 64

    private let core: ListenerCore
    private let sockets: [ListeningSocket]
    private let daemons: Guarded<[HTTPDaemon]>
    private let isStopped = Atomic(false)

    init(core: ListenerCore, sockets: [ListeningSocket], daemons: [HTTPDaemon]) {
        self.core = core
        self.sockets = sockets
        self.daemons = Guarded(daemons)
    }

    var daemonCount: Int { daemons.withLock { $0.count } }

    /// Ends the daemons, after ``run()`` has returned.
    func stopDaemons() {
        for daemon in daemons.withLock({ $0 }) { daemon.stop() }
    }

    /// Makes ``run()`` return soon.
    func stop() {
        isStopped.store(true, ordering: .releasing)
        core.acceptWake.wake()
    }

    /// Accepts until it is stopped.
    func run() {
        var watched = [
            pollfd(fd: core.acceptWake.descriptor.number, events: Int16(POLLIN), revents: 0)
        ]
        watched += sockets.map {
            pollfd(fd: $0.descriptor.number, events: Int16(POLLIN), revents: 0)
        }
        var isOutOfDescriptors = false
        while !isStopped.load(ordering: .acquiring) {
            let isPaused = isOutOfDescriptors || !hasRoom()
            // While paused only the wake event counts; clients wait in the kernel's queue.
            let count = isPaused ? 1 : watched.count
            poll(&watched, nfds_t(count), isOutOfDescriptors ? Self.pauseMilliseconds : -1)
            isOutOfDescriptors = false
            if watched[0].revents != 0 { core.acceptWake.acknowledge() }
            guard !isPaused else { continue }
            for (index, socket) in sockets.enumerated() where watched[index + 1].revents != 0 {
                if !acceptRound(socket) { isOutOfDescriptors = true }
            }
        }
    }

    /// Whether another connection may be accepted; if not, the end of one wakes this thread.
    private func hasRoom() -> Bool {
        if isBelowLimit { return true }
        core.isAcceptPaused.store(true, ordering: .sequentiallyConsistent)
        // One may have ended before the mark was set.
        return isBelowLimit
    }

    private var isBelowLimit: Bool {
        let open = core.counts.openConnections.load(ordering: .sequentiallyConsistent)
        return open < core.configuration.connectionLimit
    }

    /// Accepts what waits on a socket; `false` if the process has no descriptor left.
    private func acceptRound(_ socket: ListeningSocket) -> Bool {
        for _ in 0..<Self.acceptsPerRound where hasRoom() {
            var storage = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            // SAFETY: the storage has room for an address of any family, and the length goes along.
            let descriptor = withUnsafeMutablePointer(to: &storage) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    iocpd_accept(socket.descriptor.number, $0, &length)
                }
            }
            guard descriptor < 0 else {
                give(descriptor, peer: storage, length: length)
                continue
            }
            let error = errno
            switch error {
            case EINTR, ECONNABORTED: continue
            case EMFILE, ENFILE, ENOBUFS, ENOMEM:
                core.log.take("no more connections are accepted: \(Errno(error).name)")
                return false
            default: return true
            }
        }
        return true
    }

    /// The least busy daemon; a new one, with its thread, if all have as many as they should.
    private func daemonWithRoom() -> HTTPDaemon {
        // Only this thread adds to them.
        let present = daemons.withLock { $0 }
        let least = present.dropFirst().reduce(present[0]) { $1.load < $0.load ? $1 : $0 }
        guard least.load >= core.configuration.connectionsPerThread else { return least }
        do throws(ListenerError) {
            let added = try HTTPDaemon(core: core)
            daemons.withLock { $0.append(added) }
            return added
        } catch {
            core.log.take("no further thread for connections: \(error)")
            return least
        }
    }

    private func give(_ descriptor: Int32, peer: sockaddr_storage, length: socklen_t) {
        var clientKey: [UInt8]?
        if core.configuration.connectionsPerClient > 0, let key = clientAddressBytes(of: peer) {
            guard core.admit(client: key) else {
                close(descriptor)
                return
            }
            clientKey = key
        }
        core.counts.openConnections.wrappingAdd(1, ordering: .sequentiallyConsistent)
        daemonWithRoom().add(
            AcceptedConnection(
                descriptor: descriptor,
                peer: peer,
                peerLength: length,
                clientKey: clientKey,
                core: core
            )
        )
    }
}
