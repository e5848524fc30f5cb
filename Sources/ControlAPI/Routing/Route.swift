import HTTPListener

/// What a request's body may be.
enum BodyRule: Sendable {
    /// The method takes none.
    case none
    /// JSON; without one, the request means `{}`.
    case optionalJSON
    /// JSON.
    case json
    /// JSON, or bytes.
    case jsonOrBytes
    /// Bytes.
    case bytes
}

/// A piece of a path's template.
enum PathPiece: Sendable {
    /// This very segment.
    case literal(String)
    /// A segment that is a name or an id.
    case parameter
    /// A name or id followed by `:verb`.
    case verb(String)
}

/// One method of one path: a row of the route table.
final class Route: Sendable {
    /// Answers, now by returning a reply, or later and returns `nil`.
    typealias Handler = @Sendable (APICall) throws(Problem) -> HTTPReply?

    let method: String
    /// The template as the OpenAPI document and the metrics have it.
    let template: String
    let pieces: [PathPiece]
    let body: BodyRule
    /// The names of the query parameters that it takes.
    let query: [String]
    /// The media types that it can answer with.
    let produces: [String]
    let handler: Handler
    /// The verbs that may follow its last segment: `{session}:cancel` is no `{session}`.
    let verbs: [String]

    init(
        _ method: String, _ template: String, body: BodyRule = .none, query: [String] = [],
        produces: [String] = ["application/json"], verbs: [String] = [],
        _ handler: @escaping Handler
    ) {
        self.method = method
        self.template = template
        self.body = body
        self.query = query
        self.produces = produces
        self.verbs = verbs
        self.handler = handler
        pieces = template.split(separator: "/").map { segment in
            guard segment.hasPrefix("{") else { return .literal(String(segment)) }
            guard let colon = segment.firstIndex(of: ":") else { return .parameter }
            return .verb(String(segment[colon...]))
        }
    }

    /// The names and ids in a path, if it is one of this route's.
    func match(_ segments: [String]) -> [String]? {
        guard segments.count == pieces.count, hasLiterals(segments) else { return nil }
        var parameters: [String] = []
        for (piece, segment) in zip(pieces, segments) {
            switch piece {
            case .literal: break
            case .parameter:
                guard !segment.isEmpty, !verbs.contains(where: segment.hasSuffix) else {
                    return nil
                }
                parameters.append(segment)
            case .verb(let verb):
                guard segment.utf8.count > verb.utf8.count, segment.hasSuffix(verb) else {
                    return nil
                }
                parameters.append(String(segment.dropLast(verb.count)))
            }
        }
        return parameters
    }

    /// Whether the literal pieces are as they must be, the last first: it differs most.
    private func hasLiterals(_ segments: [String]) -> Bool {
        for index in pieces.indices.reversed() {
            if case .literal(let text) = pieces[index], segments[index] != text { return false }
        }
        return true
    }
}

/// One request on its way through a handler.
struct APICall: Sendable {
    let service: Service
    let request: HTTPRequest
    let exchange: HTTPExchange
    let route: Route
    /// The names and ids in the path.
    let parameters: [String]
    let query: QueryValues

    /// Answers later: what a handler that returned `nil` must do exactly once.
    func reply(_ reply: consuming HTTPReply) {
        reply.label = route.template
        exchange.reply(reply)
    }

    /// Refuses later.
    func reply(_ problem: Problem) {
        reply(problem.reply(path: request.path, requestID: request.requestID))
    }
}
