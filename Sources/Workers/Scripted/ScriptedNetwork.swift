public import DeviceSessions
public import EngineBase

/// What a scripted driver's descriptors stand for: the rest of the simulated world.
///
/// One thread, the simulation's, makes every call.
public protocol ScriptedNetwork: AnyObject {
    /// The driver has been called: what other threads do meanwhile may be done now.
    func driverWasCalled()

    /// Looks a name up.
    func resolve(_ host: String, port: UInt16) -> StepResult

    /// What an open gives where that is no plain stream socket, listener or handle; `nil` where it
    /// is.
    func device(for request: OpenRequest) throws(Errno) -> (any ScriptedDevice)?

    /// Opens a listener; other descriptors can always be made.
    func listen(_ request: OpenRequest) throws(Errno) -> ScriptedListener

    /// Looks for a Unix socket below an allowed directory.
    func find(_ target: PathTarget) throws(Errno)

    /// Connects; `nil` is "not yet", and the driver asks again.
    func connect(to target: ScriptedTarget) throws(Errno) -> ScriptedConnection?

    /// A send of the bytes from `start` on has been asked for.
    func sendBegins(from start: Int, on connection: ScriptedConnection)

    /// A send took bytes.
    func sent(_ bytes: [UInt8], from start: Int, count: Int, on connection: ScriptedConnection)

    /// What a send took has been told to the worker.
    func toldSent(_ count: Int, upTo end: Int, of total: Int, on connection: ScriptedConnection)

    /// What a receive gave has been told to the worker.
    func toldReceived(_ count: Int, on connection: ScriptedConnection)

    /// An error, or the end, has been told to the worker.
    func toldEnd(_ error: Errno?, on connection: ScriptedConnection)

    /// A descriptor of a connection is about to be closed.
    func willClose(_ connection: ScriptedConnection, reset: Bool)

    /// The engine broke the driver's contract.
    func contractBroken(_ words: String)
}

extension ScriptedNetwork {
    /// It has no such devices.
    public func device(for request: OpenRequest) throws(Errno) -> (any ScriptedDevice)? { nil }
}

/// Where a scripted connect goes.
public enum ScriptedTarget: Hashable, Sendable {
    case address(SocketAddress)
    case path(PathTarget)
}

/// A listening socket with the clients that wait at it.
public final class ScriptedListener {
    /// Clients that wait, with their addresses.
    public private(set) var waiting: [(connection: ScriptedConnection, peer: SocketAddress)] = []
    /// The address that it listens at.
    public let address: SocketAddress
    /// Whether it has been closed.
    public private(set) var isClosed = false
    private let backlog: Int

    /// A listener at `address`.
    public init(address: SocketAddress, backlog: Int) {
        self.address = address
        self.backlog = backlog
    }

    /// A client comes, unless the backlog is full; says whether it could.
    public func arrive(_ connection: ScriptedConnection, from peer: SocketAddress) -> Bool {
        guard !isClosed, waiting.count < backlog else { return false }
        waiting.append((connection, peer))
        return true
    }

    func takeFirst() -> (connection: ScriptedConnection, peer: SocketAddress)? {
        waiting.isEmpty ? nil : waiting.removeFirst()
    }

    func close() {
        isClosed = true
        for client in waiting { client.connection.close(reset: true) }
        waiting = []
    }
}
