import DeviceSessions
import EngineBase
import PortEngine
import Testing

@testable import Transports

@Suite struct FileTransportTests {
    private let key = FileKey(device: 3, inode: 4)

    private func plan(_ uri: String, _ rules: String...) throws -> SessionPlan {
        let policy = TargetPolicy(try rules.map { try TargetRule($0) })
        return try TransportRegistry.plan(uri, TransportOptions(), policy).1
    }

    private func bench(_ query: String) throws -> OpeningBench {
        try OpeningBench("file:///srv/data/log" + query, ["file:///srv"])
    }

    @Test func `each access opens the file so, reading without a word`() throws {
        for (query, letters) in [
            ("", "r"), ("?access=read", "r"), ("?access=write", "w"), ("?access=readwrite", "rw"),
            ("?access=append", "wa"), ("?access=append&create=true", "wac"),
            ("?create=false&access=write", "w"), ("?access=readwrite&create=true", "rwc"),
        ] {
            #expect(try bench(query).stepNames == ["open /srv|data/log " + letters])
        }
    }

    @Test func `the session is told which file it is`() throws {
        var bench = try bench("")
        bench.opens()
        bench.answer("identity", .control(.file(key)))
        #expect(bench.opened?.shape == .file(key))
        #expect(bench.opening.isIdle)
    }

    @Test func `what cannot be opened is told as what it is`() throws {
        for (errno, code) in [
            (2, "not_found"), (13, "access_denied"), (21, "is_a_directory"),
            (29, "not_a_regular_file"), (18, "target_denied"), (40, "target_denied"),
            (30, "read_only_file_system"), (24, "too_many_open_files"), (17, "already_exists"),
            (20, "not_found"), (26, "file_busy"),
        ] as [(Int32, String)] {
            var bench = try bench("")
            bench.answer("open /srv|data/log r", .failed(Errno(errno)))
            #expect(bench.failure?.code == code)
            #expect(bench.failure?.errno == (code == "target_denied" ? nil : errno))
        }
    }

    @Test func `an open that is given up closes what it gets`() throws {
        var bench = try bench("")
        bench.abort()
        bench.opens()
        #expect(bench.stepNames == ["close"])
        bench.closes()
        #expect(bench.opening.isIdle && bench.openDescriptors.isEmpty)
    }

    @Test func `a query that means nothing is refused`() throws {
        for query in [
            "?access=execute", "?access=", "?create=true", "?access=read&create=true",
            "?access=write&create=1", "?mode=0600", "?access=read&access=read",
        ] {
            let error = #expect(throws: TargetError.self) { try plan("file:///srv/x" + query) }
            guard case .invalidURI? = error else {
                Issue.record("\(query) is \(String(describing: error))")
                continue
            }
        }
    }

    @Test func `no path is allowed without a rule of its scheme`() throws {
        for rules in [[], ["unix:///srv"], ["file:///srv/other"], ["file:///srv/*.csv"]] {
            let policy = TargetPolicy(try rules.map { try TargetRule($0) })
            #expect(throws: TargetError.denied) {
                try TransportRegistry.plan("file:///srv/x", TransportOptions(), policy)
            }
        }
        _ = try plan("file:///srv/x", "file:///srv/x")
        _ = try plan("file:///srv/a.csv", "file:///srv/*.csv")
    }

    @Test func `links may end wherever another rule admits files`() throws {
        var bench = try OpeningBench(
            "file:///srv/x", ["unix:///run", "file:///srv", "file:///mnt/*.csv"])
        guard case .open(.file(let target, _))? = bench.steps.first?.step else {
            Issue.record("out is \(bench.stepNames)")
            return
        }
        #expect(target.linkTargets.count == 2)
        func admits(_ path: String, _ root: String, _ index: Int) -> Bool {
            target.linkTargets[index].admits(path, root: root)
        }
        #expect(admits("/srv/a/b", "/srv", 0) && !admits("/srvx", "/srv", 0))
        #expect(admits("/real/srv/a", "/real/srv", 0) && admits("/srv", "/srv", 0))
        #expect(admits("/mnt/a.csv", "/mnt", 1) && !admits("/mnt/a/b.csv", "/mnt", 1))
        #expect(!admits("/mnt/a.txt", "/mnt", 1) && !admits("/mnt", "/mnt", 1))
        bench.abort()
    }

    // MARK: - What its sessions can do

    private func refusal(_ query: String, _ kind: OperationKind) throws -> SubmitError? {
        let abilities = try #require(plan("file:///srv/x" + query, "file:///srv").abilities)
        return abilities.refusal(of: kind, transport: "file")
    }

    private func lock(exclusive: Bool) -> OperationKind {
        .lock(LockRequest(FileRange(start: 0, length: 1), isExclusive: exclusive))
    }

    private let read = OperationKind.read(ReadRequest(.available(limit: 1), offset: 0))
    private let write = OperationKind.write(WriteRequest([1], offset: 0))
    private let append = OperationKind.write(WriteRequest([1]))

    @Test func `an operation needs its access, and a lock the one that the kernel asks for`() throws
    {
        func mayNot(_ query: String, _ kind: OperationKind) throws -> Bool {
            if case .accessDenied? = try refusal(query, kind) { return true }
            return false
        }
        #expect(try mayNot("", write) && !mayNot("", read))
        #expect(try mayNot("?access=write", read) && !mayNot("?access=write", write))
        #expect(try mayNot("?access=append", read) && !mayNot("?access=append", append))
        #expect(try !mayNot("?access=readwrite", read) && !mayNot("?access=readwrite", write))
        for (query, shared, exclusive) in [
            ("", false, true), ("?access=write", true, false), ("?access=append", true, false),
            ("?access=readwrite", false, false),
        ] {
            #expect(try mayNot(query, lock(exclusive: false)) == shared)
            #expect(try mayNot(query, lock(exclusive: true)) == exclusive)
        }
    }

    @Test func `an offset is needed, and refused where writes go to the end`() throws {
        func member(_ query: String, _ kind: OperationKind) throws -> String? {
            if case .unsupportedMember(_, let member, _)? = try refusal(query, kind) {
                return member
            }
            return nil
        }
        #expect(try member("?access=write", append) == "offset")
        #expect(try member("?access=append", write) == "offset")
        let standing = OperationKind.read(
            ReadRequest(.available(limit: 1), repeats: true, offset: 0))
        #expect(try member("", standing) == "repeat")
        #expect(try member("", .read(ReadRequest(.exactly(1), offset: 0))) == nil)
        guard case .unsupported? = try refusal("", .accept) else {
            Issue.record("a file accepts")
            return
        }
    }
}
