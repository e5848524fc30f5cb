import EngineBase
import PortEngine
import TestKit
import Testing

@Suite struct DirectoryTests {
    private func name(_ text: String) throws -> PortName { try #require(PortName(text)) }

    @Test func `a port is made once and then confirmed`() throws {
        let bench = PortBench()
        let settings = PortSettings(capacity: 5)
        let first = try bench.directory.create(name("p"), settings: settings) { _ in true }
        #expect(first.isNew)
        let again = try bench.directory.create(name("p"), settings: PortSettings()) {
            $0.capacity == 5
        }
        #expect(!again.isNew)
        #expect(again.port === first.port)
        #expect(throws: PortDirectoryError.settingsDiffer(settings)) {
            try bench.directory.create(name("p"), settings: settings) { _ in false }
        }
        #expect(try bench.directory.find(name("p")) === first.port)
    }

    @Test func `there are so many ports and no more`() throws {
        let bench = PortBench(portLimit: 2)
        _ = try bench.port("a")
        let b = try bench.port("b")
        #expect(throws: PortDirectoryError.tooManyPorts(limit: 2)) { try bench.port("c") }
        _ = try bench.port("a")
        _ = try bench.directory.close(b.name, force: false)
        _ = try bench.port("c")
    }

    @Test func `ports are listed by name, page by page`() throws {
        let bench = PortBench()
        for name in ["m", "B", "a", "z", "a.b", "A"] { _ = try bench.port(name) }
        let first = bench.directory.list(after: nil, limit: 4)
        #expect(first.ports.map(\.name.rawValue) == ["A", "B", "a", "a.b"])
        #expect(first.hasMore)
        let rest = bench.directory.list(after: "a.b", limit: 4)
        #expect(rest.ports.map(\.name.rawValue) == ["m", "z"])
        #expect(!rest.hasMore)
        #expect(bench.directory.list(after: "a.a", limit: 1).ports.first?.name.rawValue == "a.b")
        #expect(bench.directory.list(after: "zz", limit: 1).ports.isEmpty)
        #expect(bench.directory.list(after: nil, limit: 6).hasMore == false)
    }

    @Test func `a closed port is remembered as closed until it is made anew`() throws {
        let bench = PortBench()
        let old = try bench.port("p")
        _ = try bench.directory.close(old.name, force: false)
        #expect(throws: PortDirectoryError.closed) { try bench.directory.find(old.name) }
        #expect(bench.directory.list(after: nil, limit: 9).ports.isEmpty)
        let new = try bench.port("p")
        #expect(new !== old)
        #expect(try bench.directory.find(new.name) === new)
        try new.post("x")
        #expect(try new.take().numbers == [1])
    }

    @Test func `a closed port is forgotten after ten minutes`() throws {
        let bench = PortBench()
        let port = try bench.port("p")
        _ = try bench.directory.close(port.name, force: false)
        bench.pass(milliseconds: 599_999)
        #expect(throws: PortDirectoryError.closed) { try bench.directory.find(port.name) }
        bench.pass(milliseconds: 1)
        #expect(throws: PortDirectoryError.unknown) { try bench.directory.find(port.name) }
    }

    @Test func `only so many closed ports are remembered`() throws {
        let bench = PortBench(rememberedClosed: 3)
        for index in 0..<5 {
            let port = try bench.port("p\(index)")
            _ = try bench.directory.close(port.name, force: false)
        }
        #expect(throws: PortDirectoryError.unknown) { try bench.directory.find(name("p0")) }
        #expect(throws: PortDirectoryError.closed) { try bench.directory.find(name("p4")) }
    }

    @Test func `R23 ids of an earlier life mean nothing to the new one`() throws {
        let bench = PortBench()
        let old = try bench.port("p")
        try old.post("x")
        let held = try old.take()
        let reference = old.reference(1)
        _ = try bench.directory.close(old.name, force: true)
        let new = try bench.port("p")
        #expect(new.generation != old.generation)
        try new.post("y")
        let mine = try new.take()
        let answer = try new.settle(SettleRequest(lease: held.lease, ack: .entries([reference])))
        #expect(answer.reasons == [.unknown])
        #expect(try new.settle(held.lease, ackAll: true).acked == 0)
        #expect(try new.settle(mine.lease, ackAll: true).acked == 1)
    }

    @Test func `ports that hold entries are counted`() throws {
        let bench = PortBench()
        let (p, q) = (try bench.port("p"), try bench.port("q"))
        #expect(bench.directory.portsHoldingEntries == 0)
        try p.post("x")
        try q.post("x", "y")
        #expect(bench.directory.portsHoldingEntries == 2)
        let held = try p.take()
        #expect(bench.directory.portsHoldingEntries == 2)
        try p.settle(held.lease, ackAll: true)
        #expect(bench.directory.portsHoldingEntries == 1)
        _ = try bench.directory.close(q.name, force: true)
        #expect(bench.directory.portsHoldingEntries == 0)
    }

    @Test func `entries are counted by status over all ports, refused ones not`() throws {
        let bench = PortBench()
        let (p, q) = (try bench.port("p", PortSettings(capacity: 3)), try bench.port("q"))
        try p.post("x", "y")
        #expect(throws: PortError.full(limit: 3, current: 2)) { try p.post("x", "y") }
        try q.reserve(2)
        q.complete([
            CompletionEntry(kind: .read, status: .timedOut),
            CompletionEntry(kind: .read, status: .ok),
        ])
        #expect(bench.directory.entriesByStatus == [.ok: 3, .timedOut: 1])
    }

    @Test func `a port that was closed and made anew does not wake for its old life`() throws {
        let bench = PortBench()
        let old = try bench.port("p")
        try old.post("x")
        _ = try old.take(.fetch(lease: 10, by: "w"))
        _ = try bench.directory.close(old.name, force: true)
        let new = try bench.port("p", PortSettings(concurrencyLimit: 1))
        try new.post("y")
        _ = try new.take(.fetch(lease: 100, by: "w"))
        bench.pass(milliseconds: 10)
        #expect(new.counts.leased == 1)
        #expect(new.counts.running == 1)
    }
}

@Suite struct NameTests {
    @Test(arguments: ["a", "Z9", "a.b_c-d", "0", String(repeating: "x", count: 64)])
    func `names that may be`(text: String) {
        #expect(PortName(text)?.rawValue == text)
        #expect(ConsumerName(text)?.rawValue == text)
    }

    @Test(arguments: [
        "", ".", "..", "-a", "_a", "a b", "a/b", "ä", "a\n",
        String(repeating: "x", count: 65),
    ])
    func `names that may not be`(text: String) {
        #expect(PortName(text) == nil)
        #expect(ConsumerName(text) == nil)
    }

    @Test func `ids read back as they were written`() {
        let life = PortGeneration(0xFFFF_FFFF_FFFF_FFFF)
        #expect(life.rawValue == 0xFFFF_FFFF_FFFF)
        for number in [1, 64, UInt64.max] {
            let entry = EntryID(generation: life, seq: number)
            #expect(EntryID(entry.text) == entry)
            let lease = LeaseID(generation: life, number: number)
            #expect(LeaseID(lease.text) == lease)
            #expect(LeaseID(entry.text) == nil)
        }
    }

    @Test(arguments: [
        "cmp_", "cmp_1", "cmp_1_", "cmp_1_0", "cmp_1_01", "cmp_1_+1", "cmp_A_1",
        "cmp_1_1_1", "cmp__1", "cmp_zzzzzzzzzzzz_1", "lse_1_1",
        "cmp_1_18446744073709551616", " cmp_1_1",
    ])
    func `ids that no port can have given out`(text: String) {
        #expect(EntryID(text) == nil)
    }
}
