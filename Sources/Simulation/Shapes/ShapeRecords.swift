import DeviceSessions
import EngineBase
import PortEngine
import Transports

/// What a run of one shape knows of an accepted operation.
final class ShapeOperation {
    let number: UInt64
    let kind: OperationKind
    let acceptedAt: MonotonicInstant
    let deadline: MonotonicInstant?
    /// How often the connection had been lost when it was accepted.
    let acceptedAfterLosses: Int
    var isCancelRequested = false
    /// Credit given to a standing read, `nil` without limit, less the entries it gave.
    var credit: Int?

    init(
        number: UInt64, request: OperationRequest, acceptedAt: MonotonicInstant, losses: Int
    ) {
        self.number = number
        kind = request.kind
        self.acceptedAt = acceptedAt
        deadline = request.timeoutMilliseconds.map { acceptedAt.advanced(milliseconds: $0) }
        acceptedAfterLosses = losses
        if case .read(let read) = request.kind { credit = read.credit }
    }

    var isRead: Bool { if case .read = kind { true } else { false } }
    var isWrite: Bool { if case .write = kind { true } else { false } }
}

/// What a run of one shape knows of a session.
final class ShapeSession {
    let id: SessionID
    let handle: SessionHandle
    let number: Int
    let openedAt: MonotonicInstant
    /// Whether it was opened by name, so that an `open` entry is due.
    let hasOpen: Bool
    var isOpenSeen: Bool
    var hasOpenFailed = false
    var isClosedSeen = false
    var isCloseRequested = false
    var isForced = false
    var pending: [ShapeOperation] = []
    var newest: UInt64 = 0
    var lock = LockModel()
    /// How often an entry told that the connection was lost, and that it came back.
    var losses = 0
    var returns = 0

    init(handle: SessionHandle, number: Int, hasOpen: Bool) {
        id = handle.id
        self.handle = handle
        self.number = number
        self.hasOpen = hasOpen
        isOpenSeen = !hasOpen
        openedAt = handle.openedAt
    }

    var standing: ShapeOperation? { pending.first { $0.kind.isStandingRead } }
}

/// How a session of a shape is to be opened.
struct ShapeOpening {
    var uri: String
    var options = Parameters()
    var framing: Framing?
    var reconnect: ReconnectPolicy?
    /// Put around the opening of the transport.
    var wrap: ((any SessionOpening) -> any SessionOpening)?

    init(_ uri: String) { self.uri = uri }
}
