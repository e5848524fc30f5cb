import DeviceSessions
import EngineBase
import PortEngine
import TestKit
import Testing

@Suite struct SessionDirectoryTests {
    @Test func `a session is found by its id and counted by its port`() throws {
        let bench = try DirectoryBench()
        let handle = try #require(bench.add())
        #expect(try bench.directory.find(handle.id) === handle)
        #expect(bench.directory.count == 1)
        #expect(bench.port.counts.sessions == 1)
        #expect(throws: SessionLookupError.unknown) { try bench.directory.find(SessionID(77)) }
    }

    @Test func `there are no more sessions than the limit`() throws {
        let bench = try DirectoryBench(limit: 2)
        let first = try #require(bench.add())
        _ = try #require(bench.add(isHidden: true))
        #expect(!bench.directory.mayAdd)
        #expect(bench.add() == nil)
        #expect(bench.port.counts.sessions == 2)
        bench.directory.ended(first, .closed)
        #expect(bench.directory.mayAdd)
        #expect(bench.add() != nil)
    }

    @Test func `a closed session is remembered for ten minutes`() throws {
        let bench = try DirectoryBench()
        let handle = try #require(bench.add())
        bench.directory.ended(handle, .closed)
        #expect(throws: SessionLookupError.closed) { try bench.directory.find(handle.id) }
        #expect(bench.directory.list(after: nil, limit: 10) { _ in true }.sessions.isEmpty)
        #expect(bench.port.counts.sessions == 0)
        bench.ports.pass(milliseconds: 599_999)
        #expect(throws: SessionLookupError.closed) { try bench.directory.find(handle.id) }
        bench.ports.pass(milliseconds: 1)
        #expect(throws: SessionLookupError.unknown) { try bench.directory.find(handle.id) }
    }

    @Test func `a failed session stays visible for ten minutes and takes no place`() throws {
        let bench = try DirectoryBench(limit: 1)
        let handle = try #require(bench.add())
        bench.directory.ended(handle, .failed)
        #expect(bench.directory.count == 0)
        #expect(bench.port.counts.sessions == 0)
        #expect(bench.add() != nil)
        bench.ports.pass(milliseconds: 599_999)
        #expect(try bench.directory.find(handle.id) === handle)
        #expect(bench.directory.list(after: nil, limit: 10) { _ in true }.sessions.count == 2)
        bench.ports.pass(milliseconds: 1)
        #expect(throws: SessionLookupError.unknown) { try bench.directory.find(handle.id) }
        #expect(bench.directory.list(after: nil, limit: 10) { _ in true }.sessions.count == 1)
    }

    @Test func `memory of what ended is bounded`() throws {
        let bench = try DirectoryBench(rememberedClosed: 2)
        let closed = try (0..<4).map { _ in try #require(bench.add()) }
        for handle in closed { bench.directory.ended(handle, .closed) }
        #expect(throws: SessionLookupError.unknown) { try bench.directory.find(closed[1].id) }
        #expect(throws: SessionLookupError.closed) { try bench.directory.find(closed[2].id) }
        let failed = try (0..<4).map { _ in try #require(bench.add()) }
        for handle in failed { bench.directory.ended(handle, .failed) }
        #expect(throws: SessionLookupError.unknown) { try bench.directory.find(failed[1].id) }
        #expect(try bench.directory.find(failed[2].id) === failed[2])
    }

    @Test func `an inline open is hidden until it is shown`() throws {
        let bench = try DirectoryBench()
        let handle = try #require(bench.add(isHidden: true, phase: .opening))
        #expect(throws: SessionLookupError.unknown) { try bench.directory.find(handle.id) }
        #expect(bench.directory.list(after: nil, limit: 10) { _ in true }.sessions.isEmpty)
        #expect(bench.directory.all().count == 1, "it ends with its port and the daemon")
        bench.directory.show(handle)
        #expect(try bench.directory.find(handle.id) === handle)
        #expect(bench.directory.list(after: nil, limit: 10) { _ in true }.sessions.count == 1)
    }

    @Test func `an inline open that failed never was`() throws {
        let bench = try DirectoryBench()
        let handle = try #require(bench.add(isHidden: true, phase: .opening))
        bench.directory.ended(handle, .failed)
        #expect(throws: SessionLookupError.unknown) { try bench.directory.find(handle.id) }
        bench.directory.forget(handle)
        #expect(bench.directory.all().isEmpty)
        #expect(bench.directory.count == 0)
        bench.ports.pass(milliseconds: 600_000)
        #expect(throws: SessionLookupError.unknown) { try bench.directory.find(handle.id) }
    }

    @Test func `an inline open that was forgotten before its end leaves no trace`() throws {
        let bench = try DirectoryBench(limit: 1)
        let handle = try #require(bench.add(isHidden: true, phase: .opening))
        bench.directory.forget(handle)
        #expect(!bench.directory.mayAdd, "its worker still runs it")
        bench.directory.ended(handle, .failed)
        #expect(bench.directory.mayAdd)
        #expect(bench.port.counts.sessions == 0)
        #expect(bench.directory.all().isEmpty)
    }

    @Test func `a failed session that is dismissed is a closed one, others stay`() throws {
        let bench = try DirectoryBench()
        let failed = try #require(bench.add())
        let open = try #require(bench.add())
        failed.publish(.failed)
        bench.directory.ended(failed, .failed)
        bench.directory.dismiss(failed)
        bench.directory.dismiss(open)
        #expect(throws: SessionLookupError.closed) { try bench.directory.find(failed.id) }
        #expect(try bench.directory.find(open.id) === open)
        #expect(bench.directory.count == 1)
        bench.ports.pass(milliseconds: 600_000)
        #expect(throws: SessionLookupError.unknown) { try bench.directory.find(failed.id) }
        #expect(try bench.directory.find(open.id) === open)
    }

    @Test func `lists go by id in pages, from any cursor`() throws {
        let bench = try DirectoryBench(limit: 50, seed: 3)
        let handles = try (0..<25).map { _ in try #require(bench.add()) }
        let ids = handles.map(\.id.text).sorted()
        var seen: [String] = []
        var cursor: String?
        for _ in 0..<10 {
            let (page, hasMore) = bench.directory.list(after: cursor, limit: 7) { _ in true }
            seen += page.map(\.id.text)
            cursor = page.last?.id.text
            guard hasMore else { break }
            #expect(page.count == 7)
        }
        #expect(seen == ids)
        let everything = bench.directory.list(after: nil, limit: 25) { _ in true }
        #expect(everything.sessions.count == 25)
        #expect(!everything.hasMore)
        #expect(bench.directory.list(after: "a", limit: 25) { _ in true }.sessions.count == 25)
        #expect(bench.directory.list(after: "t", limit: 25) { _ in true }.sessions.isEmpty)
        #expect(bench.directory.list(after: "ses_zzzz", limit: 25) { _ in true }.sessions.isEmpty)
        let gone = handles.first { $0.id.text == ids[4] }
        if let gone { bench.directory.ended(gone, .closed) }
        let rest = bench.directory.list(after: ids[4], limit: 1) { _ in true }
        #expect(rest.sessions.first?.id.text == ids[5], "a cursor that is gone still counts")
    }

    @Test func `a filter does not end a page early`() throws {
        let bench = try DirectoryBench(limit: 50)
        let handles = try (0..<10).map { _ in try #require(bench.add()) }
        let wanted = Set(
            handles.map(\.id).sorted().enumerated().filter { $0.offset % 3 == 0 }.map(\.element))
        let (page, hasMore) = bench.directory.list(after: nil, limit: 3) { wanted.contains($0.id) }
        #expect(page.count == 3)
        #expect(hasMore)
        let (rest, more) = bench.directory.list(after: page.last?.id.text, limit: 3) {
            wanted.contains($0.id)
        }
        #expect(rest.count == 1)
        #expect(!more)
    }
}

@Suite struct InlineReplyTests {
    private final class Reply: Sendable {
        let calls = Guarded<[EntryList]>([])
    }

    @Test func `the entries come once, in the order of the request`() throws {
        let port = try PortBench().port()
        let told = Reply()
        let reply = InlineReply(port: port, count: 2) { _, entries in
            told.calls.withLock { $0.append(entries) }
        }
        try port.reserve(2)
        reply.fulfil(1, with: CompletionEntry(kind: .read, context: "second"))
        #expect(told.calls.withLock { $0.isEmpty })
        reply.fulfil(0, with: CompletionEntry(kind: .write, context: "first"))
        #expect(told.calls.withLock { $0.map { $0.map(\.context) } } == [["first", "second"]])
        #expect(port.counts.reserved == 2)
        reply.delivered()
        reply.undelivered()
        #expect(port.counts.reserved == 0)
        #expect(port.counts.queued == 0)
    }

    @Test func `a client that has gone finds the entries at the port`() throws {
        let port = try PortBench().port()
        let reply = InlineReply(port: port, count: 2) { reply, _ in reply.undelivered() }
        try port.reserve(3)
        reply.fulfil(1, with: CompletionEntry(kind: .read, context: "b"))
        reply.fulfil(
            0, with: CompletionEntry(kind: .open, context: "a"),
            followedBy: [CompletionEntry(kind: .sessionClosed, context: "c")])
        #expect(port.counts.reserved == 0)
        #expect(try port.take().contexts == ["a", "b", "c"])
    }

    @Test func `what follows is not for a client that got its reply`() throws {
        let port = try PortBench().port()
        let reply = InlineReply(port: port, count: 1) { reply, _ in reply.delivered() }
        try port.reserve(2)
        reply.fulfil(
            0, with: CompletionEntry(kind: .open),
            followedBy: [CompletionEntry(kind: .sessionClosed)])
        #expect(port.counts.reserved == 0)
        #expect(port.counts.queued == 0)
    }
}
