import DeviceSessions
import EngineBase
import Glibc
import Testing
import Workers

/// Unix sockets and files, all below an allowed directory.
@Suite struct `Path steps` {
    @Test(arguments: DriverFactory.all)
    func `a Unix listener serves clients through a checked handle`(
        factory: DriverFactory
    ) throws {
        let bench = try DriverBench(factory)
        let directory = try TemporaryDirectory()
        directory.makeDirectory("inner")
        let target = directory.target("inner/socket")
        let listener = try bench.open(
            .unixListener(.stream, target, mode: 0o620, backlog: 8)
        )
        #expect(directory.mode(of: "inner/socket") == 0o620)
        #expect(directory.entries(of: "inner") == ["socket"])
        #expect(
            try bench.localAddress(listener) == .unix(path: directory.path + "/inner/socket")
        )

        let handle = try bench.open(.unixTarget(target))
        let client = try bench.open(
            .socket(.stream, family: .unix, bind: nil, SocketOptions())
        )
        let connecting = bench.start(.connect(client, .unixHandle(handle)))
        let result = try bench.run(.accept(listener, SocketOptions()))
        #expect(try bench.finish(connecting).isConnected)
        guard case .accepted(let server, .unix(path: "")) = result else {
            throw DriverBench.Unexpected(result: "\(result)")
        }
        #expect(try bench.run(.close(handle, reset: false)).isDone)
        #expect(try bench.run(.send(client, bytes: [1, 2], from: 0)).count == 2)
        #expect(try bench.run(.receive(server, limit: 9)).bytes == [1, 2])
        #expect(try bench.run(.close(client, reset: false)).isDone)
        #expect(try bench.run(.receive(server, limit: 9)).bytes == [])
        #expect(try bench.run(.close(listener, reset: false)).isDone)
        #expect(directory.entries(of: "inner") == [])
    }

    @Test(arguments: DriverFactory.all)
    func `a stale socket is replaced and a live one refused`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let directory = try TemporaryDirectory()
        let request = OpenRequest.unixListener(
            .stream,
            directory.target("s"),
            mode: 0o660,
            backlog: 1
        )
        try directory.makeStaleSocket("s")
        let listener = try bench.open(request)
        #expect(try bench.run(.open(request)).failure == .addressInUse)
        // Still refused when its backlog is full.
        for _ in 0..<4 {
            #expect(try bench.run(.open(request)).failure == .addressInUse)
        }
        #expect(directory.entries(of: "") == ["s"])
        #expect(try bench.run(.close(listener, reset: false)).isDone)
        #expect(directory.entries(of: "") == [])

        directory.makeFile("s", "precious")
        #expect(try bench.run(.open(request)).failure == .addressInUse)
        #expect(directory.entries(of: "") == ["s"])
    }

    @Test(arguments: DriverFactory.all)
    func `a socket file that is no longer ours is left alone`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let directory = try TemporaryDirectory()
        let listener = try bench.open(
            .unixListener(.stream, directory.target("s"), mode: 0o660, backlog: 1)
        )
        unlink(directory.path + "/s")
        directory.makeFile("s", "another's")
        #expect(try bench.run(.close(listener, reset: false)).isDone)
        #expect(directory.entries(of: "") == ["s"])
    }

    @Test(arguments: DriverFactory.all, [SocketKind.stream, .sequencedPacket])
    func `descriptors that a peer passes are not taken`(
        factory: DriverFactory,
        kind: SocketKind
    ) throws {
        let bench = try DriverBench(factory)
        let directory = try TemporaryDirectory()
        let listener = try bench.open(
            .unixListener(kind, directory.target("s"), mode: 0o600, backlog: 1)
        )
        let isStream = kind == .stream
        let peer = try RawPeer(
            connectedTo: .unix(path: directory.path + "/s"),
            isStream ? SOCK_STREAM : SOCK_SEQPACKET
        )
        let slot = try bench.run(.accept(listener, SocketOptions())).slot

        var pipe: [Int32] = [-1, -1]
        let type = SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue
        #expect(socketpair(AF_UNIX, Int32(type), 0, &pipe) == 0)
        defer { close(pipe[0]) }
        peer.send([1, 2])
        peer.send([3], passing: pipe[1])
        peer.send([4, 5])
        close(pipe[1])
        bench.turn(milliseconds: 5)
        if isStream {
            // A receive stops where the descriptor was; what is behind needs no further event.
            #expect(try bench.receiveAll(slot, count: 5) == [1, 2, 3, 4, 5])
        } else {
            for bytes: [UInt8] in [[1, 2], [3], [4, 5]] {
                #expect(try bench.run(.receiveMessage(slot, limit: 9)).message.bytes == bytes)
            }
        }
        // The pipe has ended: nobody holds the other side of it.
        var byte: UInt8 = 0
        #expect(read(pipe[0], &byte, 1) == 0)
    }

    @Test(arguments: DriverFactory.all)
    func `a full Unix backlog goes up as again`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let directory = try TemporaryDirectory()
        let target = directory.target("s")
        let listener = try bench.open(.unixListener(.stream, target, mode: 0o660, backlog: 1))
        let handle = try bench.open(.unixTarget(target))
        var refused: DescriptorSlot?
        for _ in 0..<8 where refused == nil {
            let client = try bench.open(
                .socket(.stream, family: .unix, bind: nil, SocketOptions())
            )
            let result = try bench.run(.connect(client, .unixHandle(handle)))
            if result.failure == .again { refused = client } else { #expect(result.isConnected) }
        }
        let client = try #require(refused)
        _ = try bench.run(.accept(listener, SocketOptions())).slot
        #expect(try bench.run(.connect(client, .unixHandle(handle))).isConnected)
    }

    @Test(arguments: DriverFactory.all)
    func `a link that leads out is not followed`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let outside = try TemporaryDirectory()
        outside.makeFile("secret", "s")
        let elsewhere = try bench.open(
            .unixListener(.stream, outside.target("socket"), mode: 0o660, backlog: 1)
        )
        let directory = try TemporaryDirectory()
        symlink(outside.path + "/secret", directory.path + "/absolute")
        symlink("../\(outside.name)/secret", directory.path + "/relative")
        symlink(outside.path, directory.path + "/way")
        symlink(outside.path + "/socket", directory.path + "/socket")
        let escape = Errno(EXDEV)
        for path in ["absolute", "relative", "way/secret", "../\(outside.name)/secret"] {
            let result = try bench.run(.open(.file(directory.target(path), .reading)))
            #expect(result.failure == escape, "\(path)")
        }
        let target = try bench.run(.open(.unixTarget(directory.target("socket"))))
        #expect(target.failure == escape)
        let listener = try bench.run(
            .open(.unixListener(.stream, directory.target("way/new"), mode: 0, backlog: 1))
        )
        #expect(listener.failure == escape)
        _ = elsewhere
    }

    @Test(arguments: DriverFactory.all)
    func `only sockets are targets and only regular files are files`(
        factory: DriverFactory
    ) throws {
        let bench = try DriverBench(factory)
        let directory = try TemporaryDirectory()
        directory.makeFile("file", "x")
        directory.makeDirectory("inner")
        mkfifo(directory.path + "/fifo", 0o600)
        let target = try bench.run(.open(.unixTarget(directory.target("file"))))
        #expect(target.failure == .notSocket)
        func opening(_ name: String) throws -> Errno? {
            try bench.run(.open(.file(directory.target(name), .reading))).failure
        }
        #expect(try opening("inner") == .isDirectory)
        #expect(try opening("fifo") == Errno(ESPIPE))
        #expect(try opening("none") == .notFound)
        #expect(try opening("file") == nil)
    }

    @Test(arguments: DriverFactory.all)
    func `files are written and read at offsets`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let directory = try TemporaryDirectory()
        let access = FileAccess(reads: true, writes: true, appends: false, creates: true)
        let file = try bench.open(.file(directory.target("new"), access))
        #expect(directory.mode(of: "new") & 0o137 == 0)
        let writing = bench.start(.writeAt(file, offset: 3, bytes: [1, 2, 3]))
        #expect(bench.isPending(writing))
        #expect(try bench.run(.close(file, reset: false)).failure == .busy)
        #expect(try bench.finish(writing).count == 3)
        #expect(try bench.run(.readAt(file, offset: 0, limit: 5)).bytes == [0, 0, 0, 1, 2])
        #expect(try bench.run(.readAt(file, offset: 6, limit: 5)).bytes == [])
        #expect(try bench.run(.control(file, .syncFile)).isDone)
        guard case .control(.number(6)) = try bench.run(.control(file, .fileSize)) else {
            Issue.record("wrong size")
            return
        }
        #expect(try bench.run(.close(file, reset: false)).isDone)

        let appending = FileAccess(reads: false, writes: true, appends: true, creates: false)
        let log = try bench.open(.file(directory.target("new"), appending))
        #expect(try bench.run(.writeAt(log, offset: nil, bytes: [9])).count == 1)
        #expect(try bench.run(.readAt(log, offset: 0, limit: 1)).failure == .badDescriptor)
        #expect(try bench.run(.close(log, reset: false)).isDone)
        #expect(directory.contents(of: "new") == [0, 0, 0, 1, 2, 3, 9])
    }

    @Test(arguments: DriverFactory.all)
    func `an open that is cancelled leaves nothing open`(factory: DriverFactory) throws {
        let directory = try TemporaryDirectory()
        do {
            let bench = try DriverBench(factory)
            for index in 0..<50 {
                let target = directory.target("socket\(index)")
                let opening = bench.start(
                    .open(.unixListener(.stream, target, mode: 0o600, backlog: 1))
                )
                bench.driver.cancel(opening)
                #expect(try bench.finish(opening).failure == .cancelled)
            }
            // Jobs that ran all the same come in behind this one or before.
            _ = try bench.run(.open(.unixTarget(directory.target("none"))))
            try bench.turn(until: "late listeners to be dropped") {
                bench.turn(milliseconds: 10)
                return directory.entries(of: "").isEmpty
            }
            #expect(bench.strayCompletions.isEmpty)
        }
    }
}

extension FileAccess {
    static let reading = FileAccess(reads: true, writes: false, appends: false, creates: false)
}
