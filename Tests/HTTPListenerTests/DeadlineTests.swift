import Glibc
import HTTPListener
import Testing

@Suite struct DeadlineTests {
    /// Sends a byte now and then until there is an answer; the pause only sets the pace.
    private func trickle(_ text: String, to client: RawClient) {
        for byte in text.utf8 {
            guard (try? client.send([byte])) != nil else { return }
            usleep(20_000)
        }
    }

    @Test func `a head that comes byte by byte is timed out`() throws {
        let test = try TestServer { $0.headMilliseconds = 300 }
        defer { test.server.stop() }
        let client = try test.client()
        trickle("GET / HTTP/1.1\r\nHost: test\r\nX-Slow: yes\r\n", to: client)
        let reply = try client.reply(within: 2)
        #expect(reply.status == 408)
        #expect(reply.closes)
        #expect(reply.text.contains("head"))
        #expect(reply.fields["x-request-id"]?.hasPrefix("req_") == true)
        #expect(client.isClosedByServer(within: 2))
        #expect(test.responder.logs.take()?.status == 408)
    }

    @Test func `a second head that comes byte by byte is timed out`() throws {
        let test = try TestServer { $0.headMilliseconds = 200 }
        defer { test.server.stop() }
        let client = try test.client()
        try client.request("GET", "/")
        _ = try client.reply()
        trickle("GET /" + String(repeating: "a", count: 50), to: client)
        #expect(try client.reply(within: 3).status == 408)
        #expect(client.isClosedByServer(within: 2))
    }

    @Test func `a connection that never says anything is closed`() throws {
        let test = try TestServer { $0.headMilliseconds = 200 }
        defer { test.server.stop() }
        #expect(try test.client().isClosedByServer(within: 2))
    }

    @Test func `a body that comes too slowly is timed out`() throws {
        let test = try TestServer { $0.bodyMilliseconds = 300 }
        defer { test.server.stop() }
        let client = try test.client()
        try client.request("POST", "/echo", fields: ["Content-Length: 100", "X-Request-Id: slow"])
        trickle(String(repeating: "x", count: 30), to: client)
        let reply = try client.reply(within: 2)
        #expect(reply.status == 408)
        #expect(reply.text.contains("body"))
        #expect(reply.fields["x-request-id"] == "slow")
        #expect(client.isClosedByServer(within: 2))
        #expect(test.responder.logs.take()?.path == "/echo")
    }

    @Test func `an idle connection is closed without a word`() throws {
        let test = try TestServer {
            $0.idleMilliseconds = 300
            $0.headMilliseconds = 150
        }
        defer { test.server.stop() }
        let client = try test.client()
        try client.request("GET", "/")
        _ = try client.reply()
        #expect(client.isClosedByServer(within: 3))
    }

    @Test func `no deadline runs while a request is parked`() throws {
        let test = try TestServer {
            $0.idleMilliseconds = 100
            $0.headMilliseconds = 100
            $0.bodyMilliseconds = 100
            $0.stalledReplyMilliseconds = 100
        }
        defer { test.server.stop() }
        let client = try test.client()
        try client.request("POST", "/park", body: "x")
        let exchange = try #require(test.responder.parked.take())
        #expect(test.responder.hangups.take(within: 0.6) == nil)
        exchange.reply(HTTPReply(status: 200))
        #expect(try client.reply().status == 200)
    }

    @Test func `a client that takes nothing of its reply is closed`() throws {
        let test = try TestServer { $0.stalledReplyMilliseconds = 300 }
        defer { test.server.stop() }
        let client = try test.client(receiveBufferBytes: 4096)
        try client.request("GET", "/big?n=20000000")
        #expect(test.responder.handovers.take() == false)
    }

    @Test func `a client that reads slowly is not closed`() throws {
        let test = try TestServer { $0.stalledReplyMilliseconds = 200 }
        defer { test.server.stop() }
        let client = try test.client(receiveBufferBytes: 4096)
        try client.request("GET", "/big?n=3000000")
        var room = [UInt8](repeating: 0, count: 40_000)
        var total = 0
        while total < 3_000_000 {
            let count = recv(client.descriptor, &room, room.count, 0)
            guard count > 0 else { break }
            total += count
            usleep(10_000)
        }
        #expect(total >= 3_000_000)
        #expect(test.responder.handovers.take() == true)
    }

    @Test func `a stalled reply over a Unix socket is closed too`() throws {
        let path = "/tmp/iocpd-http-\(getpid())-stall"
        let test = try TestServer(["unix:" + path]) { $0.stalledReplyMilliseconds = 300 }
        defer { test.server.stop() }
        let client = try test.client()
        try client.request("GET", "/big?n=20000000")
        #expect(test.responder.handovers.take() == false)
    }
}
