/// What one line asks of the instrument.
enum Command {
    /// Answered at once with this line.
    case answer(String)
    case measureVoltage
    case measureCurrent
    case delay(milliseconds: Int)
    case slow(milliseconds: Int)
    case eventsOn(milliseconds: Int)
    case eventsOff
    case blob(bytes: Int)
    case silent
    case drop
    case reset

    /// The longest DELAY, SLOW or EVENT:ON.
    static let longestMilliseconds = 60_000
    /// The largest BLOB?.
    static let largestBlob = 16 << 20

    /// Reads a line without its end; every line means something, if only an error.
    init(line: String) {
        let parts = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
        let header = parts.first.map { $0.uppercased() } ?? ""
        let argument = parts.count > 1 ? String(parts[1]) : nil
        switch (header, argument) {
        case ("*IDN?", nil): self = .answer("iocpd,Simulated Instrument,SN0001,1.0")
        case ("*OPC?", nil): self = .answer("1")
        case ("SYST:ERR?", nil): self = .answer("0,\"No error\"")
        case ("MEAS:VOLT?", nil): self = .measureVoltage
        case ("MEAS:CURR?", nil): self = .measureCurrent
        case ("ECHO", let text): self = .answer(text ?? "")
        case ("EVENT:OFF", nil): self = .eventsOff
        case ("SILENT?", nil): self = .silent
        case ("DROP", nil): self = .drop
        case ("RESET", nil): self = .reset
        default: self = Self.withNumber(header, argument)
        }
    }

    /// The answer to a line over the limit.
    static let lineTooLong = Command.answer("ERR -363,\"Input buffer overrun\"")

    private static func withNumber(_ header: String, _ argument: String?) -> Command {
        let limits: ClosedRange<Int>
        let make: (Int) -> Command
        switch header {
        case "DELAY": (limits, make) = (0...longestMilliseconds, { .delay(milliseconds: $0) })
        case "SLOW": (limits, make) = (0...longestMilliseconds, { .slow(milliseconds: $0) })
        case "EVENT:ON": (limits, make) = (1...longestMilliseconds, { .eventsOn(milliseconds: $0) })
        case "BLOB?": (limits, make) = (0...largestBlob, { .blob(bytes: $0) })
        default: return .answer("ERR -113,\"Undefined header\"")
        }
        guard let argument else { return .answer("ERR -109,\"Missing parameter\"") }
        guard let number = Int(argument) else { return .answer("ERR -104,\"Data type error\"") }
        guard limits.contains(number) else { return .answer("ERR -222,\"Data out of range\"") }
        return make(number)
    }
}
