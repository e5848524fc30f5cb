import EngineBase
import Glibc
import TestKit
import Testing

@testable import PortEngine

/// A fetch whose client may go away before its answer comes.
private final class MortalWaiter: FetchWaiter {
    private struct Fate {
        var answer: FetchAnswer?
        var isGone = false
    }

    private let fate = Guarded(Fate())
    private let port: CompletionPort

    init(_ port: CompletionPort) { self.port = port }

    func finish(with answer: FetchAnswer) {
        let isGone = fate.withLock { fate in
            precondition(fate.answer == nil, "told twice")
            fate.answer = answer
            return fate.isGone
        }
        if isGone, let handover = answer.handover { port.putBack(handover) }
    }

    /// The client goes away; gives the answer that had come before.
    func leave() -> FetchAnswer? {
        fate.withLock { fate in
            fate.isGone = fate.answer == nil
            return fate.answer
        }
    }

    var answer: FetchAnswer? { fate.withLock { $0.answer } }
}

/// Producers, consumers and a clock on one port, all at once.
private final class Traffic: Sendable {
    let bench = PortBench(seed: 11)
    let port: CompletionPort
    let other: CompletionPort
    let entriesPerProducer: Int
    let total: Int
    let done = Guarded<[UInt64: Int]>([:])
    let deadline = RealDeadline(seconds: 50)

    init(producers: Int, entriesPerProducer: Int) throws {
        port = try bench.port(
            "p",
            PortSettings(concurrencyLimit: 3, capacity: 200, leaseMilliseconds: 40)
        )
        other = try bench.port("q")
        self.entriesPerProducer = entriesPerProducer
        total = producers * entriesPerProducer
    }

    var isOver: Bool { deadline.hasPassed || done.withLock { $0.count } >= total }

    func produce(operations: Bool) {
        var left = entriesPerProducer
        while left > 0 && !deadline.hasPassed {
            let count = min(left, 5)
            let entries = EntryList(
                repeatElement(CompletionEntry(kind: .read, data: [1, 2]), count: count))
            do {
                if operations {
                    try port.reserve(count)
                    port.complete(entries)
                } else {
                    try port.post(entries)
                }
                left -= count
            } catch {
                sched_yield()
            }
        }
    }

    func tick() {
        while !isOver {
            bench.pass(milliseconds: 1)
            sched_yield()
        }
    }

    func consume(_ index: Int) {
        var dice = SeededGenerator(seed: UInt64(index))
        var settle: SettleRequest?
        var naming: [UInt64] = []
        while !isOver {
            let style = Int.random(in: 0..<12, using: &dice)
            let request = FetchRequest.fetch(
                max: Int.random(in: 1...9, using: &dice),
                wait: settle == nil ? style % 3 * 10 : 0,
                mode: style == 0 ? .consume : .lease,
                by: style < 8 ? "w\(index % 5)" : nil,
                id: style == 1 ? "f" : nil,
                settle: settle
            )
            let waiter = MortalWaiter(port)
            guard let outcome = try? port.fetch(request, for: waiter) else { continue }
            let answer = wait(outcome, waiter, patience: style == 2 ? 3 : 1_000_000)
            if let answer { note(naming, answer.settled) }
            // The settled of a wait that was left is lost with it, so the client settles such a
            // batch apart: only fetches that do not wait carry one.
            (settle, naming) = (nil, [])
            if let answer { (settle, naming) = work(answer, request, &dice) }
        }
    }

    /// The answer; after so many looks the client goes away.
    private func wait(
        _ outcome: FetchOutcome,
        _ waiter: MortalWaiter,
        patience: Int
    ) -> FetchAnswer? {
        guard case .waiting(let ticket) = outcome else {
            if case .answered(let answer) = outcome { return answer }
            return nil
        }
        for _ in 0..<patience where !isOver {
            if let answer = waiter.answer { return answer }
            sched_yield()
        }
        port.abandon(ticket)
        return waiter.leave()
    }

    /// What a client does with a batch; sometimes its settle travels in its next fetch.
    private func work(
        _ answer: FetchAnswer,
        _ request: FetchRequest,
        _ dice: inout SeededGenerator
    ) -> (SettleRequest?, [UInt64]) {
        guard answer.reason == .entries else { return (nil, []) }
        let numbers = answer.numbers
        let fate = Int.random(in: 0..<20, using: &dice)
        if let handover = answer.handover {
            if fate == 0 {
                port.putBack(handover)
                return (nil, [])
            }
            port.confirm(handover)
        }
        if request.mode == .consume {
            done.withLock { done in for seq in numbers { done[seq, default: 0] += 1 } }
            return (nil, [])
        }
        switch fate {
        case 1: return (nil, [])
        case 2:
            _ = try? port.settle(answer.lease, nack: numbers, delay: 2)
            return (nil, [])
        case 3:
            if let name = request.consumer {
                _ = try? port.park(name)
                sched_yield()
                _ = try? port.unpark(name)
            }
        case 4:
            _ = try? other.fetch(.fetch(by: request.consumer?.rawValue), for: MortalWaiter(other))
        default: break
        }
        if fate < 12 { return (port.settling(answer.lease, ack: numbers), numbers) }
        note(numbers, try? port.settle(answer.lease, ack: numbers))
        return (nil, [])
    }

    /// Counts the entries that a settle acked.
    private func note(_ numbers: [UInt64], _ settled: SettleAnswer?) {
        guard let settled, !numbers.isEmpty else { return }
        let refused = Set(settled.outcomes.map(\.id))
        let acked = numbers.filter { !refused.contains(port.reference($0).text) }
        precondition(acked.count == settled.acked, "what was acked is what was not refused")
        done.withLock { done in for seq in acked { done[seq, default: 0] += 1 } }
    }
}

@Suite struct ThreadTests {
    @Test func `many threads at once lose nothing and double nothing`() throws {
        let traffic = try Traffic(producers: 3, entriesPerProducer: 2_000)
        onThreads(3 + 6 + 1) { index in
            switch index {
            case 0...2: traffic.produce(operations: index == 0)
            case 3: traffic.tick()
            default: traffic.consume(index)
            }
        }
        let done = traffic.done.withLock { $0 }
        #expect(done.keys.sorted() == Array(1...UInt64(traffic.total)))
        #expect(done.values.filter { $0 != 1 }.isEmpty)
        let counts = traffic.port.counts
        #expect(counts.entries == 0 && counts.bytes == 0 && counts.reserved == 0)
        #expect(counts.ackedTotal == traffic.total)
        #expect(traffic.bench.directory.portsHoldingEntries == 0)
        // What is left goes by itself.
        traffic.bench.pass(milliseconds: 1_000)
        #expect(traffic.port.counts.running == 0)
        #expect(traffic.bench.directory.runningConsumerCount == 0)
        #expect(traffic.port.census().leases == 0)
        #expect(traffic.port.census().consumers == 0)
    }
}
