public import DeviceSessions

/// Where a datagram goes: an address and a port as `peer` shows them, never a name.
public enum DatagramDestination {
    /// What a text that is none must be, as the end of a sentence that begins with its name.
    public static let wording = "must be address:port or [v6]:port"

    /// Reads `address:port` or `[v6]:port`, the port from 1 to 65535 without leading zeros.
    public static func address(_ text: String) -> SocketAddress? {
        let bytes = text.utf8
        guard bytes.count <= 47, bytes.allSatisfy({ (0x21...0x7E).contains($0) }),
            let colon = bytes.lastIndex(of: UInt8(ascii: ":"))
        else { return nil }
        let digits = bytes[bytes.index(after: colon)...]
        guard (1...5).contains(digits.count), digits.first != UInt8(ascii: "0"),
            digits.allSatisfy({ (48...57).contains($0) }),
            let port = UInt16(Substring(digits))
        else { return nil }
        let host = bytes[..<colon]
        if host.first == UInt8(ascii: "["), host.last == UInt8(ascii: "]") {
            let literal = String(Substring(host.dropFirst().dropLast()))
            guard literal.utf8.contains(UInt8(ascii: ":")),
                !literal.utf8.contains(UInt8(ascii: ".")), let address = IPAddress(literal)
            else { return nil }
            return SocketAddress(address, port: port)
        }
        let quad = String(Substring(host))
        guard !quad.utf8.contains(UInt8(ascii: ":")), let address = IPAddress(quad) else {
            return nil
        }
        return SocketAddress(address, port: port)
    }
}

extension TargetPolicy {
    /// Whether a datagram may go there: as `udp://` to the same place.
    public func admits(destination: SocketAddress) -> Bool {
        guard let address = destination.ipAddress, let port = destination.port,
            !address.isUnspecified
        else { return false }
        return admits(address, port: port, scheme: "udp", resolvedFrom: nil)
    }
}
