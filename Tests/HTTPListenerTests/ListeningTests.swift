import EngineBase
import Glibc
import HTTPListener
import Testing

@Suite struct ListeningTests {
    private func path(_ name: String) -> String { "/tmp/iocpd-http-\(getpid())-\(name)" }

    @Test func `localhost is every loopback address on one port`() throws {
        let test = try TestServer(["localhost:0"])
        defer { test.server.stop() }
        let addresses = test.server.boundAddresses
        #expect(addresses.first?.hasPrefix("127.0.0.1:") == true)
        if addresses.count > 1 {
            #expect(addresses[1].hasPrefix("[::1]:"))
            #expect(
                addresses[0].split(separator: ":").last == addresses[1].split(separator: ":").last
            )
        }
        for place in addresses.indices {
            let client = try test.client(place)
            try client.request("GET", "/look")
            #expect(try client.reply().status == 200)
            let peer = try #require(test.responder.requests.take()).peer
            #expect(peer.hasPrefix(place == 0 ? "127.0.0.1:" : "[::1]:"))
        }
    }

    @Test func `several addresses are served at once`() throws {
        let file = path("two")
        let test = try TestServer(["127.0.0.1:0", "127.0.0.1:0", "unix:" + file])
        defer { test.server.stop() }
        for place in 0..<3 {
            let client = try test.client(place)
            try client.request("GET", "/look")
            #expect(try client.reply().status == 200)
            let request = try #require(test.responder.requests.take())
            #expect(request.arrivedOverUnixSocket == (place == 2))
            if place == 2 { #expect(request.peer == "unix") }
        }
    }

    @Test(arguments: [0o600, 0o660, 0o666] as [UInt32])
    func `a Unix socket has the mode asked for and goes with the server`(mode: UInt32) throws {
        let file = path("mode\(mode)")
        let test = try TestServer(["unix:" + file]) { $0.socketMode = mode }
        var facts = stat()
        #expect(stat(file, &facts) == 0)
        #expect(facts.st_mode & 0o777 == mode)
        test.server.stop()
        #expect(access(file, F_OK) != 0)
    }

    @Test func `a dead socket file is replaced and a live one refused`() throws {
        let file = path("dead")
        let first = try TestServer(["unix:" + file])
        #expect(throws: ListenerError.socketInUse(path: file)) { try TestServer(["unix:" + file]) }
        let client = try first.client()
        try client.request("GET", "/")
        #expect(try client.reply().status == 200)
        // What a crash leaves: another name of the file keeps it when the server removes its own.
        #expect(link(file, file + ".kept") == 0)
        first.server.stop()
        #expect(rename(file + ".kept", file) == 0)
        let second = try TestServer(["unix:" + file])
        defer { second.server.stop() }
        let other = try second.client()
        try other.request("GET", "/")
        #expect(try other.reply().status == 200)
    }

    @Test func `a file that is no socket stays`() throws {
        let file = path("plain")
        close(open(file, O_CREAT | O_WRONLY, 0o600))
        defer { unlink(file) }
        #expect(throws: ListenerError.notSocket(path: file)) { try TestServer(["unix:" + file]) }
        #expect(access(file, F_OK) == 0)
    }

    @Test func `a taken port is refused`() throws {
        let test = try TestServer()
        defer { test.server.stop() }
        let address = test.server.boundAddresses[0]
        #expect(throws: ListenerError.cannotListen(address, .addressInUse)) {
            try TestServer([address])
        }
    }

    @Test(arguments: [
        "4627", "localhost", "localhost:", "localhost:x", "localhost:65536", ":1", "::1:1",
        "[1.2.3.4]:1", "unix:relative", "unix:/" + String(repeating: "x", count: 107), "a:-1",
    ])
    func `an address that cannot be meant is refused`(text: String) {
        #expect(throws: ListenerError.self) { try ListenAddress(text) }
    }

    @Test func `addresses are read`() throws {
        #expect(try ListenAddress("[::1]:80") == .tcp(host: "::1", port: 80))
        #expect(try ListenAddress("host.example:0") == .tcp(host: "host.example", port: 0))
        #expect(try ListenAddress("unix:/a:b") == .unix(path: "/a:b"))
    }

    @Test func `no new client is served after stopAccepting and old ones are`() throws {
        let test = try TestServer()
        defer { test.server.stop() }
        let client = try test.client()
        try client.request("GET", "/")
        #expect(try client.reply().status == 200)
        test.server.stopAccepting()
        #expect(throws: (any Error).self) { try test.client() }
        try client.request("GET", "/")
        #expect(try client.reply().status == 200)
    }

    @Test func `clients over the connection limit wait until one goes`() throws {
        let test = try TestServer { $0.connectionLimit = 2 }
        defer { test.server.stop() }
        let clients = try (0..<3).map { _ in try test.client() }
        for client in clients { try client.request("GET", "/") }
        #expect(try clients[0].reply().status == 200)
        #expect(try clients[1].reply().status == 200)
        #expect(throws: (any Error).self) { try clients[2].reply(within: 0.2) }
        clients[0].disconnect()
        #expect(try clients[2].reply().status == 200)
    }

    @Test func `a client may have so many connections and no more`() throws {
        let test = try TestServer { $0.connectionsPerClient = 2 }
        defer { test.server.stop() }
        let clients = try (0..<2).map { _ in try test.client() }
        for client in clients {
            try client.request("GET", "/")
            #expect(try client.reply().status == 200)
        }
        #expect(try test.client().isClosedByServer())
        clients[0].disconnect()
        // Its end has to be noticed first.
        var isServed = false
        for _ in 1...100 where !isServed {
            let client = try test.client()
            guard (try? client.request("GET", "/")) != nil else { continue }
            isServed = (try? client.reply().status) == 200
            if !isServed { usleep(10_000) }
        }
        #expect(isServed)
    }

    @Test func `the library's lines are logged, a few a second`() throws {
        let test = try TestServer()
        defer { test.server.stop() }
        for _ in 1...30 {
            let client = try test.client()
            try client.send("GET / HTTP/1.1\r\nno colon\r\n\r\n")
            #expect(try client.reply().status == 400)
        }
        var count = 0
        while let line = test.lines.take(within: 0.1) {
            count += 1
            #expect(!line.hasSuffix("\n"))
        }
        #expect((1...23).contains(count))
    }
}
