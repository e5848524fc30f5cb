/// The name of a port: a letter or digit, then up to 63 letters, digits, dots, dashes, underscores.
public struct PortName: Hashable, Comparable, Sendable {
    /// The name as it stands in paths.
    public let rawValue: String

    /// A name, or `nil` if `text` breaks the pattern.
    public init?(_ text: String) {
        guard isValidName(text) else { return nil }
        rawValue = text
    }

    /// Orders names as lists of ports do: by their bytes.
    public static func < (left: PortName, right: PortName) -> Bool {
        left.rawValue.utf8.lexicographicallyPrecedes(right.rawValue.utf8)
    }
}

/// The name that a worker fetches under; the pattern is a port's.
///
/// Windows knows the thread itself; over HTTP a worker must say who it is.
public struct ConsumerName: Hashable, Sendable {
    /// The name as it stands in paths and requests.
    public let rawValue: String

    /// A name, or `nil` if `text` breaks the pattern.
    public init?(_ text: String) {
        guard isValidName(text) else { return nil }
        rawValue = text
    }
}

private func isValidName(_ text: String) -> Bool {
    var length = 0
    for byte in text.utf8 {
        length += 1
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            continue
        case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            // The first character keeps "." and ".." out, which clients resolve away.
            if length == 1 { return false }
        default:
            return false
        }
    }
    return (1...64).contains(length)
}
