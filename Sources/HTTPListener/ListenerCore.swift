import EngineBase
import Synchronization

/// What the parts of one listener share.
final class ListenerCore: Sendable {
    let configuration: ListenerConfiguration
    let responder: any HTTPResponder
    let fieldNames: FieldNames
    let requestIDs = RequestIDSource()
    let connections = ConnectionTable()
    let hangups: WatchSet
    let log: LogLimiter

    /// Wakes the watch thread: there is a connection to look after, or nothing more to do.
    let watchWake: WakeEvent
    /// Wakes the accepting thread: there is room again, or nothing more to do.
    let acceptWake: WakeEvent

    let isStopping = Atomic(false)
    let isAcceptPaused = Atomic(false)
    /// Of connections, those that a daemon has still to take are counted too.
    let counts: ListenerCounts
    private let clients = Guarded<[[UInt8]: Int]>([:])

    init(
        configuration: ListenerConfiguration,
        responder: any HTTPResponder
    ) throws(Errno) {
        self.configuration = configuration
        self.responder = responder
        counts = configuration.counts
        fieldNames = FieldNames(configuration.headersOfInterest)
        log = LogLimiter(configuration.log)
        hangups = try WatchSet()
        watchWake = try WakeEvent()
        acceptWake = try WakeEvent()
    }

    // MARK: Bodies in flight

    /// Whether bodies in flight may grow by so many bytes just now.
    func hasRoom(forBodyBytes count: Int) -> Bool {
        count <= configuration.bodiesInFlightByteLimit - counts.bodyBytesInFlight
    }

    /// Counts bytes of a body, unless that is more than all bodies may have.
    func charge(bodyBytes count: Int) -> Bool {
        let total = counts.heldBodyBytes.wrappingAdd(count, ordering: .relaxed).newValue
        guard total > configuration.bodiesInFlightByteLimit else { return true }
        counts.heldBodyBytes.wrappingSubtract(count, ordering: .relaxed)
        return false
    }

    /// Gives back what ``charge(bodyBytes:)`` counted.
    func release(bodyBytes count: Int) {
        if count > 0 { counts.heldBodyBytes.wrappingSubtract(count, ordering: .relaxed) }
    }

    // MARK: Connections by client

    /// Counts a client's new connection, unless it has as many as it may.
    func admit(client: [UInt8]) -> Bool {
        clients.withLock { counts in
            let present = counts[client, default: 0]
            guard present < configuration.connectionsPerClient else { return false }
            counts[client] = present + 1
            return true
        }
    }

    /// Takes back what ``admit(client:)`` counted.
    func leave(client: [UInt8]) {
        clients.withLock { counts in
            guard let present = counts[client] else { return }
            counts[client] = present > 1 ? present - 1 : nil
        }
    }

    /// A connection is gone: there may be room for one that waits.
    func connectionEnded() {
        counts.openConnections.wrappingSubtract(1, ordering: .sequentiallyConsistent)
        if isAcceptPaused.exchange(false, ordering: .sequentiallyConsistent) { acceptWake.wake() }
    }
}

/// The connections that are open, by their descriptor.
final class ConnectionTable: Sendable {
    private struct Slots: Sendable {
        var connections: [HTTPConnection?] = []
        var count = 0
    }

    private let slots = Guarded(Slots())

    /// Adds a connection; `true` if it is the only one.
    func add(_ connection: HTTPConnection) -> Bool {
        let place = Int(connection.descriptor)
        return slots.withLock { slots in
            while slots.connections.count <= place { slots.connections.append(nil) }
            slots.connections[place] = connection
            slots.count += 1
            return slots.count == 1
        }
    }

    func remove(_ connection: HTTPConnection) {
        let place = Int(connection.descriptor)
        slots.withLock { slots in
            guard slots.connections[place] === connection else { return }
            slots.connections[place] = nil
            slots.count -= 1
        }
    }

    /// The connection that a hang-up was watched for, if it is still the one.
    func connection(for token: UInt64) -> HTTPConnection? {
        let place = Int(token & 0xFFFF_FFFF)
        return slots.withLock { slots in
            guard place < slots.connections.count, let found = slots.connections[place],
                found.watchToken == token
            else { return nil }
            return found
        }
    }

    var count: Int { slots.withLock { $0.count } }

    var all: [HTTPConnection] { slots.withLock { $0.connections.compactMap { $0 } } }

    /// The connections whose deadline has passed.
    func due(at now: Int64) -> [HTTPConnection] {
        slots.withLock { slots in
            var due: [HTTPConnection] = []
            for connection in slots.connections {
                guard let connection, connection.deadline.load(ordering: .relaxed) <= now else {
                    continue
                }
                due.append(connection)
            }
            return due
        }
    }
}
