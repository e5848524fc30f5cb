import DeviceSessions
import EngineBase
import Glibc
import Testing
import Workers

/// Datagrams, and messages over a connection.
@Suite struct `Message steps` {
    private func udpSocket(_ bench: DriverBench) throws -> (DescriptorSlot, SocketAddress) {
        let slot = try bench.open(
            .socket(
                .datagram,
                family: .ipv4,
                bind: .ipv4(DriverBench.loopback, port: 0),
                SocketOptions()
            )
        )
        return (slot, try bench.localAddress(slot))
    }

    @Test(arguments: DriverFactory.all)
    func `datagrams keep their bounds, sizes and senders`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let (one, oneAddress) = try udpSocket(bench)
        let (other, otherAddress) = try udpSocket(bench)
        let receiving = bench.start(.receiveMessage(other, limit: 100))
        #expect(bench.isPending(receiving))
        for size in [3, 0, 500] {
            let bytes = [UInt8](repeating: UInt8(size & 255), count: size)
            let sent = try bench.run(.sendMessage(one, bytes: bytes, to: otherAddress)).count
            #expect(sent == size)
        }
        let first = try bench.finish(receiving).message
        #expect(first == ReceivedStep(bytes: [3, 3, 3], fullSize: 3, peer: oneAddress))
        let empty = try bench.run(.receiveMessage(other, limit: 100)).message
        #expect(empty == ReceivedStep(bytes: [], fullSize: 0, peer: oneAddress))
        let long = try bench.run(.receiveMessage(other, limit: 4)).message
        #expect(
            long
                == ReceivedStep(
                    bytes: [UInt8](repeating: 244, count: 4),
                    fullSize: 500,
                    peer: oneAddress
                )
        )
        let none = bench.start(.receiveMessage(other, limit: 100))
        bench.turn(milliseconds: 5)
        #expect(bench.isPending(none))
        bench.driver.cancel(none)
        #expect(try bench.finish(none).failure == .cancelled)
    }

    @Test(arguments: DriverFactory.all)
    func `an unreachable port is an error of the connected socket`(
        factory: DriverFactory
    ) throws {
        let bench = try DriverBench(factory)
        let (gone, address) = try udpSocket(bench)
        #expect(try bench.run(.close(gone, reset: false)).isDone)
        let (slot, _) = try udpSocket(bench)
        #expect(try bench.run(.connect(slot, address)).isConnected)
        bench.driver.watchHangup(slot, session: 1)
        #expect(try bench.run(.sendMessage(slot, bytes: [1], to: nil)).count == 1)
        let result = try bench.run(.receiveMessage(slot, limit: 10))
        #expect(result.failure == .connectionRefused)
        #expect(bench.hangups.isEmpty)
        let tooLong = [UInt8](repeating: 0, count: 65_508)
        let sending = try bench.run(.sendMessage(slot, bytes: tooLong, to: nil))
        #expect(sending.failure == .messageTooLong)
    }

    @Test(arguments: DriverFactory.all)
    func `messages over a connection are told from its end`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let directory = try TemporaryDirectory()
        let target = directory.target("messages")
        let listener = try bench.open(
            .unixListener(.sequencedPacket, target, mode: 0o600, backlog: 4)
        )
        let handle = try bench.open(.unixTarget(target))
        let client = try bench.open(
            .socket(.sequencedPacket, family: .unix, bind: nil, SocketOptions())
        )
        let (one, other) = try bench.connectedPair(client, listener, .unixHandle(handle))

        let large = (0..<100_000).map { UInt8(truncatingIfNeeded: $0) }
        for bytes in [[1, 2], [], large] {
            #expect(try bench.run(.sendMessage(one, bytes: bytes, to: nil)).count == bytes.count)
        }
        // The connecting side tells them apart as well.
        #expect(try bench.run(.sendMessage(other, bytes: [], to: nil)).count == 0)
        #expect(try bench.run(.shutdownOutput(other)).isDone)
        #expect(try bench.run(.receiveMessage(one, limit: 5)).message.bytes == [])
        #expect(try bench.run(.receiveMessage(one, limit: 5)).bytes == [])
        #expect(try bench.run(.close(one, reset: false)).isDone)
        let limit = 1 << 20
        #expect(try bench.run(.receiveMessage(other, limit: limit)).message.bytes == [1, 2])
        #expect(try bench.run(.receiveMessage(other, limit: limit)).message.bytes == [])
        #expect(try bench.run(.receiveMessage(other, limit: limit)).message.bytes == large)
        #expect(try bench.run(.receiveMessage(other, limit: limit)).bytes == [])
    }

    @Test(arguments: DriverFactory.all)
    func `datagrams that were dropped are counted`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let (one, _) = try udpSocket(bench)
        let (other, address) = try udpSocket(bench)
        let bytes = [UInt8](repeating: 1, count: 60_000)
        let sent = 100
        for _ in 0..<sent {
            _ = try bench.run(.sendMessage(one, bytes: bytes, to: address))
        }
        var received = 0
        var lost: UInt32 = 0
        while case .control(.number(1)) = try bench.run(.control(other, .readable)) {
            guard
                case .message(_, _, _, let dropped) = try bench.run(
                    .receiveMessage(other, limit: 65_535))
            else { break }
            received += 1
            lost = dropped
        }
        #expect(lost > 0)
        #expect(received + Int(lost) == sent)
    }

    @Test(arguments: DriverFactory.all)
    func `readable tells of an empty message, of an error and of the end`(
        factory: DriverFactory
    ) throws {
        let bench = try DriverBench(factory)
        func isReadable(_ slot: DescriptorSlot) throws -> Bool {
            guard case .control(.number(let number)) = try bench.run(.control(slot, .readable))
            else { return false }
            return number == 1
        }
        let (one, oneAddress) = try udpSocket(bench)
        let (other, address) = try udpSocket(bench)
        #expect(try !isReadable(other))
        _ = try bench.run(.sendMessage(one, bytes: [], to: address))
        #expect(try isReadable(other))
        #expect(try bench.run(.receiveMessage(other, limit: 9)).message.bytes == [])
        #expect(try !isReadable(other))
        #expect(try bench.run(.connect(other, oneAddress)).isConnected)
        #expect(try bench.run(.close(one, reset: false)).isDone)
        _ = try bench.run(.sendMessage(other, bytes: [1], to: nil))
        #expect(try isReadable(other))
        #expect(try bench.run(.receiveMessage(other, limit: 9)).failure == .connectionRefused)
        #expect(try !isReadable(other))
    }

    @Test(arguments: DriverFactory.all)
    func `a multicast group is joined and left by its interface`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let (slot, _) = try udpSocket(bench)
        func member(_ isJoin: Bool, _ interface: String) throws -> StepResult {
            let group = IPAddress.v4(0xEFFF_4D09)
            return try bench.run(
                .control(slot, .membership(isJoin: isJoin, group, interface: interface)))
        }
        #expect(try member(true, "lo").isDone)
        #expect(try member(true, "lo").failure == .addressInUse)
        #expect(try member(false, "lo").isDone)
        #expect(try member(false, "lo").failure == .addressNotAvailable)
        #expect(try member(true, "nothing0").failure == Errno(ENODEV))
    }

    @Test(arguments: DriverFactory.all)
    func `messages that arrived before a reset are there behind it`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let directory = try TemporaryDirectory()
        let target = directory.target("reset")
        let listener = try bench.open(
            .unixListener(.sequencedPacket, target, mode: 0o600, backlog: 4)
        )
        let handle = try bench.open(.unixTarget(target))
        let client = try bench.open(
            .socket(.sequencedPacket, family: .unix, bind: nil, SocketOptions())
        )
        let (one, other) = try bench.connectedPair(client, listener, .unixHandle(handle))
        _ = try bench.run(.sendMessage(one, bytes: [1], to: nil))
        _ = try bench.run(.sendMessage(other, bytes: [9], to: nil))
        #expect(try bench.run(.close(one, reset: false)).isDone)
        #expect(try bench.run(.receiveMessage(other, limit: 9)).failure == .connectionReset)
        #expect(try bench.run(.receiveMessage(other, limit: 9)).message.bytes == [1])
        #expect(try bench.run(.receiveMessage(other, limit: 9)).bytes == [])
    }
}

/// A message step's result in a form that can be compared.
struct ReceivedStep: Equatable {
    var bytes: [UInt8]
    var fullSize: Int
    var peer: SocketAddress?
}

extension StepResult {
    var message: ReceivedStep {
        get throws {
            guard case .message(let bytes, let fullSize, let peer, _) = self else {
                throw DriverBench.Unexpected(result: "\(self)")
            }
            return ReceivedStep(bytes: bytes, fullSize: fullSize, peer: peer)
        }
    }
}
