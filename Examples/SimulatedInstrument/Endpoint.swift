import Glibc

/// A numeric address and port to listen on.
struct Endpoint {
    /// Dotted quad or IPv6 literal without brackets.
    let address: String
    let port: UInt16
    let isIPv6: Bool

    /// Where instruments with raw SCPI sockets usually listen.
    static let standard = Endpoint(address: "127.0.0.1", port: 5025)

    private init(address: String, port: UInt16) {
        self.address = address
        self.port = port
        self.isIPv6 = address.contains(":")
    }

    /// Reads `address:port`, `[v6]:port` or `localhost:port`.
    init(_ text: String) throws(InstrumentProblem) {
        guard let colon = text.lastIndex(of: ":"),
            let port = UInt16(text[text.index(after: colon)...])
        else {
            throw .usage("\(text) is not ADDRESS:PORT")
        }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
        } else if host == "localhost" {
            host = "127.0.0.1"
        }
        self.init(address: host, port: port)
        guard isIPv6 ? socketAddress6() != nil : socketAddress4() != nil else {
            throw .usage("\(host) is not a numeric IPv4 or IPv6 address")
        }
    }

    /// The URI that a client of the daemon would use for the port that was really bound.
    func uri(boundPort: UInt16) -> String {
        isIPv6 ? "tcp://[\(address)]:\(boundPort)" : "tcp://\(address):\(boundPort)"
    }

    func socketAddress4() -> sockaddr_in? {
        var result = sockaddr_in()
        result.sin_family = sa_family_t(AF_INET)
        result.sin_port = port.bigEndian
        return inet_pton(AF_INET, address, &result.sin_addr) == 1 ? result : nil
    }

    func socketAddress6() -> sockaddr_in6? {
        var result = sockaddr_in6()
        result.sin6_family = sa_family_t(AF_INET6)
        result.sin6_port = port.bigEndian
        return inet_pton(AF_INET6, address, &result.sin6_addr) == 1 ? result : nil
    }
}
