import HTTPListener

/// What the headers of a request say of its body and of the reply.
enum ContentRules {
    /// Judges the body's type and coding.
    ///
    /// - Throws: `content_type.unsupported`, `content_encoding.unsupported`.
    static func judgeBody(_ request: HTTPRequest, _ rule: BodyRule, hasBody: Bool) throws(Problem) {
        if let coding = request.header("content-encoding"), coding.lowercased() != "identity" {
            throw Problem(
                .contentEncodingUnsupported, "The body is sent in a content encoding.")
        }
        guard hasBody else { return }
        switch rule {
        case .none:
            return
        case .optionalJSON, .json:
            guard isJSON(request) else { throw wrongType("application/json") }
        case .jsonOrBytes:
            guard isJSON(request) || isBytes(request) else {
                throw wrongType("application/json or application/octet-stream")
            }
        case .bytes:
            guard isBytes(request) else { throw wrongType("application/octet-stream") }
        }
    }

    /// Judges whether there is a body where one must or must not be.
    ///
    /// - Throws: `body.missing`, `body.unexpected`.
    static func judgePresence(_ request: HTTPRequest, _ rule: BodyRule) throws(Problem) {
        switch rule {
        case .none:
            if !request.body.isEmpty && request.method != "POST" {
                throw Problem(.bodyUnexpected, "A \(request.method) request has no body.")
            }
            if !request.body.isEmpty {
                throw Problem(.bodyUnexpected, "This request has no body.")
            }
        case .optionalJSON:
            return
        case .json:
            if request.body.isEmpty {
                throw Problem(.bodyMissing, "The request has no body.")
            }
        case .jsonOrBytes, .bytes:
            // Bytes may be none at all, if the type says that bytes are meant.
            if request.body.isEmpty && !isBytes(request) {
                throw Problem(.bodyMissing, "The request has no body.")
            }
        }
    }

    /// Judges whether the client takes what the route can answer with.
    ///
    /// - Throws: `accept.unsupported`.
    static func judgeAccept(_ request: HTTPRequest, _ produces: [String]) throws(Problem) {
        // What curl and most libraries send.
        if request.header("accept", is: "*/*") { return }
        guard let accept = request.header("accept") else { return }
        guard !produces.contains(where: { isAccepted($0, by: accept) }) else { return }
        let types = produces.joined(separator: ", ")
        throw Problem(.acceptUnsupported, "The reply is \(types), which Accept leaves out.")
    }

    /// Whether the body is sent as bytes.
    static func isBytes(_ request: HTTPRequest) -> Bool {
        // Nearly always it is one of the two, word for word.
        if request.header("content-type", is: "application/json") { return false }
        return mediaType(request.header("content-type"))?.type == "application/octet-stream"
    }

    private static func isJSON(_ request: HTTPRequest) -> Bool {
        if request.header("content-type", is: "application/json") { return true }
        guard let (type, parameters) = mediaType(request.header("content-type")),
            type == "application/json"
        else { return false }
        return parameters.allSatisfy { $0 == "charset=utf-8" || $0 == "charset=\"utf-8\"" }
    }

    private static func wrongType(_ wanted: String) -> Problem {
        Problem(
            .contentTypeUnsupported,
            "The body must be sent as \(wanted); with curl, --json does that.")
    }

    private static func mediaType(_ text: String?) -> (type: String, parameters: [String])? {
        guard let text else { return nil }
        let parts = text.split(separator: ";", omittingEmptySubsequences: false).map { part in
            trimmed(part).lowercased()
        }
        guard let type = parts.first else { return nil }
        return (type, Array(parts.dropFirst()))
    }

    /// Whether one of the media ranges of `Accept` takes the type; the most specific one decides.
    static func isAccepted(_ type: String, by accept: String) -> Bool {
        let family = type.prefix { $0 != "/" } + "/*"
        var best: (rank: Int, isWanted: Bool)?
        for range in accept.split(separator: ",") {
            let parts = range.split(separator: ";").map { trimmed($0).lowercased() }
            guard let name = parts.first else { continue }
            let rank: Int
            switch name {
            case type: rank = 3
            case String(family): rank = 2
            case "*/*": rank = 1
            default: continue
            }
            let weight = parts.dropFirst().first { $0.hasPrefix("q=") }?.dropFirst(2)
            let isWanted = weight.flatMap { Double(String($0)) } != 0
            if rank >= best?.rank ?? 0 { best = (rank, isWanted) }
        }
        return best?.isWanted ?? false
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return text
    }
}
