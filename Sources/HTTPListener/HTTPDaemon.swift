import CMicrohttpd
import EngineBase
import Glibc
import Synchronization

/// One libmicrohttpd daemon, with the thread that serves the connections it is given.
///
/// There is one for each thread, and any of them serves connections of any address: a pool of the
/// library's own would belong to a single listening socket.
final class HTTPDaemon: @unchecked Sendable {
    let core: ListenerCore
    // SAFETY: both are set before the first connection is given; whoever stops takes the thread.
    private var loop: ServingLoop?
    private var thread: ListenerThread?
    // SAFETY: what the library's log lines are passed to; freed after the daemon has ended.
    private let logger: UnsafeMutablePointer<iocpd_mhd_logger>
    private let connections = Atomic(0)
    private let serial = Atomic(UInt32(0))

    /// Starts the daemon's thread.
    init(core: ListenerCore) throws(ListenerError) {
        self.core = core
        logger = .allocate(capacity: 1)
        logger.initialize(
            to: iocpd_mhd_logger(
                take: takeLogLine,
                context: Unmanaged.passUnretained(core.log).toOpaque()
            )
        )
        let configuration = core.configuration
        // SAFETY: the listener keeps this object until the daemon's thread has ended.
        var setup = iocpd_mhd_setup(
            context: Unmanaged.passUnretained(self).toOpaque(),
            access: takeRequest,
            target: takeTarget,
            completed: takeCompletion,
            connection: takeConnectionChange,
            logger: logger,
            // The accepting thread counts; a daemon may by chance get more than its share.
            connection_limit: UInt32(clamping: configuration.connectionLimit + 64),
            timeout_seconds: HTTPDaemon.timeoutSeconds(of: configuration),
            memory_bytes: configuration.connectionMemoryBytes
        )
        guard let handle = iocpd_mhd_start(&setup) else { throw .daemonRefused }
        do throws(Errno) {
            let loop = try ServingLoop(handle)
            self.loop = loop
            thread = try ListenerThread(name: "http-serve") { loop.run() }
        } catch {
            MHD_stop_daemon(handle)
            throw .system(error)
        }
    }

    deinit {
        stop()
        logger.deallocate()
    }

    /// The library's own time-out, which counts from the last byte: the last net, above all others.
    private static func timeoutSeconds(of configuration: ListenerConfiguration) -> UInt32 {
        let longest = max(
            configuration.longestWaitMilliseconds,
            configuration.idleMilliseconds,
            configuration.bodyMilliseconds,
            configuration.stalledReplyMilliseconds,
            configuration.headMilliseconds
        )
        return UInt32(clamping: longest / 1000 + 16)
    }

    /// How many connections it serves, or has been given to serve.
    var load: Int { connections.load(ordering: .relaxed) }

    /// A number that tells connections of the same descriptor apart.
    func nextSerial() -> UInt32 { serial.wrappingAdd(1, ordering: .relaxed).newValue }

    /// Gives it a connection, which is counted until it has ended.
    func add(_ connection: AcceptedConnection) {
        connections.wrappingAdd(1, ordering: .relaxed)
        loop?.give(connection)
    }

    /// A suspended connection was resumed: the thread is to look after it.
    func connectionResumed() { loop?.tellNews() }

    func connectionEnded() { connections.wrappingSubtract(1, ordering: .relaxed) }

    /// Ends the thread and closes its connections, none of which may be parked.
    func stop() {
        guard let loop, let thread else { return }
        self.thread = nil
        loop.stop()
        thread.join()
        loop.end()
    }
}

// MARK: - What libmicrohttpd calls

// SAFETY (all of these): a daemon's context is the HTTPDaemon, which outlives it; a connection's
// context is a reference to its HTTPConnection, retained from its first callback to its last.

private func connection(of handle: OpaquePointer?) -> HTTPConnection? {
    guard let handle, let context = iocpd_mhd_context(handle) else { return nil }
    return Unmanaged<HTTPConnection>.fromOpaque(context).takeUnretainedValue()
}

private let takeLogLine: iocpd_mhd_line = { context, line in
    guard let context, let line else { return }
    // SAFETY: the limiter belongs to the core, which outlives the daemon.
    let limiter = Unmanaged<LogLimiter>.fromOpaque(context).takeUnretainedValue()
    var text = String(cString: line)
    while text.last?.isNewline == true { text.removeLast() }
    limiter.take(text)
}

private let takeConnectionChange: MHD_NotifyConnectionCallback = {
    context,
    handle,
    kept,
    change in
    guard let context, let handle, let kept else { return }
    if change == .CONNECTION_NOTIFY_STARTED {
        let daemon = Unmanaged<HTTPDaemon>.fromOpaque(context).takeUnretainedValue()
        let connection = HTTPConnection(daemon: daemon, handle: handle)
        kept.pointee = Unmanaged.passRetained(connection).toOpaque()
        if daemon.core.connections.add(connection) { daemon.core.watchWake.wake() }
        connection.watchForHangup()
    } else if let passed = kept.pointee {
        kept.pointee = nil
        Unmanaged<HTTPConnection>.fromOpaque(passed).takeRetainedValue().connectionEnded()
    }
}

private let takeTarget:
    @convention(c) (
        UnsafeMutableRawPointer?, UnsafePointer<CChar>?, OpaquePointer?
    ) -> UnsafeMutableRawPointer? = { _, text, handle in
        if let text { connection(of: handle)?.targetArrived(text) }
        // What is kept for a request is kept with its connection.
        return nil
    }

private let takeRequest: MHD_AccessHandlerCallback = {
    _,
    handle,
    _,
    method,
    version,
    data,
    size,
    _ in
    guard let connection = connection(of: handle), let method, let version, let size else {
        return .NO
    }
    return connection.handlerCalled(method: method, version: version, data: data, size: size)
}

private let takeCompletion: MHD_RequestCompletedCallback = { _, handle, _, reason in
    connection(of: handle)?.requestEnded(isSent: reason == .REQUEST_TERMINATED_COMPLETED_OK)
}
