import DeviceSessions
import JSONText

/// What a `framing` member says.
enum WantedFraming {
    /// Raw bytes, on a session that has frames.
    case none
    case framed(Framing)
}

extension OperationReader {
    private enum Kind: String, CaseIterable {
        case delimiter, fixed, lengthPrefix = "length_prefix", gap, none
    }

    private enum Order: String, CaseIterable {
        case big, little
    }

    /// Reads a `framing` object, and leaves no member unread.
    mutating func read(framing reader: inout ObjectReader, allowsNone: Bool) -> WantedFraming? {
        guard let kind = reader.choice("kind", as: Kind.self, required: true) else {
            reader.forEachMember { _, _ in }
            return nil
        }
        if kind == .none {
            if !allowsNone { reader.fault("kind", "may be none in a read only") }
            return allowsNone ? WantedFraming.none : nil
        }
        let maxBytes = reader.integer("max_bytes", in: 1...limits.maxReadBytes)
        let form: Framing.Form?
        switch kind {
        case .delimiter:
            let delimiter = reader.text(
                "delimiter", "encoding", fallback: .utf8, byteLimit: limits.maxUntilBytes, least: 1)
            reader.require("delimiter")
            if let delimiter, delimiter.count > limits.maxUntilBytes {
                longDelimiter = ("/framing/delimiter", delimiter.count)
            }
            if let delimiter, delimiter.isEmpty {
                reader.fault("delimiter", "must have at least one byte")
            }
            form = delimiter.map { .delimiter($0) }
        case .fixed:
            form = reader.integer("bytes", in: 1...limits.maxReadBytes, required: true)
                .map { .fixed($0) }
        case .lengthPrefix:
            form = lengthPrefix(&reader).map { .lengthPrefix($0) }
        case .gap:
            form = reader.integer("gap_ms", in: 1...60_000, required: true)
                .map { .gap(milliseconds: $0) }
        case .none:
            form = nil
        }
        guard let form else { return nil }
        var limit = maxBytes ?? min(65_536, limits.maxReadBytes)
        if case .fixed(let bytes) = form { limit = max(limit, bytes) }
        return .framed(Framing(form, maxBytes: limit))
    }

    private func lengthPrefix(_ reader: inout ObjectReader) -> LengthPrefix? {
        let size = reader.integer("size", in: 1...8, required: true)
        if let size, ![1, 2, 4, 8].contains(size) { reader.fault("size", "must be 1, 2, 4 or 8") }
        let offset = reader.integer("offset", in: 0...65_536) ?? 0
        let order = reader.choice("order", as: Order.self) ?? .big
        let adjustment = reader.integer("adjustment", in: -65_536...16_777_216) ?? 0
        return size.map {
            LengthPrefix(
                offset: offset, size: $0, isBigEndian: order == .big, adjustment: adjustment)
        }
    }
}
