import DeviceSessions
import JSONText

/// What operations on serial lines have besides.
extension OperationReader {
    /// The timers that end a read `ok`.
    mutating func readTimers(_ reader: inout ObjectReader, _ goal: ReadGoal?) -> ReadTimers? {
        let interval = reader.integer("interval_ms", in: 0...86_400_000)
        let total = reader.integer("total_ms", in: 1...86_400_000)
        guard reader.has("interval_ms") || reader.has("total_ms") else { return nil }
        if goal == .readiness {
            reader.fault("max_bytes", "must not be 0 with interval_ms or total_ms")
        }
        return ReadTimers(intervalMilliseconds: interval, totalMilliseconds: total)
    }

    /// A wait for events, with the mask that holds from then on.
    mutating func waitKind(_ reader: inout ObjectReader) -> OperationKind? {
        guard reader.has("mask") else { return .waitEvent(nil) }
        let words = LineEvents.allNames
        let rule = TextRule("must be one of \(words.joined(separator: ", "))") {
            words.contains($0)
        }
        let names = reader.array("mask", count: 1...words.count)?.strings(matching: rule)
        guard let names else { return nil }
        guard Set(names).count == names.count else {
            reader.fault("mask", "names one of them twice")
            return nil
        }
        return .waitEvent(LineEvents(named: names))
    }
}
