/// One life of a port name: a random number that every id of that life carries.
///
/// A port that was closed and made anew has another generation, so that old ids mean nothing to it.
public struct PortGeneration: Hashable, Sendable {
    /// The random number.
    public let rawValue: UInt64

    /// The generation with this number; only its low 48 bits count.
    public init(_ rawValue: UInt64) { self.rawValue = rawValue & 0xFFFF_FFFF_FFFF }
}

/// Names an entry for as long as the port remembers it: `cmp_<generation>_<seq>`, opaque to clients.
public struct EntryID: Hashable, Sendable {
    /// The life of the port that gave it out.
    public let generation: PortGeneration
    /// The entry's number on that port.
    public let seq: UInt64

    /// The id of entry `seq` of the port's life `generation`.
    public init(generation: PortGeneration, seq: UInt64) {
        self.generation = generation
        self.seq = seq
    }

    /// Reads an id; `nil` if no port can have given it out.
    public init?(_ text: String) {
        guard let (generation, number) = parseID(text, prefix: "cmp_") else { return nil }
        self.init(generation: generation, seq: number)
    }

    /// The id as clients see it.
    public var text: String { formatID("cmp_", generation, seq) }
}

/// Names a lease: `lse_<generation>_<number>`, opaque to clients.
public struct LeaseID: Hashable, Sendable {
    /// The life of the port that gave it out.
    public let generation: PortGeneration
    /// The lease's number on that port, from 1.
    public let number: UInt64

    /// The id of lease `number` of the port's life `generation`.
    public init(generation: PortGeneration, number: UInt64) {
        self.generation = generation
        self.number = number
    }

    /// Reads an id; `nil` if no port can have given it out.
    public init?(_ text: String) {
        guard let (generation, number) = parseID(text, prefix: "lse_") else { return nil }
        self.init(generation: generation, number: number)
    }

    /// The id as clients see it.
    public var text: String { formatID("lse_", generation, number) }
}

/// What the ids of one life of a port begin with, for replies: each is a prefix and a number.
public struct IDPrefixes: Sendable {
    /// What stands before an entry's `seq`, in UTF-8: it is written with every entry.
    public let entry: [UInt8]
    /// What stands before a lease's number.
    public let lease: String

    init(_ generation: PortGeneration) {
        entry = Array(idPrefix("cmp_", generation).utf8)
        lease = idPrefix("lse_", generation)
    }
}

private func idPrefix(_ kind: String, _ generation: PortGeneration) -> String {
    kind + String(generation.rawValue, radix: 36) + "_"
}

private func formatID(_ prefix: String, _ generation: PortGeneration, _ number: UInt64) -> String {
    idPrefix(prefix, generation) + String(number)
}

/// Reads an id.
///
/// There is one spelling for each: no sign, no leading zero, no capitals.
private func parseID(_ text: String, prefix: String) -> (PortGeneration, UInt64)? {
    let digits = text.utf8.dropFirst(prefix.utf8.count)
    guard text.utf8.count <= 40, text.hasPrefix(prefix),
        let bar = digits.firstIndex(of: UInt8(ascii: "_")),
        let generation = parseDigits(digits[..<bar], radix: 36), generation <= 0xFFFF_FFFF_FFFF,
        let number = parseDigits(digits[digits.index(after: bar)...], radix: 10), number > 0
    else { return nil }
    return (PortGeneration(generation), number)
}

private func parseDigits(_ digits: Substring.UTF8View, radix: UInt64) -> UInt64? {
    guard let first = digits.first, first != UInt8(ascii: "0") || digits.count == 1 else {
        return nil
    }
    var number: UInt64 = 0
    for byte in digits {
        let digit: UInt64
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = UInt64(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): digit = UInt64(byte - UInt8(ascii: "a")) + 10
        default: return nil
        }
        let (product, isTooLarge) = number.multipliedReportingOverflow(by: radix)
        let (sum, isTooLargeAtLast) = product.addingReportingOverflow(digit)
        guard digit < radix, !isTooLarge, !isTooLargeAtLast else { return nil }
        number = sum
    }
    return number
}

/// Names a batch, or alerts, that are on their way to a client and not yet known to have arrived.
public struct HandoverID: Hashable, Sendable {
    let number: UInt64
}
