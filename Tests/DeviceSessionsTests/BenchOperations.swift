import DeviceSessions
import EngineBase

extension OperationKind {
    /// A read of what is there.
    static func read(_ limit: Int = 65_536) -> OperationKind {
        .read(.available(limit: limit), repeats: false, credit: nil)
    }

    /// A read that tells when a byte could be read.
    static var readiness: OperationKind { .read(.readiness, repeats: false, credit: nil) }

    static func exactly(_ size: Int) -> OperationKind {
        .read(.exactly(size), repeats: false, credit: nil)
    }

    static func until(_ delimiter: String = "\n", limit: Int = 65_536) -> OperationKind {
        .read(.until(Array(delimiter.utf8), limit: limit), repeats: false, credit: nil)
    }

    /// A standing read of lines, or of what is there.
    static func standing(lines: Bool = true, credit: Int? = nil) -> OperationKind {
        .read(
            lines ? .until([10], limit: 65_536) : .available(limit: 65_536), repeats: true,
            credit: credit)
    }

    static func write(_ text: String) -> OperationKind { .write(Array(text.utf8)) }

    /// A transact whose answer is a line.
    static func ask(
        _ text: String, discard: Bool = false, answerTimeout: Int? = nil
    ) -> OperationKind {
        .transact(
            Array(text.utf8), .until([10], limit: 65_536), discardsInput: discard,
            answerTimeoutMilliseconds: answerTimeout)
    }
}

extension KernelStep {
    /// A short name, so that tests can say which step they mean.
    var name: String {
        switch self {
        case .resolve: "resolve"
        case .open: "open"
        case .connect: "connect"
        case .accept: "accept"
        case .receive: "receive"
        case .send: "send"
        case .receiveMessage: "receiveMessage"
        case .sendMessage: "sendMessage"
        case .readAt: "readAt"
        case .writeAt: "writeAt"
        case .poll: "poll"
        case .control(_, .unsentBytes): "unsent"
        case .control(_, .unreadBytes): "unread"
        case .control(_, .fileSize): "size"
        case .control(_, .syncFile): "sync"
        case .control(_, .lockFile): "take"
        case .control(_, .unlockFile): "release"
        case .control(_, .terminal(let request)): request.name
        case .control(_, .readable): "look"
        case .control: "control"
        case .shutdownOutput: "shutdown"
        case .close: "close"
        }
    }

    /// Whether it is a close that resets.
    var isReset: Bool {
        if case .close(_, reset: true) = self { return true }
        return false
    }
}

extension TerminalRequest {
    /// A short name, so that tests can say which step they mean.
    var name: String {
        switch self {
        case .settings: "settings"
        case .change: "change"
        case .sample: "sample"
        case .modem: "modem"
        case .startBreak: "start break"
        case .endBreak: "end break"
        case .drain: "drain"
        case .purge(let input, let output):
            "purge\(input ? " input" : "")\(output ? " output" : "")"
        case .raw: "raw"
        }
    }
}
