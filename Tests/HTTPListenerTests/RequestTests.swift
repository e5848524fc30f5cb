import HTTPListener
import Testing

@Suite struct RequestTests {
    @Test func `a connection serves one request after the other`() throws {
        let test = try TestServer()
        defer { test.server.stop() }
        let client = try test.client()
        for round in 1...3 {
            try client.request("POST", "/echo", body: "round \(round)")
            let reply = try client.reply()
            #expect(reply.status == 200)
            #expect(reply.text == "round \(round)")
            #expect(!reply.closes)
        }
        #expect(test.server.connectionCount == 1)
    }

    @Test func `every reply has the fields that all have`() throws {
        let test = try TestServer()
        defer { test.server.stop() }
        let client = try test.client()
        try client.request("GET", "/")
        let fields = try client.reply().fields
        #expect(fields["cache-control"] == "no-store")
        #expect(fields["x-content-type-options"] == "nosniff")
        #expect(fields["x-request-id"]?.hasPrefix("req_") == true)
        #expect(fields["date"] != nil)
        #expect(fields["content-length"] == "6")
    }

    @Test func `a valid request id is echoed and a doubtful one replaced`() throws {
        let test = try TestServer()
        defer { test.server.stop() }
        let client = try test.client()
        try client.request("GET", "/", fields: ["X-Request-Id: a.B_9~:/+=-"])
        #expect(try client.reply().fields["x-request-id"] == "a.B_9~:/+=-")
        for doubtful in [
            ["X-Request-Id: a b"], ["X-Request-Id: a", "X-Request-Id: a"], ["X-Request-Id:"],
            ["X-Request-Id: " + String(repeating: "a", count: 129)],
        ] {
            try client.request("GET", "/", fields: doubtful)
            #expect(try client.reply().fields["x-request-id"]?.hasPrefix("req_") == true)
        }
    }

    @Test func `pipelined requests are answered in order`() throws {
        let test = try TestServer()
        defer { test.server.stop() }
        let client = try test.client()
        let one = "POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 1\r\n\r\n"
        try client.send((0..<9).map { "\(one)\($0)" }.joined())
        for number in 0..<9 { #expect(try client.reply().text == "\(number)") }
    }

    @Test func `a body may come in chunks and byte by byte`() throws {
        let test = try TestServer()
        defer { test.server.stop() }
        let client = try test.client()
        let request =
            "POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: Chunked\r\n\r\n"
            + "5\r\nhello\r\n6;name=value\r\n world\r\n0\r\nTrailer: x\r\n\r\n"
        for byte in request.utf8 { try client.send([byte]) }
        let reply = try client.reply()
        #expect(reply.text == "hello world")
        #expect(!reply.closes)
    }

    @Test func `the screen learns the declared length`() throws {
        let test = try TestServer()
        defer { test.server.stop() }
        let client = try test.client()
        try client.request("GET", "/length")
        _ = try client.reply()
        try client.request("POST", "/length", body: "four")
        _ = try client.reply()
        try client.request("POST", "/length", fields: ["Transfer-Encoding: chunked"])
        try client.send("0\r\n\r\n")
        _ = try client.reply()
        #expect(test.responder.lengths.take() == .some(.some(0)))
        #expect(test.responder.lengths.take() == .some(.some(4)))
        #expect(test.responder.lengths.take() == .some(.none))
    }

    @Test func `a HEAD request gets the head of the reply to GET`() throws {
        let test = try TestServer()
        defer { test.server.stop() }
        let client = try test.client()
        try client.request("HEAD", "/")
        let reply = try client.reply(to: "HEAD")
        #expect(reply.status == 200)
        #expect(reply.fields["content-length"] == "6")
        try client.request("GET", "/")
        #expect(try client.reply().text == "hello\n")
    }

    @Test func `HTTP 1_0 closes unless it is asked to stay`() throws {
        let test = try TestServer()
        defer { test.server.stop() }
        var client = try test.client()
        try client.send("GET / HTTP/1.0\r\n\r\n")
        #expect(try client.reply().status == 200)
        #expect(client.isClosedByServer())
        client = try test.client()
        try client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        #expect(try client.reply().status == 200)
        try client.request("GET", "/")
        #expect(try client.reply().status == 200)
    }

    @Test func `a reply can end the connection`() throws {
        let test = try TestServer()
        defer { test.server.stop() }
        let client = try test.client()
        try client.request("GET", "/close")
        #expect(try client.reply().closes)
        #expect(client.isClosedByServer())
    }

    @Test func `a client that expects 100 Continue is told so`() throws {
        let test = try TestServer()
        defer { test.server.stop() }
        let client = try test.client()
        try client.request(
            "POST",
            "/echo",
            fields: ["Expect: 100-continue", "Content-Length: 4"]
        )
        #expect(try client.reply().status == 100)
        try client.send("body")
        #expect(try client.reply().text == "body")
    }

    @Test func `a refusal after the body keeps the connection`() throws {
        let test = try TestServer()
        defer { test.server.stop() }
        let client = try test.client()
        for _ in 1...2 {
            try client.request("POST", "/refuse-after", body: "ignored")
            let reply = try client.reply()
            #expect(reply.status == 404)
            #expect(reply.text == "after\n")
            #expect(!reply.closes)
        }
        try client.request("GET", "/refuse-after")
        #expect(try client.reply().status == 404)
        try client.request("GET", "/")
        #expect(try client.reply().status == 200)
    }

    @Test func `a refusal after the body comes at once to a client that waits`() throws {
        let test = try TestServer()
        defer { test.server.stop() }
        let client = try test.client()
        try client.request(
            "POST",
            "/refuse-after",
            fields: ["Expect: 100-continue", "Content-Length: 4"]
        )
        let reply = try client.reply()
        #expect(reply.status == 404)
        #expect(reply.closes)
        #expect(client.isClosedByServer())
    }

    @Test func `a refusal at once closes the connection`() throws {
        let test = try TestServer()
        defer { test.server.stop() }
        let client = try test.client()
        try client.request("POST", "/refuse-now", fields: ["Content-Length: 10"])
        let reply = try client.reply()
        #expect(reply.status == 403)
        #expect(reply.text == "now\n")
        #expect(reply.closes)
        #expect(client.isClosedByServer())
    }

    @Test func `each request is logged once`() throws {
        let test = try TestServer()
        defer { test.server.stop() }
        let client = try test.client()
        try client.request("POST", "/a%20b?c=d", fields: ["X-Request-Id: mine"], body: "four")
        _ = try client.reply()
        let line = try #require(test.responder.logs.take())
        #expect(line.method == "POST")
        #expect(line.path == "/a%20b")
        #expect(line.label == "/default")
        #expect(line.status == 200)
        #expect(line.requestID == "mine")
        #expect(line.requestBytes == 4)
        #expect(line.replyBytes == 4)
        #expect(line.isSent)
        #expect(line.durationNanoseconds > 0)
        #expect(line.peer.hasPrefix("127.0.0.1:"))
        #expect(test.responder.logs.take(within: 0.05) == nil)
    }

    @Test func `a request holds what was asked to be kept of its head`() throws {
        let test = try TestServer()
        defer { test.server.stop() }
        let client = try test.client()
        try client.request(
            "PATCH",
            "/look/%C3%BC?a=1&b&a=%26+x&=&c=",
            fields: ["ACCEPT: a", "Accept: b", "X-Other: z", "content-type: text/plain"]
        )
        _ = try client.reply()
        let request = try #require(test.responder.requests.take())
        #expect(request.method == "PATCH")
        #expect(request.path == "/look/%C3%BC")
        #expect(request.segments == ["look", "ü"])
        #expect(request.rawQuery == "a=1&b&a=%26+x&=&c=")
        #expect(
            request.query == [
                QueryItem(name: "a", value: "1"), QueryItem(name: "b", hasValue: false),
                QueryItem(name: "a", value: "& x"), QueryItem(name: ""), QueryItem(name: "c"),
            ]
        )
        #expect(request.header("accept") == "a, b")
        #expect(request.header("content-type") == "text/plain")
        #expect(request.header("x-other") == nil)
        #expect(request.header("origin") == nil)
        #expect(request.host == "test")
        #expect(request.body.isEmpty)
        #expect(!request.arrivedOverUnixSocket)
    }
    @Test(arguments: [
        "content-type", "CONTENT-TYPE", "Content-Type", "cONTENT-tYPE", "content-typE",
    ])
    func `a field is known by its name in any case`(name: String) throws {
        #expect(try contentType(name) == "x")
    }

    @Test(arguments: [
        "content-typd", "dontent-type", "conten_-type", "content-types", "content-typ",
        "contentstype",
    ])
    func `a field of nearly the same name is another one`(name: String) throws {
        #expect(try contentType(name) == nil)
    }

    private func contentType(_ name: String) throws -> String? {
        let test = try TestServer()
        defer { test.server.stop() }
        let client = try test.client()
        try client.request("GET", "/look", fields: ["\(name): x"])
        _ = try client.reply()
        return try #require(test.responder.requests.take()).header("content-type")
    }
}
