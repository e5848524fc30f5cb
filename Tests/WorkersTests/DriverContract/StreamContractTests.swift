import DeviceSessions
import EngineBase
import Glibc
import Testing
import Workers

/// Bytes, ends and cancels on stream sockets.
@Suite struct `Stream steps` {
    @Test(arguments: DriverFactory.all)
    func `a send to a slow reader is short and the rest arrives`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let (writer, reader) = try bench.tcpPair()
        let data = (0..<16_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 13) }
        var sent = 0
        var received: [UInt8] = []
        var waits = 0
        while sent < data.count {
            let sending = bench.start(.send(writer, bytes: data, from: sent))
            if bench.isPending(sending) {
                waits += 1
                received += try bench.run(.receive(reader, limit: 65_536)).bytes
                while bench.isPending(sending) {
                    received += try bench.run(.receive(reader, limit: 65_536)).bytes
                }
            }
            let count = try bench.finish(sending).count
            try #require(count > 0)
            sent += count
        }
        #expect(waits > 0)
        received += try bench.receiveAll(reader, count: data.count - received.count)
        #expect(received == data)
        #expect(bench.strayCompletions.isEmpty)
    }

    @Test(arguments: DriverFactory.all)
    func `data and end in one event are both told`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let (peer, slot) = try bench.tcpPair()
        let receiving = bench.start(.receive(slot, limit: 65_536))
        #expect(bench.isPending(receiving))
        #expect(try bench.run(.send(peer, bytes: [1, 2, 3], from: 0)).count == 3)
        #expect(try bench.run(.shutdownOutput(peer)).isDone)
        #expect(try bench.finish(receiving).bytes == [1, 2, 3])
        // Nothing more happens in the kernel: the end has to come without an event.
        #expect(try bench.run(.receive(slot, limit: 65_536)).bytes == [])
        #expect(try bench.run(.receive(slot, limit: 65_536)).bytes == [])
        #expect(try bench.run(.send(slot, bytes: [9], from: 0)).count == 1)
        #expect(try bench.run(.receive(peer, limit: 10)).bytes == [9])
    }

    @Test(arguments: DriverFactory.all)
    func `a reset comes after the data before it`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let (peer, slot) = try bench.tcpPair()
        #expect(try bench.run(.send(peer, bytes: [4, 5], from: 0)).count == 2)
        #expect(try bench.run(.close(peer, reset: true)).isDone)
        #expect(try bench.run(.receive(slot, limit: 100)).bytes == [4, 5])
        #expect(try bench.run(.receive(slot, limit: 100)).failure == .connectionReset)
        #expect(try bench.run(.receive(slot, limit: 100)).bytes == [])
        #expect(try bench.run(.send(slot, bytes: [1], from: 0)).failure == .brokenPipe)
    }

    @Test(arguments: DriverFactory.all)
    func `bytes beyond the limit stay for the next receive`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let (peer, slot) = try bench.tcpPair()
        #expect(try bench.run(.send(peer, bytes: [1, 2, 3, 4, 5], from: 1)).count == 4)
        let ready = try bench.run(.poll(slot))
        #expect(ready.isReady)
        #expect(try bench.run(.receive(slot, limit: 1)).bytes == [2])
        #expect(try bench.run(.receive(slot, limit: 2)).bytes == [3, 4])
        #expect(try bench.run(.receive(slot, limit: 2)).bytes == [5])
        let waiting = bench.start(.poll(slot))
        #expect(bench.isPending(waiting))
        #expect(try bench.run(.send(peer, bytes: [6], from: 0)).count == 1)
        #expect(try bench.finish(waiting).isReady)
        #expect(try bench.run(.receive(slot, limit: 2)).bytes == [6])
    }

    @Test(arguments: DriverFactory.all)
    func `a cancelled receive takes no bytes`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let (peer, slot) = try bench.tcpPair()
        let receiving = bench.start(.receive(slot, limit: 100))
        #expect(bench.isPending(receiving))
        bench.driver.cancel(receiving)
        #expect(bench.isPending(receiving), "a cancel must not complete by itself")
        #expect(try bench.run(.send(peer, bytes: [7, 8], from: 0)).count == 2)
        #expect(try bench.finish(receiving).failure == .cancelled)
        bench.driver.cancel(receiving)
        #expect(try bench.run(.receive(slot, limit: 100)).bytes == [7, 8])
        #expect(bench.strayCompletions.isEmpty)
    }

    /// A close, or many submissions, may let the kernel complete a receive before the next wait.
    @Test(arguments: DriverFactory.all, [false, true])
    func `a look is not told before the bytes that it no longer sees`(
        factory: DriverFactory, afterMany: Bool
    ) throws {
        let bench = try DriverBench(factory)
        let (listener, address) = try bench.tcpListener()
        let peer = try RawPeer(connectedTo: address)
        let slot = try bench.run(.accept(listener, SocketOptions())).slot
        let (other, _) = try bench.tcpPair()
        bench.driver.watchHangup(other, session: 1)
        let receiving = bench.start(.receive(slot, limit: 100))
        bench.turn(milliseconds: 0)
        peer.send([1, 2, 3])
        if afterMany {
            let cancelled = bench.start(.receive(other, limit: 1))
            for _ in 0..<1500 { bench.driver.cancel(cancelled) }
        } else {
            _ = bench.start(.close(other, reset: false))
        }
        let looking = bench.start(.control(slot, .unreadBytes))
        if case .control(.number(let count))? = bench.finished[looking] {
            #expect(count == 3)
        }
        _ = try bench.finish(looking)
        #expect(try bench.finish(receiving).bytes == [1, 2, 3])
    }

    @Test(arguments: DriverFactory.all)
    func `a cancelled send has moved what its completion says`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let (writer, reader) = try bench.tcpPair()
        let block = [UInt8](repeating: 1, count: 1_000_000)
        var total = 0
        var sending = bench.start(.send(writer, bytes: block, from: 0))
        // A driver that leaves the send to the kernel knows only after a turn that it waits.
        bench.turn(milliseconds: 0)
        while !bench.isPending(sending) {
            total += try bench.finish(sending).count
            sending = bench.start(.send(writer, bytes: block, from: 0))
            bench.turn(milliseconds: 0)
        }
        bench.driver.cancel(sending)
        let result = try bench.finish(sending)
        if case .sent(let count) = result, bench.driver.name != "epoll" {
            total += count
        } else {
            #expect(result.failure == .cancelled)
        }
        #expect(try bench.run(.shutdownOutput(writer)).isDone)
        #expect(try bench.receiveAll(reader).count == total)
    }

    @Test(arguments: DriverFactory.all)
    func `a hang-up is told once when nothing was asked`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let (peer, slot) = try bench.tcpPair()
        bench.driver.watchHangup(slot, session: 77)
        #expect(try bench.run(.send(peer, bytes: [1], from: 0)).count == 1)
        #expect(try bench.run(.close(peer, reset: false)).isDone)
        try bench.turn(until: "a hang-up") { !bench.hangups.isEmpty }
        #expect(bench.hangups == [77])
        #expect(try bench.run(.receive(slot, limit: 9)).bytes == [1])
        #expect(try bench.run(.receive(slot, limit: 9)).bytes == [])
        bench.turn(milliseconds: 20)
        #expect(bench.hangups == [77])
    }

    @Test(arguments: DriverFactory.all)
    func `a reset after a told hang-up is not told again`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let (peer, slot) = try bench.tcpPair()
        bench.driver.watchHangup(slot, session: 77)
        #expect(try bench.run(.shutdownOutput(peer)).isDone)
        try bench.turn(until: "a hang-up") { !bench.hangups.isEmpty }
        #expect(try bench.run(.close(peer, reset: true)).isDone)
        bench.turn(milliseconds: 20)
        #expect(bench.hangups == [77])
    }

    @Test(arguments: DriverFactory.all)
    func `a hang-up behind data is told although a receive was out`(
        factory: DriverFactory
    ) throws {
        let bench = try DriverBench(factory)
        let (peer, slot) = try bench.tcpPair()
        bench.driver.watchHangup(slot, session: 5)
        let receiving = bench.start(.receive(slot, limit: 9))
        #expect(bench.isPending(receiving))
        #expect(try bench.run(.send(peer, bytes: [1], from: 0)).count == 1)
        #expect(try bench.run(.shutdownOutput(peer)).isDone)
        #expect(try bench.finish(receiving).bytes == [1])
        try bench.turn(until: "a hang-up") { !bench.hangups.isEmpty }
        #expect(bench.hangups == [5])
    }

    @Test(arguments: DriverFactory.all)
    func `a hang-up that a receive has told is not told again`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let (peer, slot) = try bench.tcpPair()
        bench.driver.watchHangup(slot, session: 5)
        let receiving = bench.start(.receive(slot, limit: 9))
        #expect(try bench.run(.close(peer, reset: true)).isDone)
        #expect(try bench.finish(receiving).failure == .connectionReset)
        bench.turn(milliseconds: 20)
        #expect(bench.hangups.isEmpty)
    }

    @Test(arguments: DriverFactory.all)
    func `a hang-up that came before the watch is told`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let (peer, slot) = try bench.tcpPair()
        #expect(try bench.run(.close(peer, reset: false)).isDone)
        let ready = try bench.run(.poll(slot))
        #expect(ready.isReady)
        bench.driver.watchHangup(slot, session: 3)
        try bench.turn(until: "a hang-up") { !bench.hangups.isEmpty }
        #expect(bench.hangups == [3])
    }

    @Test(arguments: DriverFactory.all)
    func `bytes behind urgent ones are received without a further event`(
        factory: DriverFactory
    ) throws {
        let bench = try DriverBench(factory)
        let (listener, address) = try bench.tcpListener()
        let peer = try RawPeer(connectedTo: address)
        let slot = try bench.run(.accept(listener, SocketOptions())).slot
        peer.send([1, 2])
        peer.send([3], flags: Int32(MSG_OOB))
        peer.send([4, 5])
        // All of it is there, and its events are taken, before the first receive.
        try bench.turn(until: "5 bytes to be readable") { peer.unsentBytes == 0 }
        bench.turn(milliseconds: 5)
        #expect(try bench.receiveAll(slot, count: 4) == [1, 2, 4, 5])
    }
}
