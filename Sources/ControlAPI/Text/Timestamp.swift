import EngineBase
import JSONText

/// Turns moments of the monotonic clock into RFC 3339 text.
struct Timestamps: Sendable {
    /// What to add to a monotonic moment to get nanoseconds since 1970.
    let offset: Int64

    init(_ clock: any EngineClock) { offset = clock.wallClockOffset() }

    /// Writes a moment such as `2026-03-01T12:00:01.250Z`.
    func write(_ moment: MonotonicInstant, into writer: inout JSONWriter) {
        let milliseconds = (moment.nanoseconds &+ offset) / 1_000_000
        let seconds = milliseconds / 1_000
        let (year, month, day) = Timestamps.date(daysSince1970: seconds / 86_400)
        let time = seconds % 86_400
        writer.string(count: 24) { text in
            var place = 0
            func put(_ number: Int64, width: Int, then mark: UInt8) {
                var rest = UInt64(number.magnitude)
                for index in (place..<(place + width)).reversed() {
                    text[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
                    rest /= 10
                }
                text[place + width] = mark
                place += width + 1
            }
            put(year, width: 4, then: UInt8(ascii: "-"))
            put(month, width: 2, then: UInt8(ascii: "-"))
            put(day, width: 2, then: UInt8(ascii: "T"))
            put(time / 3_600, width: 2, then: UInt8(ascii: ":"))
            put(time / 60 % 60, width: 2, then: UInt8(ascii: ":"))
            put(time % 60, width: 2, then: UInt8(ascii: "."))
            put(milliseconds % 1_000, width: 3, then: UInt8(ascii: "Z"))
        }
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

extension JSONWriter {
    /// Writes a member that is a moment; `nil` leaves it out.
    mutating func member(
        _ name: StaticString, _ moment: MonotonicInstant?, _ times: Timestamps
    ) {
        guard let moment else { return }
        member(name)
        times.write(moment, into: &self)
    }
}
