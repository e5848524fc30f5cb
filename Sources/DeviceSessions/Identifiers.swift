public import PortEngine

/// Names a session: `ses_` and a random number, opaque to clients.
public struct SessionID: Hashable, Comparable, Sendable {
    /// The random number.
    public let rawValue: UInt64

    /// The session with this number; only its low 60 bits count.
    public init(_ rawValue: UInt64) { self.rawValue = rawValue & 0xFFF_FFFF_FFFF_FFFF }

    /// Reads an id; `nil` if no daemon can have given it out.
    public init?(_ text: String) {
        guard text.hasPrefix("ses_"), let number = parseDigits(text.dropFirst(4)) else {
            return nil
        }
        self.init(number)
    }

    /// The id as clients see it.
    public var text: String { "ses_" + digits(rawValue) }

    /// What stands before the number in the ids of its operations.
    var operationPrefix: String { "op_" + digits(rawValue) + "_" }

    /// Orders ids as lists of sessions do: by their text, whose digits are all there.
    public static func < (left: SessionID, right: SessionID) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// Twelve digits and small letters.
private func digits(_ number: UInt64) -> String {
    var digits = [UInt8](repeating: 0, count: 12)
    var rest = number
    for place in digits.indices.reversed() {
        let digit = UInt8(rest % 36)
        digits[place] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
        rest /= 36
    }
    return String(decoding: digits, as: UTF8.self)
}

private func parseDigits(_ text: Substring) -> UInt64? {
    let isWellFormed =
        text.utf8.count == 12
        && text.utf8.allSatisfy { (48...57).contains($0) || (97...122).contains($0) }
    guard isWellFormed, let number = UInt64(text, radix: 36), number <= 0xFFF_FFFF_FFFF_FFFF
    else { return nil }
    return number
}

/// What entries call a session and its operations: made once for all of its entries.
public struct SessionNames: Sendable {
    /// The session's id.
    public let session: String
    private let operationPrefix: String

    /// The names of that session and what is its own.
    public init(_ id: SessionID) {
        session = id.text
        operationPrefix = id.operationPrefix
    }

    /// The id of the operation with that number.
    public func operation(_ number: UInt64) -> OperationName {
        OperationName(prefix: operationPrefix, number: number)
    }
}

/// Names an operation: its session's number and its own, growing in the order of acceptance.
///
/// So a session can tell an operation that has ended from one that never was, without a table.
public struct OperationID: Hashable, Sendable {
    /// The session that it belongs to.
    public let session: SessionID
    /// Its number in that session, from 1.
    public let number: UInt64

    /// Operation `number` of `session`.
    public init(session: SessionID, number: UInt64) {
        self.session = session
        self.number = number
    }

    /// Reads an id; `nil` if no daemon can have given it out.
    public init?(_ text: String) {
        guard text.utf8.count <= 40, text.hasPrefix("op_") else { return nil }
        let parts = text.dropFirst(3).split(separator: "_", omittingEmptySubsequences: false)
        guard parts.count == 2, let session = parseDigits(parts[0]).map({ SessionID($0) }),
            let number = UInt64(parts[1]), number > 0, String(number) == parts[1]
        else { return nil }
        self.init(session: session, number: number)
    }

    /// The id as clients see it.
    public var text: String { session.operationPrefix + String(number) }
}
