import Dispatch
import HTTPListener
import Testing

@Suite struct ManyClientsTests {
    /// The library takes at most 128 events at once.
    @Test(arguments: [127, 128, 129, 256])
    func `requests that arrive together are all answered`(count: Int) throws {
        let test = try TestServer { $0.threads = 1 }
        defer { test.server.stop() }
        let holder = try test.client()
        let clients = try (0..<count).map { _ in try test.client() }
        for client in clients {
            try client.request("GET", "/")
            #expect(try client.reply().status == 200)
        }
        // The only serving thread is held until every client's next request lies there.
        try holder.request("GET", "/hold")
        _ = try #require(test.responder.parked.take())
        for client in clients { try client.request("GET", "/") }
        test.responder.gate.signal()
        #expect(try holder.reply().status == 200)
        for client in clients { #expect(try client.reply().status == 200) }
    }
}
