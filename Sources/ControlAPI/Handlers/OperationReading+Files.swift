import DeviceSessions
import JSONText

/// The members of operations on files.
extension OperationReader {
    /// A lock: a range, and how it is to be held.
    mutating func lockKind(_ reader: inout ObjectReader) -> OperationKind? {
        let range = lockRange(&reader)
        let isExclusive = reader.boolean("exclusive") ?? false
        let waits = reader.boolean("wait") ?? false
        return range.map { .lock(LockRequest($0, isExclusive: isExclusive, waits: waits)) }
    }

    /// An unlock: exactly the range of a lock.
    mutating func unlockKind(_ reader: inout ObjectReader) -> OperationKind? {
        lockRange(&reader).map { .unlock($0) }
    }

    private func lockRange(_ reader: inout ObjectReader) -> FileRange? {
        reader.require("offset")
        reader.require("length")
        let offset = reader.fileNumber("offset")
        let length = reader.fileNumber("length", least: 1)
        guard let offset, let length else { return nil }
        return FileRange(start: offset, length: length)
    }
}

extension ObjectReader {
    /// A place or a size in a file: an integer, or its decimal digits as a string, which reach
    /// beyond the integers that every JSON library can tell apart.
    mutating func fileNumber(_ name: StaticString, least: UInt64 = 0) -> UInt64? {
        guard let value = value(name) else { return nil }
        guard value.kind == .string else {
            return value.integer(in: Int(least)...JSONNode.largestInteger).map { UInt64($0) }
        }
        let rule = TextRule(
            "must be an integer, or a string of decimal digits, from \(least) to 2^63 - 1"
        ) { text in FileNumber.value(of: text).map { $0 >= least } ?? false }
        return value.string(matching: rule).flatMap { FileNumber.value(of: $0) }
    }
}

/// A place in a file as decimal digits.
enum FileNumber {
    /// The number; `nil` for other text than digits without needless zeros, and beyond 2^63 - 1.
    static func value(of text: String) -> UInt64? {
        guard (1...19).contains(text.utf8.count), text == "0" || !text.hasPrefix("0"),
            text.utf8.allSatisfy({ (48...57).contains($0) }), let number = UInt64(text),
            number <= FileRange.largestOffset
        else { return nil }
        return number
    }
}
