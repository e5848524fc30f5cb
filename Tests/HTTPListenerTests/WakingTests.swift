import Dispatch
import EngineBase
import Glibc
import Synchronization
import Testing

@testable import HTTPListener

/// Replies to those that wait, brought by somebody else's request.
@Suite struct WakingTests {
    @Test func `a thread that brings news of a sleeping one's connection sends the reply itself`()
        throws
    {
        let test = try TestServer { $0.threads = 2 }
        defer { test.server.stop() }
        // The second goes to the thread that has no connection yet.
        let (waiting, waker) = (try test.client(), try test.client())
        var isSentByWaker = false
        // The other thread may just not sleep yet; that it never does is not to be believed.
        for _ in 1...1000 where !isSentByWaker {
            try wake(waiting, by: waker, at: test)
            let first = try #require(test.responder.departures.take())
            let second = try #require(test.responder.departures.take())
            #expect(first.isSent && second.isSent)
            isSentByWaker = first.name == "waiting" && first.thread == second.thread
        }
        #expect(isSentByWaker)
    }

    @Test func `all who wait on sleeping threads have their replies`() throws {
        let test = try TestServer { $0.threads = 3 }
        defer { test.server.stop() }
        let waker = try test.client()
        let waiting = try (1...7).map { _ in try test.client() }
        for _ in 1...50 {
            for client in waiting { try park(client, at: test) }
            try waker.request("GET", "/wake")
            for client in waiting { #expect(try client.reply().text == "waiting") }
            #expect(try waker.reply().text == "waker")
        }
    }

    @Test func `threads that bring each other news lose none`() throws {
        let test = try TestServer { $0.threads = 2 }
        defer { test.server.stop() }
        let failures = Guarded<[String]>([])
        DispatchQueue.concurrentPerform(iterations: 4) { pair in
            do {
                // One connection on each thread, and who waits for whom changes.
                let clients = (try test.client(), try test.client())
                for round in 1...500 {
                    let (waiting, waker) = round % 2 == 0 ? clients : (clients.1, clients.0)
                    try waiting.request("GET", "/park")
                    // It replies to whatever is parked by then, its own partner or another one's.
                    var isWoken = false
                    while !isWoken {
                        while let parked = test.responder.parked.take(within: 0) {
                            test.responder.toWake.put(parked)
                        }
                        try waker.request("GET", "/wake")
                        _ = try waker.reply()
                        isWoken = waiting.hasBytes
                    }
                    _ = try waiting.reply()
                }
            } catch {
                failures.withLock { $0.append("pair \(pair): \(error)") }
            }
        }
        #expect(failures.withLock { $0 } == [])
    }

    @Test(arguments: [1, 2])
    func `a waker that has ended its sending has its reply`(threads: Int) throws {
        let test = try TestServer { $0.threads = threads }
        defer { test.server.stop() }
        for _ in 1...20 {
            let (waiting, waker) = (try test.client(), try test.client())
            try park(waiting, at: test)
            try waker.request("GET", "/wake")
            waker.finishSending()
            #expect(try waiting.reply().text == "waiting")
            #expect(try waker.reply().text == "waker")
            #expect(waker.isClosedByServer())
        }
    }

    /// Has a client wait, and the next `/wake` reply to it.
    private func park(_ client: RawClient, at test: TestServer) throws {
        try client.request("GET", "/park-quietly")
        test.responder.toWake.put(try #require(test.responder.parked.take()))
    }

    private func wake(_ waiting: RawClient, by waker: RawClient, at test: TestServer) throws {
        try park(waiting, at: test)
        try waker.request("GET", "/wake")
        #expect(try waiting.reply().text == "waiting")
        #expect(try waker.reply().text == "waker")
    }
}

@Suite struct ServingTurnTests {
    /// A count that only whoever has the turn may touch.
    private final class Tally: @unchecked Sendable {
        // SAFETY: that it is safe is what the test is about.
        var count = 0
    }

    @Test func `a turn is one thread's at a time, and its owner always gets it`() throws {
        let turn = ServingTurn(wake: try WakeEvent())
        let tally = Tally()
        let taken = Atomic(0)
        DispatchQueue.concurrentPerform(iterations: 3) { place in
            for _ in 1...20_000 {
                if place == 0 { turn.take() } else if !turn.takeIfFree() { continue }
                tally.count += 1
                turn.end()
                taken.wrappingAdd(1, ordering: .relaxed)
            }
        }
        #expect(tally.count == taken.load(ordering: .relaxed))
        #expect(tally.count >= 20_000)
    }

    @Test func `a turn that is taken is not free`() throws {
        let turn = ServingTurn(wake: try WakeEvent())
        turn.take()
        #expect(!turn.takeIfFree())
        turn.end()
        #expect(turn.takeIfFree())
        #expect(!turn.takeIfFree())
    }
}
