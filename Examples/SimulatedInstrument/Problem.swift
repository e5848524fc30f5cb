import Glibc

/// Why the program cannot start or go on.
enum InstrumentProblem: Error {
    /// The command line is wrong.
    case usage(String)
    /// A system call failed: what was tried, and its errno.
    case system(String, errno: Int32)

    var isUsage: Bool {
        if case .usage = self { true } else { false }
    }

    var message: String {
        switch self {
        case .usage(let text): text
        case .system(let action, let code): "\(action): \(String(cString: strerror(code)))"
        }
    }
}

/// Writes text to standard output, unbuffered: whoever started the program waits for the lines.
func writeOut(_ text: String) {
    writeAll(text, to: STDOUT_FILENO)
}

/// Writes text to standard error.
func writeError(_ text: String) {
    writeAll(text, to: STDERR_FILENO)
}

private func writeAll(_ text: String, to descriptor: Int32) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return }
        rest = rest.dropFirst(count)
    }
}
