import HTTPListener
import Testing

@Suite struct FramingTests {
    /// Sends a head as it stands, and expects a refusal that closes within two seconds.
    private func refusal(_ head: String, body: String = "") throws -> Int {
        let test = try TestServer()
        defer { test.server.stop() }
        let client = try test.client()
        try client.send(head.split(separator: "\n").joined(separator: "\r\n") + "\r\n\r\n" + body)
        let reply = try client.reply(within: 2)
        #expect(reply.closes)
        #expect(client.isClosedByServer(within: 2))
        return reply.status
    }

    @Test(arguments: [
        "Content-Length: 5\nContent-Length: 5", "Content-Length: 5\nContent-Length: 6",
        "Content-Length: 5\nTransfer-Encoding: chunked", "Host: other",
        "Content-Type: a\nContent-Type: a",
        "Transfer-Encoding: chunked\nTransfer-Encoding: chunked", "Content-Length : 5",
        "X Y: z", "X-Y: a\u{1}b", "X-Y: a\u{7F}b", "X(Y): z",
    ])
    func `framing that can be read in two ways is refused`(fields: String) throws {
        #expect(try refusal("POST /echo HTTP/1.1\nHost: test\n\(fields)", body: "hello") == 400)
    }

    @Test func `HTTP 1_1 needs a Host`() throws {
        #expect(try refusal("GET / HTTP/1.1") == 400)
    }

    @Test func `HTTP 1_0 has no transfer encodings`() throws {
        #expect(
            try refusal("POST / HTTP/1.0\nConnection: keep-alive\nTransfer-Encoding: chunked")
                == 400
        )
    }

    @Test(arguments: ["identity", "gzip, chunked", "chunked, chunked", "gzip"])
    func `another transfer encoding is refused at once`(coding: String) throws {
        #expect(
            try refusal("POST /echo HTTP/1.1\nHost: test\nTransfer-Encoding: \(coding)") == 501
        )
    }

    @Test(arguments: ["16777217", "9223372036854775808", "18446744073709551615"])
    func `a declared length over the limit is refused at once`(length: String) throws {
        #expect(try refusal("POST /echo HTTP/1.1\nHost: test\nContent-Length: \(length)") == 413)
    }

    @Test(arguments: [(99, 200), (100, 431)])
    func `a head may have a hundred fields`(count: Int, status: Int) throws {
        let test = try TestServer()
        defer { test.server.stop() }
        let client = try test.client()
        try client.request("GET", "/", fields: (0..<count).map { "X-\($0): y" })
        #expect(try client.reply().status == status)
    }

    @Test func `a head may have 16 KiB of fields`() throws {
        let test = try TestServer()
        defer { test.server.stop() }
        // "Host: test" and its end are 12 bytes, "X: " and the end 5.
        for (length, status) in [((16 << 10) - 17, 200), ((16 << 10) - 16, 431)] {
            let client = try test.client()
            try client.request("GET", "/", fields: ["X: " + String(repeating: "y", count: length)])
            #expect(try client.reply().status == status)
        }
    }

    @Test func `a chunked body over the limit is swallowed and refused`() throws {
        let test = try TestServer { $0.bodyByteLimit = 1000 }
        defer { test.server.stop() }
        let client = try test.client()
        let chunk = "1f4\r\n" + String(repeating: "x", count: 500) + "\r\n"
        try client.request("POST", "/echo", fields: ["Transfer-Encoding: chunked"])
        try client.send(chunk + chunk + chunk + "0\r\n\r\n")
        let reply = try client.reply()
        #expect(reply.status == 413)
        #expect(!reply.closes)
        try client.request("POST", "/echo", fields: ["Transfer-Encoding: chunked"])
        try client.send(chunk + chunk + "0\r\n\r\n")
        #expect(try client.reply().body.count == 1000)
    }

    @Test func `a chunked body without end is cut`() throws {
        let test = try TestServer { $0.bodyByteLimit = 1000 }
        defer { test.server.stop() }
        let client = try test.client()
        let chunk = "1f4\r\n" + String(repeating: "x", count: 500) + "\r\n"
        try client.request("POST", "/echo", fields: ["Transfer-Encoding: chunked"])
        for _ in 1...4 { try client.send(chunk) }
        try client.send("1\r\nx\r\n")
        let reply = try client.reply()
        #expect(reply.status == 413)
        #expect(reply.closes)
        #expect(reply.fields["x-request-id"] != nil)
        #expect(client.isClosedByServer())
        #expect(test.responder.logs.take()?.status == 413)
    }

    @Test func `bodies in flight share a budget`() throws {
        let test = try TestServer { $0.bodiesInFlightByteLimit = 1000 }
        defer { test.server.stop() }
        let first = try test.client()
        try first.request("POST", "/park", body: String(repeating: "x", count: 900))
        let exchange = try #require(test.responder.parked.take())
        let second = try test.client()
        try second.request("POST", "/echo", fields: ["Content-Length: 200"])
        #expect(try second.reply().status == 503)
        let third = try test.client()
        try third.request("POST", "/echo", fields: ["Transfer-Encoding: chunked"])
        try third.send("c8\r\n" + String(repeating: "x", count: 200) + "\r\n0\r\n\r\n")
        #expect(try third.reply().status == 503)
        exchange.reply(HTTPReply(status: 200))
        #expect(try first.reply().status == 200)
        // Its bytes are given back when it has ended, which its log line tells; the two refusals
        // have theirs before.
        while let line = test.responder.logs.take(), line.status != 200 {}
        try third.request("POST", "/echo", body: String(repeating: "x", count: 1000))
        #expect(try third.reply().status == 200)
    }
}
