public import HTTPListener

/// Answers HTTP requests: finds the route, checks what every route checks, calls the handler.
public final class APIResponder: HTTPResponder {
    private let service: Service
    private let admission: Admission
    private let onRequest: @Sendable (RequestLog) -> Void

    /// Bodies up to this size are read before a request is refused, so that its connection lives on
    /// and nothing is looked at twice.
    private static let smallBody = 65_536

    /// A responder for `service`.
    ///
    /// - Parameters:
    ///   - service: what the requests are for.
    ///   - allowedHosts: host names that are allowed besides addresses and `localhost`.
    ///   - onRequest: takes the log line of each request.
    public init(
        service: Service, allowedHosts: [String],
        onRequest: @escaping @Sendable (RequestLog) -> Void
    ) {
        self.service = service
        admission = Admission(allowedHosts: allowedHosts)
        self.onRequest = onRequest
    }

    /// Refuses a request with a large body before that has been read.
    public func screen(_ head: HTTPRequest, declaredLength: Int?) -> Screening {
        guard declaredLength ?? .max > APIResponder.smallBody else { return .proceed }
        do {
            _ = try admit(head, hasBody: true, declaredLength: declaredLength)
            return .proceed
        } catch {
            return .refuseAfterBody(reply(error, to: head, label: nil))
        }
    }

    /// Answers a whole request.
    public func respond(to request: HTTPRequest, on exchange: HTTPExchange) {
        var label: String?
        do throws(Problem) {
            let (route, parameters, query) = try admit(request, hasBody: !request.body.isEmpty)
            label = route.template
            try ContentRules.judgePresence(request, route.body)
            let call = APICall(
                service: service, request: request, exchange: exchange, route: route,
                parameters: parameters, query: query)
            if let reply = try route.handler(call) { call.reply(reply) }
        } catch {
            exchange.reply(reply(error, to: request, label: label))
        }
    }

    /// Words what the listener refuses.
    public func refusal(_ refusal: ListenerRefusal, for head: HTTPRequest) -> HTTPReply {
        reply(Problem(refusal), to: head, label: nil)
    }

    /// Takes note of a finished request.
    public func logged(_ line: RequestLog) {
        service.metrics.requestFinished(line)
        onRequest(line)
    }

    // MARK: - What every route checks

    private func admit(
        _ request: HTTPRequest, hasBody: Bool, declaredLength: Int? = nil
    ) throws(Problem) -> (Route, [String], QueryValues) {
        try admission.judge(request)
        let (route, parameters) = try find(request)
        let query = try QueryValues(request.query, known: route.query)
        let limit = service.limits.maxBodyBytes
        if declaredLength ?? 0 > limit { throw Problem(.bodyTooLarge(limit: limit)) }
        try ContentRules.judgeBody(request, route.body, hasBody: hasBody)
        if !route.produces.isEmpty { try ContentRules.judgeAccept(request, route.produces) }
        if let key = request.header("idempotency-key") {
            let isWellFormed =
                (1...255).contains(key.utf8.count)
                && key.utf8.allSatisfy { (0x21...0x7E).contains($0) }
            guard isWellFormed else {
                throw Problem(
                    .requestMalformed, "The Idempotency-Key is not 1 to 255 printable characters.",
                    faults: [
                        Problem.Fault(
                            parameter: "Idempotency-Key", detail: "must match [!-~]{1,255}")
                    ])
            }
        }
        return (route, parameters, query)
    }

    private func find(_ request: HTTPRequest) throws(Problem) -> (Route, [String]) {
        let method = request.method == "HEAD" ? "GET" : request.method
        var methods: [String] = []
        for route in RouteTable.routes(count: request.segments.count) {
            guard let parameters = route.match(request.segments) else { continue }
            if route.method == method { return (route, parameters) }
            methods.append(route.method)
        }
        guard !methods.isEmpty else {
            throw Problem(.routeUnknown, "There is no such path.")
        }
        if methods.contains("GET") { methods.append("HEAD") }
        methods.append("OPTIONS")
        let allow = methods.sorted().joined(separator: ", ")
        guard method == "OPTIONS" else {
            throw Problem(
                .methodNotAllowed, "This path does not have the method of the request.",
                allow: allow)
        }
        let options = Route("OPTIONS", "options", produces: []) { _ in
            HTTPReply(status: 204, headers: [("Allow", allow)])
        }
        return (options, [])
    }

    private func reply(_ problem: Problem, to request: HTTPRequest, label: String?) -> HTTPReply {
        var reply = problem.reply(path: request.path, requestID: request.requestID)
        reply.label = label
        return reply
    }
}

extension Problem {
    /// What the listener's refusal is in problem+json.
    init(_ refusal: ListenerRefusal) {
        switch refusal {
        case .malformed(let detail):
            self.init(.requestMalformed, detail)
        case .targetInvalid(let detail):
            self.init(.requestTargetInvalid, "The request target cannot be used: \(detail).")
        case .targetTooLong(let limit):
            self.init(
                .requestTargetTooLong, "The request target is longer than \(limit) bytes.",
                limit: limit)
        case .tooManyQueryItems(let limit):
            self.init(
                .requestTargetTooLong, "There are more than \(limit) query parameters.",
                limit: limit)
        case .headersTooLarge(let fields, let bytes):
            self.init(
                .requestHeadersTooLarge,
                "There are more than \(fields) header fields, or \(bytes) bytes of them.",
                limit: bytes)
        case .bodyTooLarge(let limit):
            self.init(.bodyTooLarge, "The body is longer than \(limit) bytes.", limit: limit)
        case .transferEncodingUnsupported:
            self.init(
                .transferEncodingUnsupported,
                "The body is sent in a transfer encoding other than chunked.")
        case .requestTimeout(let part, let limit):
            self.init(
                .requestTimeout, "The \(part) of the request did not arrive in \(limit) ms.",
                limit: limit)
        case .overloaded(let limit):
            self.init(
                .serviceOverloaded, "All bodies that are being read have \(limit) bytes.",
                limit: limit)
        case .stopping:
            self.init(.serviceDraining, "The daemon is stopping.")
        case .unanswered:
            self.init(.serviceInternal, "The request was dropped by mistake.")
        }
    }
}
