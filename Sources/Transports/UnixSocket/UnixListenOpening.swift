import DeviceSessions
import PortEngine

/// Opens a listening Unix socket below the allowed directory.
struct UnixListenOpening: SessionOpening {
    private enum Tag {
        static let open = 0
        static let close = 1
    }

    private let path: String
    private let target: PathTarget
    private let mode: UInt32
    private let backlog: Int
    private let kind: SocketKind
    private var stepsOut: Set<Int> = []
    private var hasReported = false

    init(
        path: String, target: PathTarget, mode: UInt32, backlog: Int, kind: SocketKind = .stream
    ) {
        self.path = path
        self.target = target
        self.mode = mode
        self.backlog = backlog
        self.kind = kind
    }

    var isIdle: Bool { stepsOut.isEmpty }

    mutating func start() -> [OpeningMove] {
        stepsOut.insert(Tag.open)
        return [
            .submit(
                tag: Tag.open, .open(.unixListener(kind, target, mode: mode, backlog: backlog)))
        ]
    }

    mutating func stepDone(tag: Int, _ result: StepResult) -> [OpeningMove] {
        stepsOut.remove(tag)
        switch result {
        case .opened(let slot):
            if hasReported {
                stepsOut.insert(Tag.close)
                return [.submit(tag: Tag.close, .close(slot, reset: false))]
            }
            hasReported = true
            return [.opened(slot, .listener, peer: nil, local: path)]
        case .failed(let errno):
            guard tag == Tag.open, !hasReported else { return [] }
            hasReported = true
            return [.failed(.ofPath(errno))]
        default:
            return []
        }
    }

    mutating func timerFired(tag: Int) -> [OpeningMove] { [] }

    mutating func abort() -> [OpeningMove] {
        hasReported = true
        return stepsOut.sorted().map { .cancel(tag: $0) }
    }
}
