import Glibc
import Logging

/// Writes to standard error, a whole line at a time.
enum StandardError {
    static func write(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(2, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }
}

/// Log lines as one JSON object each, or as text on a terminal.
struct LogWriter: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level
    let format: Settings.LogFormat

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var fields = metadata
        if let given = event.metadata { fields.merge(given) { $1 } }
        let names = fields.keys.sorted()
        var line: String
        switch format {
        case .json:
            line = "{\"ts\":\"\(LogWriter.time())\",\"level\":\"\(event.level.rawValue)\",\"msg\":"
            line += LogWriter.quoted("\(event.message)")
            for name in names {
                line += "," + LogWriter.quoted(name) + ":" + LogWriter.json(fields[name])
            }
            line += "}\n"
        case .text:
            line =
                "\(LogWriter.time()) \(event.level.rawValue) \(LogWriter.plain("\(event.message)"))"
            for name in names { line += " \(name)=" + LogWriter.plain("\(fields[name] ?? "")") }
            line += "\n"
        }
        StandardError.write(line)
    }

    private static func json(_ value: Logger.Metadata.Value?) -> String {
        // Whole numbers stay numbers.
        if case .stringConvertible(let number) = value, let number = number as? Int {
            return String(number)
        }
        return quoted(value.map { "\($0)" } ?? "")
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }

    /// Text in which no control character can play tricks with a terminal.
    private static func plain(_ text: String) -> String {
        var plain = ""
        for scalar in text.unicodeScalars {
            if scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) {
                let digits = String(scalar.value, radix: 16)
                plain += "\\x" + (digits.count == 1 ? "0" : "") + digits
            } else {
                plain.unicodeScalars.append(scalar)
            }
        }
        return plain
    }

    private static func time() -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        var parts = tm()
        gmtime_r(&now.tv_sec, &parts)
        func two(_ number: Int32) -> String { (number < 10 ? "0" : "") + String(number) }
        let milliseconds = String(now.tv_nsec / 1_000_000)
        return "\(parts.tm_year + 1_900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))T"
            + "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))."
            + String(repeating: "0", count: 3 - milliseconds.count) + milliseconds + "Z"
    }
}
