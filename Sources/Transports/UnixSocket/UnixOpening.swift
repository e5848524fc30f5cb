import DeviceSessions
import EngineBase
import PortEngine

/// Connects to a Unix socket through a handle that was opened, and checked, below the allowed
/// directory, so that nothing can be exchanged under the path meanwhile.
struct UnixOpening: SessionOpening {
    private enum Tag {
        static let handle = 0
        static let socket = 1
        static let connect = 2
        static let closeHandle = 3
        static let closeSocket = 4
        static let again = 5
    }

    /// A full backlog cannot be waited for: the kernel says "again", and polling does not help.
    private static let retryMilliseconds = 10

    private let path: String
    private let target: PathTarget
    private let kind: SocketKind
    private let shape: SessionShape
    private var stepsOut: Set<Int> = []
    private var hasReported = false
    private var handle: DescriptorSlot?
    private var socket: DescriptorSlot?

    init(
        path: String, target: PathTarget, kind: SocketKind = .stream,
        shape: SessionShape = .stream
    ) {
        self.path = path
        self.target = target
        self.kind = kind
        self.shape = shape
    }

    var isIdle: Bool { stepsOut.isEmpty && handle == nil && socket == nil }

    mutating func start() -> [OpeningMove] { submit(Tag.handle, .open(.unixTarget(target))) }

    mutating func stepDone(tag: Int, _ result: StepResult) -> [OpeningMove] {
        stepsOut.remove(tag)
        switch (tag, result) {
        case (Tag.closeHandle, _), (Tag.closeSocket, _):
            return []
        case (Tag.handle, .opened(let slot)):
            handle = slot
            guard !hasReported else { return cleanUp() }
            return submit(
                Tag.socket,
                .open(
                    .socket(
                        kind, family: .unix, bind: nil,
                        SocketOptions(noDelay: false, keepaliveMilliseconds: nil))))
        case (Tag.socket, .opened(let slot)):
            socket = slot
            return hasReported ? cleanUp() : connect()
        case (Tag.connect, .connected):
            guard !hasReported, let slot = socket else { return cleanUp() }
            hasReported = true
            socket = nil
            return [.opened(slot, shape, peer: path, local: nil)] + cleanUp()
        case (Tag.connect, .failed(.again)):
            guard !hasReported else { return cleanUp() }
            return [.wait(tag: Tag.again, milliseconds: UnixOpening.retryMilliseconds)]
        case (_, .failed(let errno)):
            let moves = cleanUp()
            guard !hasReported else { return moves }
            hasReported = true
            return moves + [.failed(.ofPath(errno))]
        default:
            preconditionFailure("opening a Unix socket gave \(result)")
        }
    }

    mutating func timerFired(tag: Int) -> [OpeningMove] {
        tag == Tag.again && !hasReported ? connect() : []
    }

    mutating func abort() -> [OpeningMove] {
        hasReported = true
        guard stepsOut.isEmpty else { return stepsOut.sorted().map { .cancel(tag: $0) } }
        return cleanUp()
    }

    private mutating func connect() -> [OpeningMove] {
        guard let socket, let handle else { return [] }
        return submit(Tag.connect, .connect(socket, .unixHandle(handle)))
    }

    private mutating func cleanUp() -> [OpeningMove] {
        var moves: [OpeningMove] = []
        if let slot = handle {
            handle = nil
            moves += submit(Tag.closeHandle, .close(slot, reset: false))
        }
        if let slot = socket {
            socket = nil
            moves += submit(Tag.closeSocket, .close(slot, reset: false))
        }
        return moves
    }

    private mutating func submit(_ tag: Int, _ step: KernelStep) -> [OpeningMove] {
        stepsOut.insert(tag)
        return [.submit(tag: tag, step)]
    }
}

extension EntryError {
    /// The error of a path: one that leads out of the allowed directory is a denied target.
    static func ofPath(_ errno: Errno) -> EntryError {
        errno == .tooManyLinks || errno == .crossesDevice ? .targetDenied : EntryError(errno)
    }
}
