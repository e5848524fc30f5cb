import Glibc
import TOMLKit

/// Why the settings cannot be used.
enum SettingsError: Error {
    /// The file cannot be read, or is no TOML.
    case file(path: String, why: String)
    /// A name that no setting has.
    case unknown(setting: String, source: String)
    /// A value that the setting cannot have.
    case refused(setting: String, why: String)

    /// A sentence for the operator.
    var description: String {
        switch self {
        case .file(let path, let why): "the settings file \(path) cannot be used: \(why)"
        case .unknown(let setting, let source):
            "\(source) names the setting \(setting), which there is not; see iocpd serve --help"
        case .refused(let setting, let why): "the setting \(setting) cannot be used: \(why)"
        }
    }
}

/// Settings as text, each with where it came from: flag over variable over file over default.
struct SettingSources {
    /// A value with its source.
    struct Value {
        var values: [String]
        var source: String
    }

    private(set) var values: [String: Value] = [:]

    init(flags: [String: [String]], configFile: String?) throws(SettingsError) {
        let path = configFile ?? SettingSources.variable("config")
        if let path {
            for (name, list) in try SettingSources.read(path) {
                values[name] = Value(values: list, source: "file \(path)")
            }
        }
        for name in Settings.names {
            guard let text = SettingSources.variable(name) else { continue }
            let isList = Settings.lists.contains(name)
            values[name] = Value(
                values: isList ? text.split(separator: ",").map(String.init) : [text],
                source: SettingSources.variableName(name))
        }
        for (name, list) in flags { values[name] = Value(values: list, source: "--\(name)") }
    }

    /// The values of a list, if any were given.
    func list(_ name: String) -> [String]? { values[name]?.values }

    /// One value, if it was given.
    func text(_ name: String) -> String? { values[name]?.values.last }

    /// A whole number, if it was given.
    func integer(_ name: String, in range: ClosedRange<Int>) throws(SettingsError) -> Int? {
        guard let text = text(name) else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw .refused(
                setting: name, why: "it is a number from \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return number
    }

    /// `true` or `false`, if it was given.
    func boolean(_ name: String) throws(SettingsError) -> Bool? {
        switch text(name) {
        case nil: return nil
        case "true", "1": return true
        case "false", "0": return false
        default: throw .refused(setting: name, why: "it is true or false")
        }
    }

    /// Every setting with where it came from.
    func lines(_ settings: Settings) -> [String] {
        Settings.names.map { name in
            let shown = settings.shown(name)
            return "\(name) = \(shown)  # \(values[name]?.source ?? "default")"
        }
    }

    // MARK: - Variables and the file

    private static func variableName(_ name: String) -> String {
        "IOCPD_" + name.uppercased().replacing("-", with: "_")
    }

    private static func variable(_ name: String) -> String? {
        getenv(variableName(name)).map { String(cString: $0) }
    }

    private static func read(_ path: String) throws(SettingsError) -> [String: [String]] {
        guard let text = contents(of: path) else {
            throw .file(path: path, why: String(cString: strerror(errno)))
        }
        let table: TOMLTable
        do {
            table = try TOMLTable(string: text)
        } catch {
            throw .file(path: path, why: "it is no TOML: \(error)")
        }
        var values: [String: [String]] = [:]
        for (key, value) in table {
            let name = key.replacing("_", with: "-")
            guard Settings.names.contains(name) else {
                throw .unknown(setting: key, source: "the file \(path)")
            }
            if value.array != nil && !Settings.lists.contains(name) {
                throw .refused(setting: name, why: "it has one value, and the file gives a list")
            }
            let items = value.array.map { $0.map(\.self) } ?? [value]
            values[name] = items.map { item in
                item.string ?? item.int.map(String.init) ?? item.bool.map(String.init) ?? ""
            }
        }
        return values
    }

    private static func contents(of path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            guard count >= 0 else { return nil }
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes += chunk[..<count]
        }
    }
}
