import CLinux
import EngineBase
import Synchronization

/// Notices clients that hang up while they wait, and deadlines that pass.
final class WatchLoop: Sendable {
    private static let wakeToken = UInt64.max
    /// How soon to look again whether the bytes before a client's end have been read.
    private static let unreadMilliseconds: Int32 = 10

    private let core: ListenerCore
    private let isStopped = Atomic(false)
    /// How often the deadlines are looked at; they are kept to within this.
    private let tickMilliseconds: Int32

    init(core: ListenerCore) throws(Errno) {
        self.core = core
        let configuration = core.configuration
        let shortest = min(
            configuration.headMilliseconds,
            configuration.bodyMilliseconds,
            configuration.idleMilliseconds,
            configuration.stalledReplyMilliseconds
        )
        tickMilliseconds = Int32(max(10, min(1000, shortest / 10)))
        try core.hangups.addReadable(core.watchWake.descriptor.number, token: Self.wakeToken)
    }

    /// Makes ``run()`` return soon.
    func stop() {
        isStopped.store(true, ordering: .releasing)
        core.watchWake.wake()
    }

    /// Watches until it is stopped.
    func run() {
        var events = [epoll_event](repeating: epoll_event(), count: 256)
        var nextTick: Int64 = 0
        /// Connections with bytes unread before their client's end.
        var unread: [UInt64] = []
        while !isStopped.load(ordering: .acquiring) {
            var wait = core.connections.count == 0 ? -1 : tickMilliseconds
            if !unread.isEmpty { wait = Self.unreadMilliseconds }
            let count = core.hangups.wait(milliseconds: wait, into: &events)
            unread.removeAll { core.connections.connection(for: $0)?.showEnd() ?? true }
            for event in events[..<count] {
                let token = event.data.u64
                if token == Self.wakeToken {
                    core.watchWake.acknowledge()
                } else if core.connections.connection(for: token)?.hangupSeen() == true {
                    unread.append(token)
                }
            }
            let now = monotonicNow()
            guard now >= nextTick else { continue }
            nextTick = now + Int64(tickMilliseconds) * 1_000_000
            for connection in core.connections.due(at: now) { connection.deadlinePassed(now: now) }
        }
    }
}
