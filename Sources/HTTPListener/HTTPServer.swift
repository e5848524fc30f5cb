import EngineBase
import Glibc
import Synchronization

/// Listens for HTTP requests and has them answered by an ``HTTPResponder``.
///
/// Threads: one that accepts, one that watches deadlines and waiting clients, and
/// ``ListenerConfiguration/threads`` that serve connections; a few more when these are very many.
public final class HTTPServer: Sendable {
    private let core: ListenerCore
    private let sockets: [ListeningSocket]
    private let acceptLoop: AcceptLoop
    private let watchLoop: WatchLoop
    private let acceptThread: ListenerThread
    private let watchThread: ListenerThread
    private let hasStoppedAccepting = Atomic(false)
    private let hasStopped = Atomic(false)

    /// Where it listens, with the ports that the kernel picked: `127.0.0.1:4627`, `[::1]:4627`,
    /// `unix:/path`.
    public let boundAddresses: [String]

    /// Opens the addresses and begins to serve.
    public init(
        configuration: ListenerConfiguration,
        responder: any HTTPResponder
    ) throws(ListenerError) {
        var sockets: [ListeningSocket] = []
        var isStarted = false
        defer { if !isStarted { for socket in sockets { socket.removeFile() } } }
        for address in configuration.addresses {
            sockets += try ListeningSocket.open(address, socketMode: configuration.socketMode)
        }
        do throws(Errno) {
            core = try ListenerCore(configuration: configuration, responder: responder)
            watchLoop = try WatchLoop(core: core)
        } catch {
            throw .system(error)
        }
        var daemons: [HTTPDaemon] = []
        for _ in 0..<max(1, configuration.threads) { daemons.append(try HTTPDaemon(core: core)) }
        acceptLoop = AcceptLoop(core: core, sockets: sockets, daemons: daemons)
        do throws(Errno) {
            let (watchLoop, acceptLoop) = (watchLoop, acceptLoop)
            watchThread = try ListenerThread(name: "http-watch") { watchLoop.run() }
            do throws(Errno) {
                acceptThread = try ListenerThread(name: "http-accept") { acceptLoop.run() }
            } catch {
                watchLoop.stop()
                watchThread.join()
                throw error
            }
        } catch {
            throw .system(error)
        }
        self.sockets = sockets
        boundAddresses = sockets.map(\.address)
        isStarted = true
    }

    deinit { stop() }

    /// How many connections are open.
    public var connectionCount: Int { core.connections.count }

    /// How many threads serve connections.
    public var servingThreadCount: Int { acceptLoop.daemonCount }

    /// Takes no more connections and removes its socket files; those that are open go on.
    ///
    /// Clients in the kernel's queue are refused once the object goes; not to be called from one of
    /// the responder's calls, nor is ``stop()``.
    public func stopAccepting() {
        guard !hasStoppedAccepting.exchange(true, ordering: .acquiringAndReleasing) else { return }
        acceptLoop.stop()
        acceptThread.join()
        for socket in sockets {
            socket.removeFile()
            // From now on the kernel refuses connections, and resets those that wait.
            shutdown(socket.descriptor.number, Int32(SHUT_RDWR))
        }
    }

    /// Closes all connections and ends the threads.
    ///
    /// Parked exchanges are to be replied to before; those that are not get
    /// ``ListenerRefusal/stopping``. Replies on their way have
    /// ``ListenerConfiguration/stopMilliseconds`` to be taken. After it returns no call comes to
    /// the responder, and each ``HTTPReply/onHandover`` given has been called.
    public func stop() {
        stopAccepting()
        guard !hasStopped.exchange(true, ordering: .acquiringAndReleasing) else { return }
        core.isStopping.store(true, ordering: .sequentiallyConsistent)
        let connections = core.connections.all
        for connection in connections { connection.refuseParked() }
        // There is nobody to wait for who would tell when the last reply is gone.
        let end = monotonicNow() + Int64(core.configuration.stopMilliseconds) * 1_000_000
        while monotonicNow() < end, connections.contains(where: { $0.isReplying }) { usleep(1000) }
        acceptLoop.stopDaemons()
        watchLoop.stop()
        watchThread.join()
    }
}
