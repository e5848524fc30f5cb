import EngineBase

/// Passes on at most ten log lines a second, and says how many it left out.
final class LogLimiter: Sendable {
    private static let linesPerSecond = 10

    private struct Window: Sendable {
        var begin = Int64.min / 2
        var lines = 0
        var leftOut = 0
    }

    private let sink: @Sendable (String) -> Void
    private let window = Guarded(Window())

    init(_ sink: @escaping @Sendable (String) -> Void) { self.sink = sink }

    func take(_ line: String, now: Int64 = monotonicNow()) {
        let leftOut = window.withLock { window -> Int? in
            if now - window.begin >= 1_000_000_000 {
                window.begin = now
                window.lines = 0
            }
            guard window.lines < Self.linesPerSecond else {
                window.leftOut += 1
                return nil
            }
            window.lines += 1
            defer { window.leftOut = 0 }
            return window.leftOut
        }
        guard let leftOut else { return }
        if leftOut > 0 { sink("\(leftOut) log lines of the HTTP listener were left out") }
        sink(line)
    }
}
