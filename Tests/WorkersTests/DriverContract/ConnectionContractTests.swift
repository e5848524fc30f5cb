import DeviceSessions
import EngineBase
import Glibc
import LinuxSystem
import Testing
import Workers

/// Opening, connecting, accepting, closing.
@Suite struct `Connection steps` {
    @Test(arguments: DriverFactory.all)
    func `a connect that nobody answers is refused`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let (listener, address) = try bench.tcpListener()
        #expect(try bench.run(.close(listener, reset: false)).isDone)
        let client = try bench.tcpSocket()
        #expect(try bench.run(.connect(client, address)).failure == .connectionRefused)
        // The wait must not take the unconnected socket for one that hung up.
        #expect(try bench.run(.close(client, reset: false)).isDone)
    }

    @Test(arguments: DriverFactory.all)
    func `a socket that waited unconnected is no hang-up`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let (listener, address) = try bench.tcpListener()
        let client = try bench.tcpSocket()
        bench.driver.watchHangup(client, session: 1)
        bench.turn(milliseconds: 5)
        let (one, other) = try bench.connectedPair(client, listener, address)
        let receiving = bench.start(.receive(one, limit: 5))
        bench.turn(milliseconds: 5)
        #expect(bench.isPending(receiving))
        #expect(bench.hangups.isEmpty)
        #expect(try bench.run(.send(other, bytes: [1], from: 0)).count == 1)
        #expect(try bench.finish(receiving).bytes == [1])
    }

    @Test(arguments: DriverFactory.all)
    func `a connect can be cancelled and its socket closed`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        // A listener with a full backlog leaves further clients without an answer.
        let (listener, address) = try bench.tcpListener(backlog: 0)
        var connecting: [(DescriptorSlot, StepToken)] = []
        for _ in 0..<6 {
            let client = try bench.tcpSocket()
            connecting.append((client, bench.start(.connect(client, address))))
        }
        bench.turn(milliseconds: 50)
        let waiting = connecting.filter { bench.isPending($0.1) }
        try #require(!waiting.isEmpty)
        for (client, token) in waiting {
            #expect(try bench.run(.close(client, reset: false)).failure == .busy)
            bench.driver.cancel(token)
            #expect(try bench.finish(token).failure == .cancelled)
            #expect(try bench.run(.close(client, reset: false)).isDone)
        }
        _ = listener
        #expect(bench.strayCompletions.isEmpty)
    }

    @Test(arguments: DriverFactory.all)
    func `a connection to itself is refused`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let client = try bench.open(
            .socket(
                .stream,
                family: .ipv4,
                bind: .ipv4(DriverBench.loopback, port: 0),
                SocketOptions()
            )
        )
        let own = try bench.localAddress(client)
        #expect(try bench.run(.connect(client, own)).failure == .connectionRefused)
    }

    @Test(arguments: DriverFactory.all)
    func `a cancelled accept leaves the connection waiting`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let (listener, address) = try bench.tcpListener()
        let accepting = bench.start(.accept(listener, SocketOptions()))
        #expect(bench.isPending(accepting))
        bench.driver.cancel(accepting)
        #expect(try bench.finish(accepting).failure == .cancelled)
        let client = try bench.tcpSocket()
        #expect(try bench.run(.connect(client, address)).isConnected)
        let result = try bench.run(.accept(listener, SocketOptions()))
        guard case .accepted(_, let peer) = result else {
            throw DriverBench.Unexpected(result: "\(result)")
        }
        #expect(try peer == bench.localAddress(client))
    }

    @Test(arguments: DriverFactory.all)
    func `a client that reset before the accept is accepted`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let (listener, address) = try bench.tcpListener()
        let client = try bench.tcpSocket()
        #expect(try bench.run(.connect(client, address)).isConnected)
        #expect(try bench.run(.send(client, bytes: [1], from: 0)).count == 1)
        #expect(try bench.run(.close(client, reset: true)).isDone)
        let slot = try bench.run(.accept(listener, SocketOptions())).slot
        #expect(try bench.run(.receive(slot, limit: 5)).bytes == [1])
        #expect(try bench.run(.receive(slot, limit: 5)).failure == .connectionReset)
    }

    @Test(arguments: DriverFactory.all)
    func `an IPv4 client of an IPv6 listener has its IPv4 address`(
        factory: DriverFactory
    ) throws {
        let bench = try DriverBench(factory)
        let listener = try bench.open(
            .listener(.ipv6(high: 0, low: 0, port: 0, scope: 0), backlog: 1)
        )
        guard case .ipv6(_, _, let port, _) = try bench.localAddress(listener) else {
            Issue.record("not an IPv6 address")
            return
        }
        let client = try bench.tcpSocket()
        let connecting = bench.start(
            .connect(client, .ipv4(DriverBench.loopback, port: port))
        )
        let result = try bench.run(.accept(listener, SocketOptions()))
        #expect(try bench.finish(connecting).isConnected)
        guard case .accepted(_, .ipv4(DriverBench.loopback, _)) = result else {
            Issue.record("accepted \(result)")
            return
        }
    }

    @Test(arguments: DriverFactory.all)
    func `a descriptor is closed only with no step out and never twice`(
        factory: DriverFactory
    ) throws {
        let bench = try DriverBench(factory)
        let (_, slot) = try bench.tcpPair()
        let receiving = bench.start(.receive(slot, limit: 5))
        #expect(try bench.run(.close(slot, reset: false)).failure == .busy)
        #expect(try bench.run(.receive(slot, limit: 5)).failure == .busy)
        bench.driver.cancel(receiving)
        #expect(try bench.finish(receiving).failure == .cancelled)
        #expect(try bench.run(.close(slot, reset: false)).isDone)
        #expect(try bench.run(.close(slot, reset: false)).failure == .badDescriptor)
        #expect(try bench.run(.receive(slot, limit: 5)).failure == .badDescriptor)
    }

    @Test(arguments: DriverFactory.all)
    func `a slot used again is not reached by its old name`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let first = try bench.tcpSocket()
        #expect(try bench.run(.close(first, reset: false)).isDone)
        let second = try bench.tcpSocket()
        #expect(second.index == first.index)
        #expect(second.generation == first.generation + 1)
        #expect(try bench.run(.shutdownOutput(first)).failure == .badDescriptor)
        #expect(try bench.run(.close(first, reset: true)).failure == .badDescriptor)
        #expect(try bench.run(.shutdownOutput(second)).failure == .notConnected)
        #expect(try bench.run(.close(second, reset: false)).isDone)
    }

    @Test(arguments: DriverFactory.all)
    func `a close gives the number back to the kernel`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let (one, other) = try bench.tcpPair()
        #expect(try bench.run(.close(other, reset: false)).isDone)
        // The peer sees it: nothing else holds the descriptor.
        #expect(try bench.run(.receive(one, limit: 1)).bytes == [])
    }

    @Test func `accept at the descriptor limit fails and works again afterwards`() async {
        // In a process of its own, whose limit nobody else depends on.
        await #expect(processExitsWith: .success) {
            for factory in DriverFactory.all { try acceptAtTheLimit(factory) }
        }
    }

    @Test(arguments: DriverFactory.all)
    func `two thousand connections are served`(factory: DriverFactory) throws {
        #expect(try DescriptorLimit.raise() >= 4200)
        let bench = try DriverBench(factory)
        let (listener, address) = try bench.tcpListener(backlog: 4096)
        var pairs: [(DescriptorSlot, DescriptorSlot)] = []
        for _ in 0..<2000 {
            pairs.append(try bench.connectedPair(bench.tcpSocket(), listener, address))
        }
        let receives = pairs.map { bench.start(.receive($0.1, limit: 16)) }
        for (index, pair) in pairs.enumerated() {
            let bytes = [UInt8(truncatingIfNeeded: index), UInt8(index >> 8)]
            #expect(try bench.run(.send(pair.0, bytes: bytes, from: 0)).count == 2)
        }
        for (index, token) in receives.enumerated() {
            let bytes = [UInt8(truncatingIfNeeded: index), UInt8(index >> 8)]
            #expect(try bench.finish(token).bytes == bytes)
        }
        for (one, other) in pairs {
            #expect(try bench.run(.close(one, reset: true)).isDone)
            #expect(try bench.run(.close(other, reset: false)).isDone)
        }
        #expect(bench.strayCompletions.isEmpty)
        #expect(bench.pending.isEmpty)
    }
}

/// Fills the descriptor table, and checks what accept says then and later.
private func acceptAtTheLimit(_ factory: DriverFactory) throws {
    let bench = try DriverBench(factory)
    let (listener, address) = try bench.tcpListener()
    let client = try bench.tcpSocket()
    let connecting = bench.start(.connect(client, address))
    _ = try bench.finish(connecting)
    bench.turn(milliseconds: 10)

    let old = try DescriptorLimit.current()
    try DescriptorLimit.set(to: 64)
    var fillers: [Int32] = []
    while fillers.count < 64 {
        let filler = dup(0)
        if filler < 0 { break }
        fillers.append(filler)
    }
    precondition(Errno.current == .tooManyOpenFiles && !fillers.isEmpty)
    for _ in 0..<3 {
        let result = try bench.run(.accept(listener, SocketOptions()))
        precondition(result.failure == .tooManyOpenFiles, "\(result)")
    }
    let opening = try bench.run(
        .open(.socket(.stream, family: .ipv4, bind: nil, SocketOptions()))
    )
    precondition(opening.failure == .tooManyOpenFiles, "\(opening)")

    for filler in fillers { close(filler) }
    // No further client came, so there is no further event: the connection must not be lost.
    _ = try bench.run(.accept(listener, SocketOptions())).slot
    try DescriptorLimit.set(to: old)
}
