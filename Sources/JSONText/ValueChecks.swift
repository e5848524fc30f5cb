internal import CJansson

/// Why a value is refused.
struct WrongValue: Error {
    var detail: String
}

/// A rule for strings beyond their length, with the words that tell it.
public struct TextRule: Sendable {
    /// The rule in words, such as "must be a name of 1 to 64 letters, digits, '.', '_' or '-'".
    public let wording: String
    private let check: @Sendable (String) -> Bool

    /// A rule.
    ///
    /// - Parameters:
    ///   - wording: the end of a sentence that starts with the member.
    ///   - check: whether a string obeys.
    public init(_ wording: String, _ check: @escaping @Sendable (String) -> Bool) {
        self.wording = wording
        self.check = check
    }

    /// Whether a string obeys the rule.
    public func admits(_ text: String) -> Bool { check(text) }
}

/// The checks behind ``ObjectReader`` and ``ValueReader``: a value, or the words of its fault.
extension JSONNode {
    func checkedString(
        codePoints: ClosedRange<Int>,
        matching rule: TextRule?
    ) throws(WrongValue) -> String {
        let text = try checkedText(codePoints: codePoints, matching: rule) {
            String(decoding: $0, as: UTF8.self)
        }
        if let rule, !rule.admits(text) { throw WrongValue(detail: rule.wording) }
        return text
    }

    /// What `make` makes of the bytes of a string of that length, which a rule words if there is one.
    @inline(__always)
    func checkedText<T>(
        codePoints: ClosedRange<Int>,
        matching rule: TextRule?,
        _ make: (UnsafeBufferPointer<UInt8>) -> T
    ) throws(WrongValue) -> T {
        let made = try withUTF8 { (bytes) throws(WrongValue) -> T in
            // There are at most as many code points as bytes, which settles most strings.
            let needsCount =
                bytes.count > codePoints.upperBound || codePoints.lowerBound > min(1, bytes.count)
            if needsCount, !codePoints.contains(codePointCount ?? 0) {
                throw WrongValue(detail: rule?.wording ?? JSONNode.wording(length: codePoints))
            }
            return make(bytes)
        }
        guard let made else { throw wrongKind("a string") }
        return made
    }

    private static func wording(length: ClosedRange<Int>) -> String {
        let (least, most) = (length.lowerBound, length.upperBound)
        if least == most { return "must be a string of \(count(least, "character"))" }
        if most == .max { return "must be a string of at least \(count(least, "character"))" }
        if least == 0 { return "must be a string of at most \(count(most, "character"))" }
        return "must be a string of \(least) to \(count(most, "character"))"
    }

    static func count(_ number: Int, _ noun: String) -> String {
        number == 1 ? "1 \(noun)" : "\(number) \(noun)s"
    }

    @inline(__always)
    func checkedInteger(in range: ClosedRange<Int>) throws(WrongValue) -> Int {
        guard let value = integer, range.contains(value) else {
            throw wrongKind("an integer from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    func checkedBoolean() throws(WrongValue) -> Bool {
        guard let value = boolean else { throw wrongKind("true or false") }
        return value
    }

    func checkedChoice<T: RawRepresentable & CaseIterable>(
        _ type: T.Type
    ) throws(WrongValue) -> T where T.RawValue == String {
        if let text = string, let value = T(rawValue: text),
            // Swift takes two spellings of one character for equal; the protocol does not. All of
            // ours are ASCII, and every other spelling of that has more bytes.
            value.rawValue.utf8.count == text.utf8.count
        {
            return value
        }
        throw wrongKind(JSONNode.wording(choices: T.allCases.map(\.rawValue)))
    }

    func checkedChoice<T>(from choices: KeyValuePairs<String, T>) throws(WrongValue) -> T {
        if let text = string {
            for (name, value) in choices where name.utf8.elementsEqual(text.utf8) { return value }
        }
        throw wrongKind(JSONNode.wording(choices: choices.map(\.key)))
    }

    private static func wording(choices: [String]) -> String {
        let list = choices.map { "\"\($0)\"" }.joined(separator: ", ")
        return choices.count == 1 ? list : "one of \(list)"
    }

    func checkedArray(count range: ClosedRange<Int>) throws(WrongValue) -> JSONNode {
        guard kind == .array else { throw wrongKind("an array") }
        guard range.contains(arrayCount) else {
            let (least, most) = (range.lowerBound, range.upperBound)
            if least == most {
                throw WrongValue(detail: "must have \(JSONNode.count(least, "element"))")
            }
            if most == .max {
                throw WrongValue(detail: "must have at least \(JSONNode.count(least, "element"))")
            }
            throw WrongValue(
                detail: "must have \(least) to \(JSONNode.count(most, "element")), "
                    + "and has \(arrayCount)"
            )
        }
        return self
    }

    @inline(__always)
    func checkedObject() throws(WrongValue) -> JSONNode {
        guard json.pointee.type == JSON_OBJECT else { throw wrongKind("an object") }
        return self
    }

    func checkedData(
        _ encoding: DataEncoding,
        bytes limits: ClosedRange<Int>
    ) throws(WrongValue) -> [UInt8] {
        let decoded = withUTF8 { encoding.decode($0) }
        guard let decoded else { throw wrongKind("a string") }
        guard let data = decoded else { throw WrongValue(detail: encoding.wording) }
        guard limits.contains(data.count) else {
            let (least, most) = (limits.lowerBound, limits.upperBound)
            let range = least == 0 ? "at most \(most)" : "\(least) to \(most)"
            throw WrongValue(detail: "must hold \(range) bytes, and holds \(data.count)")
        }
        return data
    }

    /// The fault of a value that is not `wanted`; for `null` the advice to leave it out.
    func wrongKind(_ wanted: String) -> WrongValue {
        guard isNull else { return WrongValue(detail: "must be \(wanted)") }
        return WrongValue(detail: "must not be null: leave it out, or make it \(wanted)")
    }
}
