// Problems of the request itself: its head, its body, and who may send it.
// The words are those of `x-problem-codes` in openapi/openapi.yaml.

extension ProblemKind {
    /// `request.malformed`, 400.
    public static let requestMalformed = ProblemKind(
        code: "request.malformed",
        status: 400,
        title: "Malformed request",
        retryable: false,
        meaning: """
            The head of the request is not clean HTTP: a field that may come once came twice, \
            both a length and chunked coding were given, HTTP/1.1 came without Host, a field \
            name is no token, a value holds control characters, or an Idempotency-Key breaks its \
            pattern. Such heads are read differently by different proxies, so they are refused.
            """,
        mend: """
            Send each of Host, Content-Length, Transfer-Encoding and Content-Type once at most, \
            and only printable characters in header fields.
            """
    )

    /// `request.target_invalid`, 400.
    public static let requestTargetInvalid = ProblemKind(
        code: "request.target_invalid",
        status: 400,
        title: "Malformed request target",
        retryable: false,
        meaning: """
            A segment of the path has a broken percent escape, or is not UTF-8 after decoding.
            """,
        mend: "Percent-encode each segment once, as UTF-8."
    )

    /// `request.query_invalid`, 400.
    public static let requestQueryInvalid = ProblemKind(
        code: "request.query_invalid",
        status: 400,
        title: "Wrong query parameter",
        retryable: false,
        meaning: """
            A query parameter is unknown to this route, came twice, has the wrong type or is out \
            of its range. Unknown ones are refused so that a misspelt one is not silently \
            without effect.
            """,
        mend: """
            Look at errors for the parameter; booleans are true or false, integers are decimal \
            digits.
            """
    )

    /// `request.query_conflict`, 422.
    public static let requestQueryConflict = ProblemKind(
        code: "request.query_conflict",
        status: 422,
        title: "Query parameters exclude each other",
        retryable: false,
        meaning: """
            The query parameters of a raw read are each right, but cannot be used together: \
            exactly with max_bytes or until, until with max_bytes=0, or until_encoding without \
            an until that it fits.
            """,
        mend: "Give exactly alone, or until with its encoding, or max_bytes."
    )

    /// `request.timeout`, 408.
    public static let requestTimeout = ProblemKind(
        code: "request.timeout",
        status: 408,
        title: "Request timed out",
        retryable: true,
        meaning: """
            The head or the body of the request did not arrive within its time, counted from its \
            start. The connection is closed.
            """,
        mend: "Send the request in one go; the times are in /v1/info."
    )

    /// `request.target_too_long`, 414.
    public static let requestTargetTooLong = ProblemKind(
        code: "request.target_too_long",
        status: 414,
        title: "Request target too long",
        retryable: false,
        meaning: "The request target is longer than 8 KiB, or has more than 64 query parameters.",
        mend: "Shorten it; long data travels in the body."
    )

    /// `request.headers_too_large`, 431.
    public static let requestHeadersTooLarge = ProblemKind(
        code: "request.headers_too_large",
        status: 431,
        title: "Header fields too large",
        retryable: false,
        meaning: "The request has more than 100 header fields, or more than 16 KiB of them.",
        mend: "Send fewer or shorter header fields; a proxy or a cookie jar may be adding them."
    )

    /// `route.unknown`, 404.
    public static let routeUnknown = ProblemKind(
        code: "route.unknown",
        status: 404,
        title: "No such route",
        retryable: false,
        meaning: """
            Nothing is served at this path. Paths are taken literally: a trailing or doubled \
            slash makes another path.
            """,
        mend: "Look the path up in /v1/openapi.json."
    )

    /// `method.not_allowed`, 405.
    public static let methodNotAllowed = ProblemKind(
        code: "method.not_allowed",
        status: 405,
        title: "Method not allowed",
        retryable: false,
        meaning: """
            The path exists, but not for this method. The Allow header names those that it has.
            """,
        mend: "Use one of the methods in Allow."
    )

    /// `accept.unsupported`, 406.
    public static let acceptUnsupported = ProblemKind(
        code: "accept.unsupported",
        status: 406,
        title: "No acceptable representation",
        retryable: false,
        meaning: "The Accept header excludes every media type that this route can answer with.",
        mend: "Leave Accept out, or allow application/json (or the type that the route names)."
    )

    /// `name.invalid`, 400.
    public static let nameInvalid = ProblemKind(
        code: "name.invalid",
        status: 400,
        title: "Not a valid name",
        retryable: false,
        meaning: """
            The name of a port or consumer in the path breaks the pattern \
            [A-Za-z0-9][A-Za-z0-9._-]{0,63}.
            """,
        mend: """
            Use letters, digits, dot, dash and underscore, a letter or digit first, 64 \
            characters at most.
            """
    )

    /// `body.missing`, 400.
    public static let bodyMissing = ProblemKind(
        code: "body.missing",
        status: 400,
        title: "Body missing",
        retryable: false,
        meaning: "This route needs a body and none came.",
        mend: "Send the JSON object that the route describes, with Content-Type: application/json."
    )

    /// `body.unexpected`, 400.
    public static let bodyUnexpected = ProblemKind(
        code: "body.unexpected",
        status: 400,
        title: "Unexpected body",
        retryable: false,
        meaning: """
            A GET, HEAD or DELETE came with a body. Proxies treat such bodies differently, so it \
            is refused and not ignored.
            """,
        mend: "Send the request without a body; options of a DELETE are query parameters."
    )

    /// `body.invalid_json`, 400.
    public static let bodyInvalidJSON = ProblemKind(
        code: "body.invalid_json",
        status: 400,
        title: "Body is not valid JSON",
        retryable: false,
        meaning: """
            The body is no JSON text: a syntax error, a key that comes twice in an object, \
            nesting deeper than 32, or bytes that are not UTF-8.
            """,
        mend: "Mend the JSON at the line and column that the detail names."
    )

    /// `body.invalid`, 400.
    public static let bodyInvalid = ProblemKind(
        code: "body.invalid",
        status: 400,
        title: "Body does not fit the schema",
        retryable: false,
        meaning: """
            The body is JSON, but a member is unknown, missing, of the wrong type, out of its \
            range, null, or excluded by another member.
            """,
        mend: """
            Look at errors: each has a pointer to the member and says what it must be. Up to 16 \
            are told at once.
            """
    )

    /// `body.too_large`, 413.
    public static let bodyTooLarge = ProblemKind(
        code: "body.too_large",
        status: 413,
        title: "Body too large",
        retryable: false,
        meaning: "The body is longer than the daemon takes.",
        mend: "Split it over several requests, or start the daemon with a larger --max-body-bytes."
    )

    /// `content_type.unsupported`, 415.
    public static let contentTypeUnsupported = ProblemKind(
        code: "content_type.unsupported",
        status: 415,
        title: "Content type not supported",
        retryable: false,
        meaning: """
            The body has no Content-Type that this route reads, or a parameter other than \
            charset=utf-8. Requiring application/json keeps web pages from driving a daemon on \
            localhost.
            """,
        mend: "Send Content-Type: application/json; with curl, use --json instead of -d."
    )

    /// `content_encoding.unsupported`, 415.
    public static let contentEncodingUnsupported = ProblemKind(
        code: "content_encoding.unsupported",
        status: 415,
        title: "Content encoding not supported",
        retryable: false,
        meaning: "The body is compressed. Bodies are read as they are.",
        mend: "Send the body without Content-Encoding."
    )

    /// `transfer_encoding.unsupported`, 501.
    public static let transferEncodingUnsupported = ProblemKind(
        code: "transfer_encoding.unsupported",
        status: 501,
        title: "Transfer coding not supported",
        retryable: false,
        meaning: """
            The request has a Transfer-Encoding other than chunked. The connection is closed.
            """,
        mend: "Send Content-Length, or chunked alone."
    )

    /// `data.too_long`, 422.
    public static let dataTooLong = ProblemKind(
        code: "data.too_long",
        status: 422,
        title: "Decoded data too long",
        retryable: false,
        meaning: """
            A text has as many characters as its member may have, but decodes to more bytes than \
            the member may hold: a delimiter in until or the data of an alert.
            """,
        mend: """
            Shorten it; the limits max_until_bytes and max_alert_bytes in /v1/info count bytes \
            after decoding.
            """
    )

    /// `origin.denied`, 403.
    public static let originDenied = ProblemKind(
        code: "origin.denied",
        status: 403,
        title: "Cross-site request denied",
        retryable: false,
        meaning: """
            A request that may change something came from a web page of another site: its Origin \
            names another host and port than its Host, or Sec-Fetch-Site says so.
            """,
        mend: "Call from a program, or from a page that this daemon served."
    )

    /// `host.denied`, 421.
    public static let hostDenied = ProblemKind(
        code: "host.denied",
        status: 421,
        title: "Host name denied",
        retryable: false,
        meaning: """
            The Host of the request is neither an IP address, localhost, the machine's name, nor \
            a name that the daemon was told. This keeps web pages from reaching it through a \
            name that they control.
            """,
        mend: "Use the address, or start the daemon with --allow-host and this name."
    )

    /// `idempotency.in_progress`, 409.
    public static let idempotencyInProgress = ProblemKind(
        code: "idempotency.in_progress",
        status: 409,
        title: "Request still in progress",
        retryable: true,
        meaning: "A request with this Idempotency-Key is still being answered.",
        mend: "Wait for retry_after_ms and send the same request again, to get the same answer."
    )

    /// `idempotency.key_reused`, 422.
    public static let idempotencyKeyReused = ProblemKind(
        code: "idempotency.key_reused",
        status: 422,
        title: "Idempotency key reused",
        retryable: false,
        meaning: """
            The Idempotency-Key was used on this path for a request with another query, content \
            type or body.
            """,
        mend: "Use a new key for each new request, and the old one for exact repeats only."
    )

    /// `idempotency.inline`, 422.
    public static let idempotencyInline = ProblemKind(
        code: "idempotency.inline",
        status: 422,
        title: "No idempotency for inline operations",
        retryable: false,
        meaning: """
            An Idempotency-Key came with operations that are answered inline. Such answers may \
            be large and are not kept, so a repeat could not be answered.
            """,
        mend: "Leave the key out, or have the entries delivered to the port."
    )
}
