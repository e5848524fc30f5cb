/// Every route of the daemon: one row for each method of each path of the OpenAPI document.
enum RouteTable {
    private static let port = "/v1/ports/{port}"
    private static let session = "/v1/sessions/{session}"
    private static let operation = "/v1/sessions/{session}/operations/{operation}"
    private static let consumer = "/v1/ports/{port}/consumers/{consumer}"
    private static let bytes = ["application/octet-stream"]

    static let all: [Route] = [
        // The busiest first.
        Route("POST", port + "/completions:fetch", body: .optionalJSON, FetchHandlers.fetch),
        Route(
            "POST", port + "/packets", body: .jsonOrBytes, query: ["key", "context"],
            PacketHandlers.post),
        Route("POST", session + "/operations", body: .json, OperationHandlers.post),
        Route("POST", port + "/completions:settle", body: .json, FetchHandlers.settle),

        Route("GET", "/v1/ports", query: ["limit", "cursor"], PortHandlers.list),
        Route("PUT", port, body: .optionalJSON, PortHandlers.put),
        Route("GET", port, PortHandlers.get),
        Route("DELETE", port, query: ["force"], PortHandlers.delete),
        Route(
            "GET", port + "/completions", query: ["limit", "cursor", "encoding"],
            PeekHandlers.completions),
        Route(
            "GET", port + "/dead-letters", query: ["limit", "cursor", "encoding"],
            PeekHandlers.deadLetters),
        Route("POST", port + "/dead-letters:redrive", body: .json, PeekHandlers.redrive),
        Route("POST", port + "/dead-letters:discard", body: .json, PeekHandlers.discard),
        Route("POST", consumer + ":park", body: .optionalJSON, ConsumerHandlers.park),
        Route("POST", consumer + ":unpark", body: .optionalJSON, ConsumerHandlers.unpark),
        Route("POST", consumer + "/alerts", body: .optionalJSON, ConsumerHandlers.alert),

        Route("POST", "/v1/sessions", body: .json, SessionOpenHandler.post),
        Route(
            "GET", "/v1/sessions", query: ["limit", "cursor", "port", "state"],
            SessionHandlers.list),
        Route("GET", session, SessionHandlers.get),
        Route("DELETE", session, query: ["force"], SessionHandlers.delete),
        Route("POST", session + ":cancel", body: .optionalJSON, SessionHandlers.cancel),
        Route("POST", session + ":shutdown", body: .json, SessionHandlers.shutdown),
        Route("PUT", session + "/lock", body: .json, LockHandlers.put),
        Route("DELETE", session + "/lock", LockHandlers.delete),
        Route("GET", session + "/operations", query: ["limit", "cursor"], OperationHandlers.list),
        Route("GET", operation, OperationHandlers.get),
        Route("POST", operation + ":credit", body: .json, OperationHandlers.credit),
        Route(
            "POST", session + "/read",
            query: [
                "max_bytes", "exactly", "until", "until_encoding", "offset", "interval_ms",
                "total_ms", "timeout_ms", "context",
            ],
            produces: bytes, RawHandlers.read),
        Route(
            "POST", session + "/write", body: .bytes,
            query: ["offset", "timeout_ms", "context", "to"],
            RawHandlers.write),

        Route("GET", "/v1/info", ServiceHandlers.info),
        Route("GET", "/v1/openapi.json", ServiceHandlers.document),
        Route("GET", "/metrics", produces: ["text/plain"], MetricsHandler.get),
        Route("GET", "/livez", ServiceHandlers.live),
        Route("GET", "/readyz", query: ["verbose"], ServiceHandlers.ready),
        Route("GET", "/healthz", query: ["verbose"], ServiceHandlers.ready),
        Route("GET", "/problems", produces: ProblemPages.types, ProblemPages.list),
        Route("GET", "/problems/{code}", produces: ProblemPages.types, ProblemPages.one),
        Route("GET", "/", produces: ["text/html"], ProblemPages.console),
    ]

    /// The templates, for metrics.
    static let templates: [String] = {
        var templates: [String] = []
        for route in all where !templates.contains(route.template) {
            templates.append(route.template)
        }
        return templates
    }()

    private static let bySegmentCount: [[Route]] = {
        let routes = all.map { route in
            let verbs = templates.filter { $0.hasPrefix(route.template + ":") }
            return Route(
                route.method, route.template, body: route.body, query: route.query,
                produces: route.produces,
                verbs: verbs.map { String($0.dropFirst(route.template.count)) }, route.handler)
        }
        let most = routes.map(\.pieces.count).max() ?? 0
        return (0...most).map { count in routes.filter { $0.pieces.count == count } }
    }()

    /// The routes whose paths have so many segments.
    static func routes(count: Int) -> [Route] {
        count < bySegmentCount.count ? bySegmentCount[count] : []
    }
}
