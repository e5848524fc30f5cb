/// Where a listener listens.
public enum ListenAddress: Hashable, Sendable {
    /// A TCP port of an address literal or a name; `localhost` is every loopback address.
    case tcp(host: String, port: UInt16)

    /// A socket file.
    case unix(path: String)

    /// Reads `address:port`, `[v6]:port`, `name:port` or `unix:/path`; port 0 picks a free one.
    ///
    /// - Throws: ``ListenerError/addressInvalid(_:why:)``.
    public init(_ text: String) throws(ListenerError) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst("unix:".count))
            guard path.hasPrefix("/"), !path.utf8.contains(0) else {
                throw .addressInvalid(text, why: "a socket file needs an absolute path")
            }
            // The kernel's structure has 108 bytes for the path and its end.
            guard path.utf8.count <= 107 else {
                throw .addressInvalid(text, why: "the path is longer than 107 bytes")
            }
            self = .unix(path: path)
            return
        }
        guard let colon = text.lastIndex(of: ":") else {
            throw .addressInvalid(text, why: "it needs a port, as in localhost:4627")
        }
        let digits = text[text.index(after: colon)...]
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let port = UInt16(digits)
        else {
            throw .addressInvalid(text, why: "the port is a number from 0 to 65535")
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
            guard host.contains(":") else {
                throw .addressInvalid(text, why: "brackets are for IPv6 addresses")
            }
        } else if host.contains(":") {
            throw .addressInvalid(text, why: "an IPv6 address stands in brackets")
        }
        guard !host.isEmpty, !host.utf8.contains(0) else {
            throw .addressInvalid(text, why: "it needs a host, as in localhost:4627")
        }
        self = .tcp(host: String(host), port: port)
    }
}
