import DeviceSessions
import EngineBase
import PortEngine

/// Opens a line, and looks at it once, to know which events it can report.
struct SerialOpening: SessionOpening {
    private enum Tag {
        static let line = 0
        static let look = 1
        static let close = 2
    }

    private let path: String
    private let request: OpenRequest
    private var stepOut: Int?
    private var hasReported = false
    private var line: DescriptorSlot?

    init(
        path: String, target: PathTarget, settings: LineSettings,
        admits: @escaping @Sendable (String) -> Bool
    ) {
        self.path = path
        request = .terminal(target, settings, admits: admits)
    }

    var isIdle: Bool { stepOut == nil && line == nil }

    mutating func start() -> [OpeningMove] { submit(Tag.line, .open(request)) }

    mutating func stepDone(tag: Int, _ result: StepResult) -> [OpeningMove] {
        stepOut = nil
        switch (tag, result) {
        case (Tag.close, _):
            return []
        case (Tag.line, .opened(let slot)):
            line = slot
            guard !hasReported else { return cleanUp() }
            return submit(Tag.look, .control(slot, .terminal(.sample)))
        case (Tag.look, .control(.sample(let sample))):
            guard !hasReported, let slot = line else { return cleanUp() }
            hasReported = true
            line = nil
            return [
                .opened(slot, .terminal(reports: sample.reportable), peer: path, local: nil)
            ]
        case (_, .failed(let errno)):
            let moves = cleanUp()
            guard !hasReported else { return moves }
            hasReported = true
            return moves + [.failed(.ofLine(atOpening: errno))]
        default:
            preconditionFailure("opening a serial line gave \(result)")
        }
    }

    mutating func timerFired(tag: Int) -> [OpeningMove] { [] }

    mutating func abort() -> [OpeningMove] {
        hasReported = true
        if let stepOut { return [.cancel(tag: stepOut)] }
        return cleanUp()
    }

    private mutating func cleanUp() -> [OpeningMove] {
        guard let slot = line else { return [] }
        line = nil
        return submit(Tag.close, .close(slot, reset: true))
    }

    private mutating func submit(_ tag: Int, _ step: KernelStep) -> [OpeningMove] {
        stepOut = tag
        return [.submit(tag: tag, step)]
    }
}

extension EntryError {
    /// Why a line cannot be opened.
    static func ofLine(atOpening errno: Errno) -> EntryError {
        switch errno {
        case .busy:
            EntryError(
                code: "device_busy", message: "Another session, or another program, has the line.",
                errno: errno.rawValue, errnoName: errno.name, win32: 170)
        case .notTerminal:
            EntryError(
                code: "not_a_serial_line", message: "What is at this path is no serial line.",
                errno: errno.rawValue, errnoName: errno.name, win32: 1)
        case .invalidArgument:
            EntryError(
                code: "invalid_line_settings",
                message: "The line cannot be set as the query of the URI says.",
                errno: errno.rawValue, errnoName: errno.name, win32: 87)
        default: .ofPath(errno)
        }
    }
}
