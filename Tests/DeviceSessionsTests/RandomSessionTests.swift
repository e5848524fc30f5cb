import DeviceSessions
import EngineBase
import PortEngine
import Testing

/// Random operations against a random device. The bench checks that nothing ends twice, that no
/// entry follows the last, and that nothing is out on a descriptor that is closed; here it is
/// checked that everything ends and that not a byte is lost, made up or moved.
@Suite struct RandomSessionTests {
    @Test(arguments: 1...300 as ClosedRange<UInt64>)
    func `every operation ends once and bytes in are bytes out`(_ seed: UInt64) {
        var run = RandomRun(seed: seed, withTransacts: false)
        run.play()
        // Without transacts nothing is thrown away before the close, and the order is kept.
        let told = run.bench.delivered
        #expect(told == Array(run.received.prefix(told.count)), "seed \(seed)")
        let discarded = run.bench.closedEntry?.details?.discarded ?? 0
        #expect(told.count + discarded == run.received.count, "seed \(seed)")
    }

    @Test(arguments: 1_001...1_300 as ClosedRange<UInt64>)
    func `transacts and standing reads together lose no byte`(_ seed: UInt64) {
        var run = RandomRun(seed: seed, withTransacts: true)
        run.play()
        let thrown = run.bench.lastEntries.values.reduce(0) { $0 + ($1.details?.discarded ?? 0) }
        let discarded = run.bench.closedEntry?.details?.discarded ?? 0
        let total = run.bench.delivered.count + discarded + thrown
        #expect(total == run.received.count, "seed \(seed)")
    }
}

/// One random session.
private struct RandomRun {
    let bench: SessionBench
    /// What the device has sent and the kernel has handed over.
    private(set) var received: [UInt8] = []
    private let seed: UInt64
    private let withTransacts: Bool
    private var dice: SeededGenerator
    private var submitted: Set<UInt64> = []
    private var hasEnd = false
    private var standing: Set<UInt64> = []

    init(seed: UInt64, withTransacts: Bool) {
        self.seed = seed
        self.withTransacts = withTransacts
        dice = SeededGenerator(seed: seed)
        bench = SessionBench(.bench(linger: 50))
        bench.surroundings.places = 5
    }

    mutating func play() {
        for _ in 0..<120 { move() }
        bench.close()
        finish()
        #expect(bench.hasEnded, "seed \(seed): \(bench.stepNames) \(bench.pending)")
        #expect(Set(bench.lastEntries.keys) == submitted, "seed \(seed)")
        #expect(
            bench.surroundings.placesReserved == bench.surroundings.placesUsed, "seed \(seed)")
    }

    private mutating func move() {
        switch Int.random(in: 0..<12, using: &dice) {
        case 0..<3: submit()
        case 3..<6: receive()
        case 6..<8: send()
        case 8: look()
        case 9:
            if let number = submitted.randomElement(using: &dice) { bench.cancel(number) }
        case 10: bench.pass(Int.random(in: 0...30, using: &dice))
        default: changeRoom()
        }
    }

    private mutating func submit() {
        let timeout: Int? = Bool.random(using: &dice) ? Int.random(in: 1...60, using: &dice) : nil
        let hasStanding = bench.pending.contains { isStanding($0) }
        let size = Int.random(in: 0...6, using: &dice)
        var kinds: [OperationKind] = [.write(String(repeating: "w", count: size))]
        if !hasStanding {
            kinds += [
                .read(size + 1), .exactly(size + 1), .until(limit: size + 2), .until("\n\n"),
                .readiness, .standing(credit: Bool.random(using: &dice) ? 2 : nil),
                .standing(lines: false),
            ]
        }
        if withTransacts {
            kinds += [
                .ask("question"), .ask("", answerTimeout: 20), .ask("q", discard: true),
            ]
        }
        guard let kind = kinds.randomElement(using: &dice) else { return }
        let numbers = bench.submit(kind, timeout: timeout)
        submitted.formUnion(numbers)
        if kind.isStandingRead { standing.formUnion(numbers) }
    }

    private func isStanding(_ line: String) -> Bool {
        standing.contains { line.hasPrefix("read#\($0) ") }
    }

    private mutating func receive() {
        guard bench.has("receive") else { return }
        let kind = Int.random(in: 0..<40, using: &dice)
        if kind == 0 && !hasEnd {
            hasEnd = true
            bench.ends()
            return
        }
        let size = Int.random(in: 1...7, using: &dice)
        let bytes = (0..<size).map { _ in
            Bool.random(using: &dice) ? UInt8(10) : UInt8.random(in: 97...122, using: &dice)
        }
        received += bytes
        bench.answer("receive", .received(bytes))
    }

    private mutating func send() {
        for step in bench.steps {
            guard case .send(_, let bytes, let from) = step.step else { continue }
            if step.isCancelled && Bool.random(using: &dice) {
                bench.answer("send", .failed(.cancelled))
            } else if Int.random(in: 0..<60, using: &dice) == 0 {
                bench.answer("send", .failed(.brokenPipe))
            } else {
                bench.takes(Int.random(in: 1...bytes.count - from, using: &dice))
            }
            return
        }
    }

    private mutating func look() {
        guard bench.has("unread") else { return }
        let count = Bool.random(using: &dice) && bench.has("receive") ? 3 : 0
        bench.answer("unread", .control(.number(count)))
    }

    private mutating func changeRoom() {
        bench.surroundings.portAcceptsPayload = Bool.random(using: &dice)
        bench.surroundings.places = Int.random(in: 0...4, using: &dice)
        bench.room()
        if let number = submitted.randomElement(using: &dice) { bench.credit(1, to: number) }
    }

    /// Lets the close come to its end, late results included.
    private mutating func finish() {
        for _ in 0..<1_000 where !bench.hasEnded {
            if bench.has("receive"), Int.random(in: 0..<4, using: &dice) == 0 { receive() }
            if bench.has("send") { send() }
            if bench.has("unread") { look() }
            if bench.has("unsent") {
                let count = Int.random(in: 0...1, using: &dice)
                bench.answer("unsent", .control(.number(count)))
            }
            if bench.has("shutdown") { bench.answer("shutdown", .done) }
            if bench.has("close") { bench.answer("close", .done) }
            if let step = bench.steps.first(where: \.isCancelled), step.step.name == "receive" {
                bench.answer("receive", .failed(.cancelled))
            }
            bench.pass(1)
        }
    }
}
