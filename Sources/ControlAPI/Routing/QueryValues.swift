import EngineBase
import HTTPListener

/// The query of a request: known names only, each at most once.
struct QueryValues: Sendable {
    private var values: [String: String] = [:]

    /// Takes a query whose names are among `known`.
    init(_ items: [QueryItem], known: [String]) throws(Problem) {
        for item in items {
            guard known.contains(item.name) else {
                let list = known.isEmpty ? "none" : known.joined(separator: ", ")
                throw .parameter(
                    .requestQueryInvalid, QueryValues.shown(item.name),
                    "is not known here; this request takes \(list)")
            }
            guard values[item.name] == nil else {
                throw .parameter(.requestQueryInvalid, item.name, "is given twice")
            }
            guard item.hasValue || item.name == "verbose" else {
                throw .parameter(.requestQueryInvalid, item.name, "has no value")
            }
            if item.name == "verbose" && !item.value.isEmpty {
                throw .parameter(.requestQueryInvalid, item.name, "takes no value")
            }
            values[item.name] = item.value
        }
    }

    /// Whether the parameter is given.
    func has(_ name: String) -> Bool { values[name] != nil }

    /// A parameter as text.
    func text(_ name: String, codePoints: Int = .max) throws(Problem) -> String? {
        guard let value = values[name] else { return nil }
        guard value.unicodeScalars.count <= codePoints else {
            throw .parameter(
                .requestQueryInvalid, name, "must have at most \(codePoints) code points")
        }
        return value
    }

    /// A client's own string: `key` or `context`.
    func clientText(_ name: String) throws(Problem) -> ClientText? {
        try text(name, codePoints: ClientText.mostCodePoints).map { ClientText($0) }
    }

    /// A parameter as a whole number.
    func integer(_ name: String, in range: ClosedRange<Int>) throws(Problem) -> Int? {
        guard let value = values[name] else { return nil }
        let isDigits = !value.isEmpty && value.utf8.allSatisfy { (48...57).contains($0) }
        guard isDigits, let number = Int(value), range.contains(number) else {
            throw .parameter(
                .requestQueryInvalid, name,
                "must be an integer from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// A parameter as `true` or `false`.
    func boolean(_ name: String) throws(Problem) -> Bool? {
        switch values[name] {
        case nil: return nil
        case "true": return true
        case "false": return false
        default: throw .parameter(.requestQueryInvalid, name, "must be true or false")
        }
    }

    /// A parameter as one of some words.
    func choice<Choice: RawRepresentable & CaseIterable>(
        _ name: String, as type: Choice.Type
    ) throws(Problem) -> Choice? where Choice.RawValue == String {
        guard let value = values[name] else { return nil }
        if let choice = Choice(rawValue: value) { return choice }
        let words = Choice.allCases.map(\.rawValue).joined(separator: ", ")
        throw .parameter(.requestQueryInvalid, name, "must be one of \(words)")
    }

    /// The `offset` of a raw read or write of a file.
    func fileOffset() throws(Problem) -> UInt64? {
        guard let value = values["offset"] else { return nil }
        guard let offset = FileNumber.value(of: value) else {
            throw .parameter(
                .requestQueryInvalid, "offset", "must be an integer from 0 to 2^63 - 1")
        }
        return offset
    }

    /// The `limit` of a page.
    func pageLimit() throws(Problem) -> Int { try integer("limit", in: 1...1_000) ?? 100 }

    /// A client's name for a parameter, short and printable.
    private static func shown(_ name: String) -> String {
        let isPlain = name.utf8.count <= 64 && name.utf8.allSatisfy { (0x21...0x7E).contains($0) }
        return isPlain && !name.isEmpty ? name : "(a name)"
    }
}
