import HTTPListener
import Testing

@Suite struct ParkTests {
    @Test func `a parked request is answered from another thread`() throws {
        let test = try TestServer()
        defer { test.server.stop() }
        let client = try test.client()
        for _ in 1...3 {
            try client.request("GET", "/park")
            let exchange = try #require(test.responder.parked.take())
            #expect(!exchange.clientIsGone())
            exchange.reply(HTTPReply(status: 200, body: Array("woken\n".utf8)))
            #expect(try client.reply().text == "woken\n")
        }
        #expect(test.responder.hangups.take(within: 0.05) == nil)
    }

    @Test func `replies that race with the end of respond all arrive`() throws {
        let test = try TestServer()
        defer { test.server.stop() }
        let client = try test.client()
        for _ in 1...2000 {
            try client.request("GET", "/elsewhere")
            #expect(try client.reply().status == 200)
        }
    }

    @Test func `requests behind a parked one wait for it`() throws {
        let test = try TestServer()
        defer { test.server.stop() }
        let client = try test.client()
        try client.request("GET", "/park")
        try client.request("POST", "/echo", body: "next")
        let exchange = try #require(test.responder.parked.take())
        #expect(!exchange.clientIsGone())
        exchange.reply(HTTPReply(status: 200, body: Array("first".utf8)))
        #expect(try client.reply().text == "first")
        #expect(try client.reply().text == "next")
    }

    enum End: CaseIterable, Sendable { case close, finishSending, reset, closeBehindBytes }

    @Test(arguments: End.allCases)
    func `a parked client that goes is noticed`(end: End) throws {
        let test = try TestServer()
        defer { test.server.stop() }
        let client = try test.client()
        // Once before, so that the connection is watched already.
        try client.request("GET", "/park")
        try #require(test.responder.parked.take()).reply(HTTPReply(status: 200))
        _ = try client.reply()
        try client.request("GET", "/park", fields: ["X-Request-Id: goes"])
        let exchange = try #require(test.responder.parked.take())
        #expect(!exchange.clientIsGone())
        switch end {
        case .close: client.disconnect()
        case .finishSending: client.finishSending()
        case .reset: client.reset()
        case .closeBehindBytes:
            try client.request("GET", "/look")
            client.disconnect()
        }
        #expect(test.responder.hangups.take() == "goes")
        #expect(exchange.clientIsGone())
        exchange.reply(
            HTTPReply(
                status: 200,
                onHandover: { [handovers = test.responder.handovers] in handovers.put($0) }
            )
        )
        #expect(test.responder.handovers.take() == false)
        #expect(test.responder.hangups.take(within: 0.05) == nil)
    }

    @Test func `a client that has gone before it is parked is noticed`() throws {
        let test = try TestServer()
        defer { test.server.stop() }
        let client = try test.client()
        try client.request("GET", "/park")
        try client.request("GET", "/park", fields: ["X-Request-Id: second"])
        client.finishSending()
        let first = try #require(test.responder.parked.take())
        _ = try #require(test.responder.hangups.take())
        first.reply(HTTPReply(status: 200))
        let second = try #require(test.responder.parked.take())
        #expect(test.responder.hangups.take() == "second")
        #expect(second.clientIsGone())
        second.reply(HTTPReply(status: 200))
    }

    @Test func `a dropped exchange is answered for the responder`() throws {
        let test = try TestServer()
        defer { test.server.stop() }
        let client = try test.client()
        try client.request("GET", "/drop")
        #expect(try client.reply().status == 500)
        try client.request("GET", "/park-quietly")
        do { _ = try #require(test.responder.parked.take()) }
        #expect(try client.reply().status == 500)
    }

    @Test func `a second reply is thrown away`() throws {
        let test = try TestServer()
        defer { test.server.stop() }
        let client = try test.client()
        try client.request("GET", "/twice")
        #expect(try client.reply().status == 200)
        #expect(test.responder.handovers.take() == false)
    }

    @Test func `the reply's end is told`() throws {
        let test = try TestServer()
        defer { test.server.stop() }
        let client = try test.client()
        try client.request("GET", "/")
        _ = try client.reply()
        #expect(test.responder.handovers.take() == true)
        // More than the sockets hold: the client has to read it.
        try client.request("GET", "/big?n=20000000")
        #expect(test.responder.handovers.take(within: 0.1) == nil)
        #expect(try client.reply(within: 20).body.count == 20_000_000)
        #expect(test.responder.handovers.take() == true)
    }

    @Test func `a client that resets before it has read a big reply did not get it`() throws {
        let test = try TestServer()
        defer { test.server.stop() }
        let client = try test.client()
        try client.request("GET", "/big?n=20000000")
        #expect(test.responder.handovers.take(within: 0.1) == nil)
        client.reset()
        #expect(test.responder.handovers.take() == false)
        let line = try #require(test.responder.logs.take())
        #expect(!line.isSent)
        #expect(line.status == 200)
    }

    @Test func `stopping answers what is parked`() throws {
        let test = try TestServer()
        let clients = try (0..<20).map { _ in try test.client() }
        var exchanges: [HTTPExchange] = []
        for client in clients {
            try client.request("GET", "/park")
            exchanges.append(try #require(test.responder.parked.take()))
        }
        test.server.stop()
        for client in clients {
            let reply = try client.reply()
            #expect(reply.status == 503)
            #expect(reply.closes)
            #expect(client.isClosedByServer())
        }
        exchanges[0].reply(
            HTTPReply(
                status: 200,
                onHandover: { [handovers = test.responder.handovers] in handovers.put($0) }
            )
        )
        #expect(test.responder.handovers.take() == false)
        #expect(exchanges[1].clientIsGone())
        #expect(test.server.connectionCount == 0)
        #expect(throws: (any Error).self) { try test.client() }
    }

    @Test func `many connections are spread over further threads`() throws {
        let test = try TestServer {
            $0.threads = 1
            $0.connectionsPerThread = 2
        }
        defer { test.server.stop() }
        let clients = try (0..<7).map { _ in try test.client() }
        for client in clients { try client.request("GET", "/park-quietly") }
        let exchanges = try clients.map { _ in try #require(test.responder.parked.take()) }
        #expect(test.server.servingThreadCount == 4)
        for exchange in exchanges { exchange.reply(HTTPReply(status: 200)) }
        for client in clients { #expect(try client.reply().status == 200) }
    }

    @Test func `stopping amid traffic ends every request`() throws {
        for _ in 1...5 {
            let test = try TestServer { $0.threads = 3 }
            let clients = try (0..<8).map { _ in try test.client() }
            for client in clients {
                try client.request("GET", "/elsewhere")
                try client.request("GET", "/park-quietly")
            }
            test.server.stop()
            #expect(test.server.connectionCount == 0)
        }
    }
}
