import DeviceSessions
import PortEngine

/// A filter that a simulation can see through, in the place of TLS: a record is a length and so many
/// disguised bytes; the length 0 says that all has been sent.
struct StandInFilter: StreamFilter {
    static let recordBytes = 50
    static let disguise: UInt8 = 0x5A
    static let end: [UInt8] = [0]
    static let truncated = EntryError(code: "stand_in_truncated", message: "Cut without an end.")

    private var decoder = StandInDecoder()
    private var isOver = false
    private var lastIsRecord = false

    mutating func unseal(_ wire: [UInt8]) -> UnsealedInput {
        guard !isOver else { return UnsealedInput() }
        var input = UnsealedInput(bytes: decoder.take(wire))
        if decoder.hasEnded {
            input.end = .endOfStream
        } else if wire.isEmpty {
            input.end = .failed(StandInFilter.truncated, breaksOutput: false)
        }
        isOver = input.end != nil
        return input
    }

    mutating func seal(_ bytes: [UInt8], from start: Int) -> SealedOutput {
        let plain = bytes[start...].prefix(StandInFilter.recordBytes)
        lastIsRecord = true
        return .record(StandInFilter.record(plain), plainBytes: plain.count)
    }

    mutating func takeBack() -> Bool {
        defer { lastIsRecord = false }
        return lastIsRecord
    }

    mutating func sealEnd() -> [UInt8] {
        lastIsRecord = false
        return StandInFilter.end
    }

    var security: ConnectionSecurity {
        ConnectionSecurity(version: "stand-in", cipher: "none", peerPin: nil)
    }

    /// A record of at most 255 bytes.
    static func record(_ plain: ArraySlice<UInt8>) -> [UInt8] {
        [UInt8(plain.count)] + plain.map { $0 ^ disguise }
    }
}

/// Takes records apart.
struct StandInDecoder {
    private var left = 0
    private var record: [UInt8] = []
    private(set) var hasEnded = false

    /// The bytes of the records that are whole now.
    mutating func take(_ wire: [UInt8]) -> [UInt8] {
        var plain: [UInt8] = []
        for byte in wire where !hasEnded {
            if left == 0 {
                left = Int(byte)
                hasEnded = byte == 0
            } else {
                record.append(byte ^ StandInFilter.disguise)
                left -= 1
                if left == 0 {
                    plain += record
                    record = []
                }
            }
        }
        return plain
    }
}

/// Opens a stream and shakes hands over it: four bytes there, four bytes back.
struct StandInOpening: SessionOpening {
    static let greeting = Array("ciao".utf8)
    static let answer = Array("oaic".utf8)
    static let refused = EntryError(code: "stand_in_refused", message: "No such handshake.")

    private enum Tag {
        static let wire = 1 << 40
        static let close = wire + 1
    }

    private var inner: any SessionOpening
    private var connected: (slot: DescriptorSlot, peer: String?, local: String?)?
    private var sent = 0
    private var received: [UInt8] = []
    private var stepsOut: Set<Int> = []
    private var hasReported = false

    init(_ inner: any SessionOpening) { self.inner = inner }

    var isIdle: Bool { stepsOut.isEmpty && inner.isIdle }

    mutating func start() -> [OpeningMove] { passedOn(inner.start()) }

    mutating func stepDone(tag: Int, _ result: StepResult) -> [OpeningMove] {
        guard stepsOut.remove(tag) != nil else { return passedOn(inner.stepDone(tag: tag, result)) }
        return tag == Tag.wire ? wireDone(result) : []
    }

    mutating func timerFired(tag: Int) -> [OpeningMove] { passedOn(inner.timerFired(tag: tag)) }

    mutating func abort() -> [OpeningMove] {
        hasReported = true
        let own = stepsOut.contains(Tag.wire) ? [OpeningMove.cancel(tag: Tag.wire)] : []
        return own + passedOn(inner.abort())
    }

    private mutating func passedOn(_ moves: [OpeningMove]) -> [OpeningMove] {
        var passed: [OpeningMove] = []
        for move in moves {
            guard case .opened(let slot, _, let peer, let local) = move else {
                passed.append(move)
                continue
            }
            connected = (slot, peer, local)
            passed += nextMove()
        }
        return passed
    }

    private mutating func nextMove() -> [OpeningMove] {
        guard let connected else { return [] }
        if sent < StandInOpening.greeting.count {
            return submit(
                Tag.wire,
                .send(connected.slot, bytes: StandInOpening.greeting, from: sent))
        }
        let missing = StandInOpening.answer.count - received.count
        if missing > 0 { return submit(Tag.wire, .receive(connected.slot, limit: missing)) }
        guard received == StandInOpening.answer else { return fail(StandInOpening.refused) }
        hasReported = true
        self.connected = nil
        return [
            .filter(StandInFilter(), UnsealedInput()),
            .opened(connected.slot, .stream, peer: connected.peer, local: connected.local),
        ]
    }

    private mutating func wireDone(_ result: StepResult) -> [OpeningMove] {
        guard !hasReported else { return close() }
        switch result {
        case .sent(let count): sent += count
        case .received(let bytes) where !bytes.isEmpty: received += bytes
        case .failed(let errno): return fail(EntryError(errno))
        default: return fail(StandInFilter.truncated)
        }
        return nextMove()
    }

    private mutating func fail(_ error: EntryError) -> [OpeningMove] {
        let moves = close()
        guard !hasReported else { return moves }
        hasReported = true
        return moves + [.failed(error)]
    }

    private mutating func close() -> [OpeningMove] {
        guard let slot = connected?.slot else { return [] }
        connected = nil
        return submit(Tag.close, .close(slot, reset: false))
    }

    private mutating func submit(_ tag: Int, _ step: KernelStep) -> [OpeningMove] {
        stepsOut.insert(tag)
        return [.submit(tag: tag, step)]
    }
}
