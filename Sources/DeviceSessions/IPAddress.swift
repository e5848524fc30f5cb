/// An IPv4 or IPv6 address as a value; an IPv4 address inside IPv6 is the IPv4 address.
public enum IPAddress: Hashable, Sendable {
    /// Four bytes as one number, the first highest.
    case v4(UInt32)
    /// Sixteen bytes as two numbers, the first bytes highest.
    case v6(high: UInt64, low: UInt64)

    /// Whether it is 127.0.0.0/8 or ::1.
    public var isLoopback: Bool {
        switch self {
        case .v4(let bits): bits >> 24 == 127
        case .v6(let high, let low): high == 0 && low == 1
        }
    }

    /// Whether it is 0.0.0.0 or ::, which means any address and is no place to connect to.
    public var isUnspecified: Bool {
        switch self {
        case .v4(let bits): bits == 0
        case .v6(let high, let low): high == 0 && low == 0
        }
    }

    /// Whether it is loopback, link-local, multicast or unspecified: addresses that a rule by name
    /// does not cover, because whoever answers for the name could point it there.
    public var isSpecial: Bool {
        if isLoopback || isUnspecified { return true }
        switch self {
        case .v4(let bits): return bits >> 16 == 0xA9FE || bits >> 28 == 0xE || bits >> 24 == 0
        case .v6(let high, _): return high >> 54 == 0xFE80 >> 6 || high >> 56 == 0xFF
        }
    }

    /// The first `length` bits, for comparing with a prefix.
    public func hasPrefix(_ prefix: IPAddress, length: Int) -> Bool {
        switch (self, prefix) {
        case (.v4(let bits), .v4(let wanted)):
            return length == 0 || (bits ^ wanted) >> UInt32(32 - length) == 0
        case (.v6(let high, let low), .v6(let wantedHigh, let wantedLow)):
            if length == 0 { return true }
            if length <= 64 { return (high ^ wantedHigh) >> UInt64(64 - length) == 0 }
            return high == wantedHigh && (low ^ wantedLow) >> UInt64(128 - length) == 0
        default:
            return false
        }
    }

    /// Reads a dotted quad of decimal numbers without leading zeros, or an IPv6 literal.
    ///
    /// The literal has no brackets. Nothing else that a resolver would take for an address is one.
    public init?(_ text: String) {
        if text.utf8.contains(UInt8(ascii: ":")) {
            guard let groups = IPAddress.groups(of: text) else { return nil }
            var halves: (UInt64, UInt64) = (0, 0)
            for group in groups.prefix(4) { halves.0 = halves.0 << 16 | UInt64(group) }
            for group in groups.suffix(4) { halves.1 = halves.1 << 16 | UInt64(group) }
            self = IPAddress.unmapped(high: halves.0, low: halves.1)
        } else {
            guard let bits = IPAddress.quad(text) else { return nil }
            self = .v4(bits)
        }
    }

    /// The address with these bytes, an IPv4 address inside IPv6 taken out.
    public static func unmapped(high: UInt64, low: UInt64) -> IPAddress {
        high == 0 && low >> 32 == 0xFFFF
            ? .v4(UInt32(truncatingIfNeeded: low)) : .v6(high: high, low: low)
    }

    private static func quad(_ text: some StringProtocol) -> UInt32? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bits: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.utf8.count),
                part.utf8.allSatisfy({ (48...57).contains($0) }),
                part.utf8.count == 1 || part.first != "0", let byte = UInt8(part)
            else { return nil }
            bits = bits << 8 | UInt32(byte)
        }
        return bits
    }

    private static func groups(of text: String) -> [UInt16]? {
        let halves = text.split(separator: "::", maxSplits: 2, omittingEmptySubsequences: false)
        guard halves.count <= 2, let front = list(halves[0], isAtEnd: halves.count == 1) else {
            return nil
        }
        guard halves.count == 2 else { return front.count == 8 ? front : nil }
        guard let back = list(halves[1], isAtEnd: true), front.count + back.count < 8 else {
            return nil
        }
        return front + Array(repeating: 0, count: 8 - front.count - back.count) + back
    }

    /// Groups with colons between them; the last two may be a dotted quad at the address's end.
    private static func list(_ text: Substring, isAtEnd: Bool) -> [UInt16]? {
        if text.isEmpty { return [] }
        var groups: [UInt16] = []
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if isAtEnd, index == parts.count - 1, let bits = quad(part) {
                groups.append(UInt16(truncatingIfNeeded: bits >> 16))
                groups.append(UInt16(truncatingIfNeeded: bits))
            } else if (1...4).contains(part.utf8.count), part.allSatisfy(\.isHexDigit),
                let group = UInt16(part, radix: 16)
            {
                groups.append(group)
            } else {
                return nil
            }
        }
        return groups.count <= 8 ? groups : nil
    }

    /// The usual text: a dotted quad, or groups with the longest run of zeros left out.
    public var text: String {
        switch self {
        case .v4(let bits):
            return [24, 16, 8, 0].map { String(bits >> UInt32($0) & 255) }.joined(separator: ".")
        case .v6(let high, let low):
            let groups = (0..<8).map { index in
                UInt16(
                    truncatingIfNeeded: (index < 4 ? high : low) >> UInt64(48 - 16 * (index % 4)))
            }
            return IPAddress.text(of: groups)
        }
    }

    private static func text(of groups: [UInt16]) -> String {
        var best = 0..<0
        var start: Int?
        for index in 0...8 {
            if index < 8 && groups[index] == 0 {
                start = start ?? index
            } else if let begin = start {
                if index - begin > best.count { best = begin..<index }
                start = nil
            }
        }
        func joined(_ part: ArraySlice<UInt16>) -> String {
            part.map { String($0, radix: 16) }.joined(separator: ":")
        }
        guard best.count > 1 else { return joined(groups[...]) }
        return joined(groups[..<best.lowerBound]) + "::" + joined(groups[best.upperBound...])
    }
}

extension SocketAddress {
    /// An IP address with a port as a socket address.
    public init(_ address: IPAddress, port: UInt16) {
        switch address {
        case .v4(let bits): self = .ipv4(bits, port: port)
        case .v6(let high, let low): self = .ipv6(high: high, low: low, port: port, scope: 0)
        }
    }

    /// The IP address, for an IP socket; one inside IPv6 is taken out.
    public var ipAddress: IPAddress? {
        switch self {
        case .ipv4(let bits, _): .v4(bits)
        case .ipv6(let high, let low, _, _): .unmapped(high: high, low: low)
        case .unix, .unixHandle: nil
        }
    }

    /// The port, for an IP socket.
    public var port: UInt16? {
        switch self {
        case .ipv4(_, let port), .ipv6(_, _, let port, _): port
        case .unix, .unixHandle: nil
        }
    }

    /// `host:port`, `[v6]:port` or a path; `nil` for a socket without a name.
    public var text: String? {
        switch self {
        case .ipv4(let bits, let port):
            return IPAddress.v4(bits).text + ":" + String(port)
        case .ipv6(let high, let low, let port, _):
            let address = IPAddress.unmapped(high: high, low: low)
            if case .v4 = address { return address.text + ":" + String(port) }
            return "[" + address.text + "]:" + String(port)
        case .unix(let path):
            return path.isEmpty ? nil : path
        case .unixHandle:
            return nil
        }
    }
}
