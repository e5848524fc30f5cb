internal import CJansson

/// A text that is not the JSON that we take.
///
/// Broken JSON, a member given twice, invalid UTF-8, a number out of range, nesting that is too
/// deep. Nothing of the text is quoted.
public struct JSONSyntaxError: Error, Equatable, Sendable {
    /// The line, from 1.
    public var line: Int
    /// The characters (code points) of that line that were read when the fault was seen.
    public var column: Int
    /// What is wrong, as the end of a sentence that starts with "The body", without a full stop.
    public var reason: String

    /// A fault at a place.
    public init(line: Int, column: Int, reason: String) {
        self.line = line
        self.column = column
        self.reason = reason
    }
}

extension JSONSyntaxError {
    /// Translates what jansson found, but not its text, which quotes the body.
    init(_ error: json_error_t, in bytes: [UInt8], maxDepth: Int) {
        let code = withUnsafePointer(to: error) { iocpd_json_error_code($0) }
        var reason = JSONSyntaxError.reason(code: UInt32(truncatingIfNeeded: code))
        if code == Int32(json_error_stack_overflow.rawValue) {
            self = JSONSyntaxError.tooDeep(bytes, maxDepth: maxDepth)
            return
        }
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
            reason = "starts with a byte order mark, which JSON does not allow"
        }
        self.init(line: max(1, Int(error.line)), column: max(0, Int(error.column)), reason: reason)
    }

    private static func reason(code: UInt32) -> String {
        switch json_error_code(code) {
        case json_error_out_of_memory: "did not fit into memory"
        case json_error_invalid_utf8: "is not valid UTF-8"
        case json_error_premature_end_of_input: "ends before the JSON value is complete"
        case json_error_end_of_input_expected: "goes on after the end of the JSON value"
        case json_error_null_character: "has the character U+0000"
        case json_error_null_byte_in_key: "has the character U+0000 in the name of a member"
        case json_error_duplicate_key: "has a member twice in one object"
        case json_error_numeric_overflow: "has a number out of range"
        default: "is not valid JSON"
        }
    }

    /// The fault of nesting beyond `maxDepth`, at the bracket that goes too far.
    ///
    /// The parsed tree knows no places, so the text is searched; only texts that are refused pay
    /// for it.
    static func tooDeep(_ bytes: [UInt8], maxDepth: Int) -> JSONSyntaxError {
        let reason = "is nested more than \(maxDepth) levels deep"
        var (line, column, depth) = (1, 0, 0)
        var isInString = false
        var isEscaped = false
        for byte in bytes {
            if byte & 0xC0 != 0x80 { column += 1 }
            if isInString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\n"): (line, column) = (line + 1, 0)
            case UInt8(ascii: "\""): isInString = true
            case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
            default: break
            }
            if depth > maxDepth { break }
        }
        return JSONSyntaxError(line: line, column: column, reason: reason)
    }
}
