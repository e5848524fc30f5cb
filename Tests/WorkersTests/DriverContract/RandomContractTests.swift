import DeviceSessions
import EngineBase
import LinuxSystem
import Testing
import Workers

/// Random steps, cancels and closes: every pending step completes once, and no byte is lost.
@Suite struct `Random steps` {
    @Test(arguments: DriverFactory.all, [nil, nil, nil, 1, 2, 3] as [UInt64?])
    func `every step has one outcome and bytes keep their order`(
        factory: DriverFactory,
        fixedSeed: UInt64?
    ) throws {
        let seed = fixedSeed ?? .random(in: .min ... .max)
        print("driver contract seed \(seed)")
        var run = try RandomRun(factory, seed: seed)
        for _ in 0..<3000 { try run.step() }
        try run.end()
        #expect(run.bench.strayCompletions.isEmpty, "seed \(seed)")
        #expect(run.bench.pending.isEmpty, "seed \(seed)")
        #expect(run.bytesMoved > 0, "seed \(seed)")
    }
}

/// One end of a connection, and what is known of it.
private final class End {
    let slot: DescriptorSlot
    var receiving: StepToken?
    var sending: StepToken?
    /// Bytes the driver says it has sent from, and taken for, this end.
    var sent = 0
    var received = 0
    var isOver = false
    var wasReset = false
    weak var other: End?

    init(_ slot: DescriptorSlot) { self.slot = slot }

    /// What this end sends from byte number `index` on.
    func bytes(from index: Int, count: Int) -> [UInt8] {
        let start = (index + 1009 * Int(slot.index)) % End.period
        return Array(End.pattern[start..<start + count])
    }

    static let longest = 300_000
    private static let period = 65_521
    private static let pattern = (0..<period + longest).map { index in
        let place = index % period
        return UInt8(truncatingIfNeeded: place &* 7 &+ place >> 8)
    }
}

private struct RandomRun {
    let bench: DriverBench
    let seed: UInt64
    var dice: SeededGenerator
    var ends: [End] = []
    var bytesMoved = 0

    init(_ factory: DriverFactory, seed: UInt64) throws {
        bench = try DriverBench(factory)
        self.seed = seed
        dice = SeededGenerator(seed: seed)
        for _ in 0..<8 { try addPair() }
    }

    mutating func step() throws {
        let end = ends[Int.random(in: 0..<ends.count, using: &dice)]
        switch Int.random(in: 0..<100, using: &dice) {
        case 0..<30: startReceive(end)
        case 30..<55: startSend(end)
        case 55..<70:
            if let token = Bool.random(using: &dice) ? end.receiving : end.sending {
                bench.driver.cancel(token)
            }
        case 70..<72: try renew(end)
        case 72..<74: bench.driver.watchHangup(end.slot, session: UInt64(end.slot.index))
        default: bench.turn(milliseconds: 0)
        }
        try collect()
    }

    mutating func end() throws {
        for end in ends { try finishSteps(of: end) }
        // Now nothing is out: what was sent and not received must still come.
        for end in ends where !end.isOver {
            guard let other = end.other, !other.wasReset, !end.wasReset else { continue }
            while end.received < other.sent {
                startReceive(end)
                try finishSteps(of: end, cancelling: false)
            }
            #expect(end.received == other.sent, "seed \(seed)")
        }
    }

    private mutating func addPair() throws {
        let (one, other) = try bench.tcpPair()
        let ends = (End(one), End(other))
        ends.0.other = ends.1
        ends.1.other = ends.0
        self.ends += [ends.0, ends.1]
    }

    /// Closes a connection, with or without reset, and makes a new one.
    private mutating func renew(_ end: End) throws {
        guard let other = end.other else { return }
        try finishSteps(of: end)
        let reset = Bool.random(using: &dice)
        end.wasReset = reset
        end.isOver = true
        #expect(try bench.run(.close(end.slot, reset: reset)).isDone)
        // The other end learns of it, whatever it does; bytes it had not read may be gone.
        other.wasReset = true
        try finishSteps(of: other)
        #expect(try bench.run(.close(other.slot, reset: false)).isDone)
        ends.removeAll { $0 === end || $0 === other }
        try addPair()
    }

    private mutating func startReceive(_ end: End) {
        guard end.receiving == nil, !end.isOver else { return }
        let limit = Int.random(in: 1...70_000, using: &dice)
        end.receiving = bench.start(.receive(end.slot, limit: limit))
    }

    private mutating func startSend(_ end: End) {
        guard end.sending == nil, !end.isOver else { return }
        let count = Int.random(in: 1...End.longest, using: &dice)
        let bytes = end.bytes(from: end.sent, count: count)
        end.sending = bench.start(.send(end.slot, bytes: bytes, from: 0))
    }

    private mutating func finishSteps(of end: End, cancelling: Bool = true) throws {
        if cancelling {
            if let token = end.receiving { bench.driver.cancel(token) }
            if let token = end.sending { bench.driver.cancel(token) }
        }
        for token in [end.receiving, end.sending].compactMap({ $0 }) {
            _ = try bench.finish(token)
        }
        try collect()
    }

    /// Takes the results of the steps that have ended.
    private mutating func collect() throws {
        for end in ends {
            if let token = end.receiving, let result = bench.finished[token] {
                end.receiving = nil
                try check(result, receivedBy: end)
            }
            if let token = end.sending, let result = bench.finished[token] {
                end.sending = nil
                if case .sent(let count) = result {
                    end.sent += count
                    bytesMoved += count
                } else if result.failure != .cancelled {
                    #expect(end.wasReset, "seed \(seed): \(result)")
                }
            }
        }
    }

    private func check(_ result: StepResult, receivedBy end: End) throws {
        switch result {
        case .received(let bytes):
            if bytes.isEmpty { end.isOver = true }
            guard let other = end.other else { return }
            let expected = other.bytes(from: end.received, count: bytes.count)
            #expect(bytes == expected, "seed \(seed)")
            end.received += bytes.count
        case .failed(.cancelled): break
        default:
            #expect(end.wasReset, "seed \(seed): \(result)")
            end.isOver = true
        }
    }
}
