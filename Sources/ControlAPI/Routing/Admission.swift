import HTTPListener

/// Whose requests are taken: what keeps a web page from driving a daemon on localhost.
struct Admission: Sendable {
    /// Host names that are allowed besides addresses and `localhost`, in small letters; `*` is any.
    let allowedHosts: Set<String>

    /// Judges who calls.
    ///
    /// - Throws: `host.denied`, `origin.denied`.
    func judge(_ request: HTTPRequest) throws(Problem) {
        if !request.arrivedOverUnixSocket, let host = request.host, !isAllowed(host) {
            throw Problem(
                .hostDenied, "This daemon does not answer for the host that the request names.")
        }
        guard !["GET", "HEAD", "OPTIONS"].contains(request.method) else { return }
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
        if allowedHosts.contains("*") { return true }
        if authority.hasPrefix("[") { return true }
        var host = authority[...]
        if let colon = host.lastIndex(of: ":") { host = host[..<colon] }
        var name = host.lowercased()
        if name.hasSuffix(".") { name.removeLast() }
        // An address cannot be made to mean another machine by whoever runs a name server.
        let isAddress = !name.isEmpty && name.allSatisfy { $0.isNumber || $0 == "." }
        return isAddress || name == "localhost" || name.hasSuffix(".localhost")
            || allowedHosts.contains(name)
    }
}
