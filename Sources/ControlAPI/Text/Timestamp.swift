import EngineBase
import JSONText

/// Turns moments of the monotonic clock into RFC 3339 text.
struct Timestamps: Sendable {
    /// What to add to a monotonic moment to get nanoseconds since 1970.
    let offset: Int64

    init(_ clock: any EngineClock) { offset = clock.wallClockOffset() }

    /// `2026-03-01T12:00:01.250Z`.
    func text(_ moment: MonotonicInstant) -> String {
        let milliseconds = (moment.nanoseconds &+ offset) / 1_000_000
        let seconds = milliseconds / 1_000
        let (year, month, day) = Timestamps.date(daysSince1970: seconds / 86_400)
        let time = seconds % 86_400
        var digits: [UInt8] = []
        digits.reserveCapacity(24)
        func append(_ number: Int64, width: Int, then mark: Character) {
            let text = String(number).utf8
            for _ in 0..<max(0, width - text.count) { digits.append(UInt8(ascii: "0")) }
            digits.append(contentsOf: text)
            digits.append(contentsOf: mark.utf8)
        }
        append(year, width: 4, then: "-")
        append(month, width: 2, then: "-")
        append(day, width: 2, then: "T")
        append(time / 3_600, width: 2, then: ":")
        append(time / 60 % 60, width: 2, then: ":")
        append(time % 60, width: 2, then: ".")
        append(milliseconds % 1_000, width: 3, then: "Z")
        return String(decoding: digits, as: UTF8.self)
    }

    /// The civil date, by counting from 1 March of the year 0, when leap days come last.
    private static func date(daysSince1970 days: Int64) -> (Int64, Int64, Int64) {
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }
}
