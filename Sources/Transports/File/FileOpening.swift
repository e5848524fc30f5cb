import DeviceSessions
import EngineBase
import PortEngine

/// Opens a regular file below the allowed directory, and learns which file it is.
struct FileOpening: SessionOpening {
    private enum Tag {
        static let open = 0
        static let identity = 1
        static let close = 2
    }

    private let target: PathTarget
    private let access: FileAccess
    private var stepsOut: Set<Int> = []
    private var hasReported = false
    private var slot: DescriptorSlot?

    init(target: PathTarget, access: FileAccess) {
        self.target = target
        self.access = access
    }

    var isIdle: Bool { stepsOut.isEmpty && slot == nil }

    mutating func start() -> [OpeningMove] { submit(Tag.open, .open(.file(target, access))) }

    mutating func stepDone(tag: Int, _ result: StepResult) -> [OpeningMove] {
        stepsOut.remove(tag)
        switch (tag, result) {
        case (Tag.close, _):
            return []
        case (Tag.open, .opened(let slot)):
            self.slot = slot
            return hasReported ? cleanUp() : submit(Tag.identity, .control(slot, .fileIdentity))
        case (Tag.identity, .control(.file(let key))):
            guard !hasReported, let slot else { return cleanUp() }
            hasReported = true
            self.slot = nil
            return [.opened(slot, .file(key), peer: nil, local: nil)]
        case (_, .failed(let errno)):
            let moves = cleanUp()
            guard !hasReported else { return moves }
            hasReported = true
            return moves + [.failed(.ofPath(errno))]
        default:
            preconditionFailure("opening a file gave \(result)")
        }
    }

    mutating func timerFired(tag: Int) -> [OpeningMove] { [] }

    mutating func abort() -> [OpeningMove] {
        hasReported = true
        return stepsOut.isEmpty ? cleanUp() : stepsOut.sorted().map { .cancel(tag: $0) }
    }

    private mutating func cleanUp() -> [OpeningMove] {
        guard let slot else { return [] }
        self.slot = nil
        return submit(Tag.close, .close(slot, reset: false))
    }

    private mutating func submit(_ tag: Int, _ step: KernelStep) -> [OpeningMove] {
        stepsOut.insert(tag)
        return [.submit(tag: tag, step)]
    }
}
