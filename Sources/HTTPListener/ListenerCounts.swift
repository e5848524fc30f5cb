import Synchronization

/// What a listener has open, for whoever shows it.
public final class ListenerCounts: Sendable {
    let openConnections = Atomic(0)
    let heldBodyBytes = Atomic(0)

    /// Counts of nothing yet; a listener keeps them if its configuration has them.
    public init() {}

    /// Connections accepted and not yet closed.
    public var connections: Int { openConnections.load(ordering: .relaxed) }

    /// Bytes of bodies that have come, of requests that have not ended.
    public var bodyBytesInFlight: Int { heldBodyBytes.load(ordering: .relaxed) }
}
