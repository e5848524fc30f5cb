import HTTPListener

/// Whose requests are taken: what keeps a web page from driving a daemon on localhost.
struct Admission: Sendable {
    /// Host names that are allowed besides addresses and `localhost`, in small letters.
    private let allowedHosts: Set<String>
    private let allowsAll: Bool

    /// `allowedHosts`: names that are allowed besides addresses and `localhost`; `*` is any.
    init(allowedHosts: [String]) {
        self.allowedHosts = Set(allowedHosts.map { $0.lowercased() })
        allowsAll = allowedHosts.contains("*")
    }

    /// Judges who calls.
    ///
    /// - Throws: `host.denied`, `origin.denied`.
    func judge(_ request: HTTPRequest) throws(Problem) {
        if !request.arrivedOverUnixSocket, let host = request.host, !isAllowed(host) {
            throw Problem(
                .hostDenied, "This daemon does not answer for the host that the request names.")
        }
        switch request.method {
        case "GET", "HEAD", "OPTIONS": return
        default: break
        }
        if let origin = request.header("origin") {
            let authority = origin.firstRange(of: "://").map { origin[$0.upperBound...] }
            guard let authority, authority.lowercased() == request.host?.lowercased() else {
                throw Problem(.originDenied, "The request comes from a page of another site.")
            }
        }
        if let site = request.header("sec-fetch-site"), site != "same-origin", site != "none" {
            throw Problem(.originDenied, "The request comes from a page of another site.")
        }
    }

    private func isAllowed(_ authority: String) -> Bool {
        if allowsAll || authority.utf8.first == UInt8(ascii: "[") || isAddress(authority) {
            return true
        }
        var host = authority[...]
        if let colon = host.lastIndex(of: ":") { host = host[..<colon] }
        var name = host.lowercased()
        if name.hasSuffix(".") { name.removeLast() }
        return name == "localhost" || name.hasSuffix(".localhost") || allowedHosts.contains(name)
    }

    /// Whether it is digits and dots, with a port or without.
    ///
    /// An address cannot be made to mean another machine by whoever runs a name server.
    private func isAddress(_ authority: String) -> Bool {
        var (hasHost, hasPort) = (false, false)
        for byte in authority.utf8 {
            switch byte {
            case UInt8(ascii: ":") where hasPort: return false
            case UInt8(ascii: ":"): hasPort = true
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."): hasHost = true
            default: guard hasPort else { return false }
            }
            if !hasHost { return false }
        }
        return hasHost
    }
}
