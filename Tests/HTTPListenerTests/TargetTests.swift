import HTTPListener
import Testing

@Suite struct TargetTests {
    /// What the responder sees of a target.
    private func seen(_ target: String, method: String = "GET") throws -> HTTPRequest? {
        let test = try TestServer()
        defer { test.server.stop() }
        let client = try test.client()
        try client.request(method, target)
        _ = try client.reply()
        return test.responder.requests.take(within: 1)
    }

    private func status(_ target: String, method: String = "GET") throws -> Int {
        let test = try TestServer()
        defer { test.server.stop() }
        let client = try test.client()
        try client.request(method, target)
        return try client.reply().status
    }

    @Test(arguments: [
        ("/look", ["look"]), ("/look/", ["look", ""]), ("/look//x", ["look", "", "x"]),
        ("/look/../x", ["look", "..", "x"]), ("/look/a%2Fb", ["look", "a/b"]),
        ("/look/a%00b", ["look", "a\0b"]), ("/look/x%3Ay", ["look", "x:y"]),
        ("/look/a+b", ["look", "a+b"]), ("/%6cook/%2525", ["look", "%25"]),
        ("/look/ü", ["look", "ü"]),
    ])
    func `segments are decoded once`(target: String, segments: [String]) throws {
        #expect(try seen(target)?.segments == segments)
    }

    @Test func `a decoded NUL in a query does not cut it`() throws {
        #expect(try seen("/look?a=x%00y&b=1")?.query.map(\.value) == ["x\0y", "1"])
    }

    @Test func `an absolute target's authority stands for Host`() throws {
        let request = try seen("HTTP://Other.example:80/look/x?y=1")
        #expect(request?.host == "Other.example:80")
        #expect(request?.path == "/look/x")
        #expect(request?.segments == ["look", "x"])
        #expect(request?.query == [QueryItem(name: "y", value: "1")])
    }

    @Test(arguments: [
        "/%zz", "/a%", "/a%4", "/%ff", "/%C0%AF", "/a?b=%zz", "/a?b=%ff", "noslash",
        "http://u@h/", "http:///", "/a b", "/a\u{1}b", "/a#b", "/a%ED%A0%80",
    ])
    func `a bad target is refused`(target: String) throws {
        #expect(try status(target) == 400)
    }

    @Test func `an asterisk and an authority reach the responder`() throws {
        #expect(try status("*", method: "OPTIONS") == 200)
        #expect(try status("host:1", method: "CONNECT") == 200)
        #expect(try status("/", method: "get") == 200)
    }

    @Test func `each request of a connection has its own target`() throws {
        let test = try TestServer()
        defer { test.server.stop() }
        let client = try test.client()
        let long = "/look/" + String(repeating: "l", count: 300)
        for target in [
            "/look/a", "/look/a", "/look/b", "/look/bb", "/look/b", "/look/b?q=1", "/look/b?q=2",
            "/look/b?q=2", "/look/b", long, long, "/look/a", "http://h/look/a", "/look/a",
            "/look/b", "/look/a", "/look/b", "/look/c", "/look/a", "/look/c", long, "/look/c",
        ] {
            try client.request("GET", target)
            _ = try client.reply()
            let request = try #require(test.responder.requests.take(within: 1))
            #expect(request.path == target.prefix { $0 != "?" }.replacing("http://h", with: ""))
            #expect(request.host == (target.hasPrefix("http") ? "h" : "test"))
            #expect(
                request.query.map(\.value)
                    == target.split(separator: "=").dropFirst().map(String.init))
        }
        #expect(test.server.connectionCount == 1)
    }

    @Test func `the root has no segments and may be left out of an absolute target`() throws {
        #expect(try status("http://h") == 200)
        #expect(try status("http://h?x") == 200)
        #expect(try status("/") == 200)
    }

    @Test func `a long target is refused`() throws {
        #expect(try status("/" + String(repeating: "a", count: (8 << 10) - 1)) == 200)
        #expect(try status("/" + String(repeating: "a", count: 8 << 10)) == 414)
        #expect(try status("/" + String(repeating: "a", count: 20 << 10)) == 414)
    }

    @Test(arguments: [(64, 200), (65, 414), (600, 414), (3000, 414)])
    func `a query may have 64 items`(count: Int, status expected: Int) throws {
        let items = (0..<count).map { _ in "a=" }.joined(separator: "&")
        #expect(try status("/?" + items) == expected)
    }
}
