/// One parameter that a transport or a control takes, with what its value may be.
///
/// The same rule reads an option of a session, an argument of a control and a member of a URI's
/// query, so that each is judged, and refused, in the same way.
public struct ParameterRule: Sendable {
    /// What a value may be.
    public enum Form: Sendable {
        case boolean
        case integer(ClosedRange<Int>)
        /// A string of so many code points that `isValid`; `wording` ends "the member …".
        case text(
            codePoints: ClosedRange<Int>, wording: String, isValid: @Sendable (String) -> Bool)
        /// One of these words.
        case choice([String])
        /// A list of these words, each at most once.
        case choices([String])
        /// At most so many bytes, in the encoding that a member `encoding` beside it names.
        case data(limit: Int)
    }

    /// Its name.
    public let name: String
    /// What its value may be.
    public let form: Form
    /// Whether it must be given.
    public let isRequired: Bool

    /// A rule for the parameter `name`.
    public init(_ name: String, _ form: Form, isRequired: Bool = false) {
        self.name = name
        self.form = form
        self.isRequired = isRequired
    }

    /// A rule for a string of any content.
    public static func text(
        _ name: String, codePoints: ClosedRange<Int>, isRequired: Bool = false
    ) -> ParameterRule {
        let range = "\(codePoints.lowerBound) to \(codePoints.upperBound)"
        return ParameterRule(
            name,
            .text(codePoints: codePoints, wording: "must be a string of \(range) characters") { _ in
                true
            }, isRequired: isRequired)
    }

    /// Reads a value that is written as text, as in a URI's query; `nil` if it is none.
    public func value(of text: String) -> ParameterValue? {
        switch form {
        case .boolean:
            return text == "true" ? .boolean(true) : text == "false" ? .boolean(false) : nil
        case .integer(let range):
            guard (1...19).contains(text.utf8.count),
                text.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(text),
                range.contains(number)
            else { return nil }
            return .integer(number)
        case .text(let codePoints, _, let isValid):
            let isRight = codePoints.contains(text.unicodeScalars.count) && isValid(text)
            return isRight ? .text(text) : nil
        case .choice(let words):
            return words.contains(text) ? .text(text) : nil
        case .choices(let words):
            let given = text.split(separator: ",", omittingEmptySubsequences: false).map(
                String.init)
            let isRight = given.allSatisfy(words.contains) && Set(given).count == given.count
            return isRight ? .texts(given) : nil
        case .data:
            return nil
        }
    }

    /// What its value must be, as the end of a sentence that begins with its name.
    public var wording: String {
        switch form {
        case .boolean: "must be true or false"
        case .integer(let range):
            "must be an integer from \(range.lowerBound) to \(range.upperBound)"
        case .text(_, let wording, _): wording
        case .choice(let words): "must be one of \(words.joined(separator: ", "))"
        case .choices(let words): "must be a list of \(words.joined(separator: ", "))"
        case .data(let limit): "must be at most \(limit) bytes"
        }
    }
}

/// The value of a parameter.
public enum ParameterValue: Hashable, Sendable {
    case boolean(Bool)
    case integer(Int)
    case text(String)
    case texts([String])
    case bytes([UInt8])
}

/// Parameters by name, each as its rule has it.
public struct Parameters: Hashable, Sendable {
    private var values: [String: ParameterValue] = [:]

    /// No parameter given.
    public init() {}

    /// The value of a parameter; `nil` if it was not given.
    public subscript(name: String) -> ParameterValue? {
        get { values[name] }
        set { values[name] = newValue }
    }

    /// The names of the parameters that were given, in order.
    public var names: [String] { values.keys.sorted() }

    /// Whether none was given.
    public var isEmpty: Bool { values.isEmpty }

    /// A boolean; `nil` if it was not given.
    public func boolean(_ name: String) -> Bool? {
        if case .boolean(let value)? = values[name] { return value }
        return nil
    }

    /// An integer; `nil` if it was not given.
    public func integer(_ name: String) -> Int? {
        if case .integer(let value)? = values[name] { return value }
        return nil
    }

    /// A string, or a word of a choice; `nil` if it was not given.
    public func text(_ name: String) -> String? {
        if case .text(let value)? = values[name] { return value }
        return nil
    }

    /// Bytes; `nil` if they were not given.
    public func bytes(_ name: String) -> [UInt8]? {
        if case .bytes(let value)? = values[name] { return value }
        return nil
    }

    /// A list of words; `nil` if it was not given.
    public func texts(_ name: String) -> [String]? {
        if case .texts(let value)? = values[name] { return value }
        return nil
    }
}
