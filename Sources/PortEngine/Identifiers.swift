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
    public var text: String { EntryID.prefix(of: generation) + String(seq) }

    /// What stands before `seq` in every id of that life.
    public static func prefix(of generation: PortGeneration) -> String {
        idPrefix("cmp_", generation)
    }
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

private func idPrefix(_ kind: String, _ generation: PortGeneration) -> String {
    kind + String(generation.rawValue, radix: 36) + "_"
}

private func formatID(_ prefix: String, _ generation: PortGeneration, _ number: UInt64) -> String {
    idPrefix(prefix, generation) + String(number)
}

private func parseID(_ text: String, prefix: String) -> (PortGeneration, UInt64)? {
    guard text.utf8.count <= 40, text.hasPrefix(prefix) else { return nil }
    let parts = text.dropFirst(prefix.count).split(
        separator: "_", omittingEmptySubsequences: false)
    guard parts.count == 2,
        let generation = UInt64(parts[0], radix: 36), generation <= 0xFFFF_FFFF_FFFF,
        let number = UInt64(parts[1]), number > 0
    else { return nil }
    let id = (PortGeneration(generation), number)
    // One spelling for each id: no sign, no leading zero, no capitals.
    return formatID(prefix, id.0, id.1) == text ? id : nil
}

/// Names a batch, or alerts, that are on their way to a client and not yet known to have arrived.
public struct HandoverID: Hashable, Sendable {
    let number: UInt64
}
