import HTTPListener
import JSONText

/// Pages that explain the problem codes, as text for curl and as HTML for browsers.
enum ProblemPages {
    static func list(_ call: APICall) throws(Problem) -> HTTPReply? {
        let kinds = ProblemCatalogue.all
        switch form(call) {
        case .json:
            return call.json(reserving: 32_768) { writer in
                writer.object { writer in
                    writer.array("problems") { writer in
                        for kind in kinds { write(kind, into: &writer) }
                    }
                }
            }
        case .text:
            let lines = kinds.map { "\($0.status)  \($0.code)  \($0.title)\n" }
            return text(lines.joined())
        case .html:
            let items = kinds.map { kind in
                "<li><a href=\"\(kind.path)\">\(kind.code)</a> (\(kind.status)): \(escaped(kind.title))</li>"
            }
            return page("Problems", "<ul>\(items.joined())</ul>")
        }
    }

    static func one(_ call: APICall) throws(Problem) -> HTTPReply? {
        guard let kind = ProblemCatalogue.kind(call.parameters[0]) else {
            throw Problem(.problemUnknown, "There is no such code.")
        }
        let retry =
            kind.retryable ? "The same request may succeed later." : "Trying again does not help."
        switch form(call) {
        case .json:
            return call.json(reserving: 1_024) { write(kind, into: &$0) }
        case .text:
            return text(
                """
                \(kind.code)  (HTTP \(kind.status))
                \(kind.title)

                \(kind.meaning)

                How to mend it: \(kind.mend)
                \(retry)

                """)
        case .html:
            return page(
                kind.code,
                """
                <p>HTTP \(kind.status): \(escaped(kind.title))</p><p>\(escaped(kind.meaning))</p>\
                <p><b>How to mend it:</b> \(escaped(kind.mend))</p><p>\(retry)</p>\
                <p><a href="/problems">All problems</a></p>
                """)
        }
    }

    static func console(_ call: APICall) throws(Problem) -> HTTPReply? {
        let version = call.service.identity.version
        return page(
            "iocpd",
            """
            <p>The I/O completion port daemon, version \(escaped(version)).</p><ul>\
            <li><a href="/v1/info">/v1/info</a>: transports, operations, limits</li>\
            <li><a href="/v1/openapi.json">/v1/openapi.json</a>: the whole HTTP interface</li>\
            <li><a href="/v1/ports">/v1/ports</a>, <a href="/v1/sessions">/v1/sessions</a></li>\
            <li><a href="/problems">/problems</a>: what can be refused, and how to mend it</li>\
            <li><a href="/metrics">/metrics</a>, <a href="/readyz?verbose">/readyz</a></li></ul>
            """)
    }

    /// The media types of the pages.
    static let types = ["text/plain", "text/html", "application/json"]

    private enum Form { case json, text, html }

    private static func form(_ call: APICall) -> Form {
        guard let accept = call.request.header("accept") else { return .text }
        // Only a client that names a type gets it: curl's "*/*" is answered with text.
        if accept.contains("text/html") { return .html }
        return accept.contains("application/json") ? .json : .text
    }

    private static func write(_ kind: ProblemKind, into writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("code", kind.code)
            writer.member("status", kind.status)
            writer.member("title", kind.title)
            writer.member("retryable", kind.retryable)
            writer.member("meaning", kind.meaning)
            writer.member("mend", kind.mend)
        }
    }

    private static func text(_ text: String) -> HTTPReply {
        HTTPReply(status: 200, contentType: "text/plain; charset=utf-8", body: Array(text.utf8))
    }

    private static func page(_ title: String, _ body: String) -> HTTPReply {
        let html = """
            <!doctype html><html lang="en"><head><meta charset="utf-8"><title>\(escaped(title))</title>\
            </head><body><h1>\(escaped(title))</h1>\(body)</body></html>

            """
        return HTTPReply(
            status: 200, contentType: "text/html; charset=utf-8",
            headers: [
                ("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'")
            ],
            body: Array(html.utf8))
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }
}
