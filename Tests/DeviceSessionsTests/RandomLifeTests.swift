import DeviceSessions
import EngineBase
import PortEngine
import Testing

/// Sessions that are opened, used and closed at random moments, most of all while they open.
@Suite struct RandomLifeTests {
    @Test(arguments: 1...300 as ClosedRange<UInt64>)
    func `a session that was accepted opens once, ends once and tells all in between`(
        _ seed: UInt64
    ) {
        var dice = SeededGenerator(seed: seed)
        let isListener = Bool.random(using: &dice)
        let bench = SessionBench(
            opening: isListener ? .listener : .stream,
            .bench(
                idle: Bool.random(using: &dice) ? 0 : 300, connect: 100,
                linger: [0, 20].randomElement(using: &dice) ?? 0))
        var submitted: Set<UInt64> = []
        var connected = 0
        for turn in 0..<400 where !bench.hasEnded {
            switch Int.random(in: 0..<8, using: &dice) {
            case 0..<2 where bench.closedEntry == nil && turn < 300:
                let timeout = Bool.random(using: &dice) ? Int.random(in: 1...80, using: &dice) : nil
                let kinds: [OperationKind] =
                    isListener
                    ? [.accept] : [.read(), .write("abc"), .ask("q\n"), .ask("q", discard: true)]
                if let kind = kinds.randomElement(using: &dice) {
                    submitted.formUnion(bench.submit(kind, timeout: timeout))
                }
            case 2:
                if let number = submitted.randomElement(using: &dice) { bench.cancel(number) }
            case 3:
                bench.pass(Int.random(in: 0...20, using: &dice))
            case 4 where turn > 300 || Int.random(in: 0..<25, using: &dice) == 0:
                bench.close(.deleted, force: Int.random(in: 0..<4, using: &dice) == 0)
            default:
                connected += RandomLifeTests.answer(bench, &dice)
            }
        }
        if !bench.hasEnded { bench.close() }
        for _ in 0..<400 where !bench.hasEnded {
            connected += RandomLifeTests.answer(bench, &dice)
            bench.pass(1)
        }
        #expect(bench.hasEnded, "seed \(seed): \(bench.stepNames) \(bench.pending)")
        #expect(bench.openEntries == 1, "seed \(seed)")
        #expect(bench.closedEntry != nil, "seed \(seed)")
        #expect(bench.spawned.union(bench.lastEntries.keys) == submitted, "seed \(seed)")
        #expect(bench.spawned.count == connected, "seed \(seed): no connection is lost")
        if isListener { #expect(bench.placesReleased == bench.lastEntries.count, "seed \(seed)") }
    }

    /// Answers some step that is out; gives how many connections it brought.
    private static func answer(_ bench: SessionBench, _ dice: inout SeededGenerator) -> Int {
        guard let step = bench.steps.randomElement(using: &dice) else { return 0 }
        let name = step.step.name
        if step.isCancelled && Bool.random(using: &dice) {
            bench.answer(name, .failed(.cancelled))
            return 0
        }
        let fails = Int.random(in: 0..<6, using: &dice) == 0
        switch name {
        case "poll": fails ? bench.answer(name, .failed(.connectionRefused)) : bench.opens()
        case "receive":
            if fails { bench.ends() } else { bench.arrives("answer\n") }
        case "send":
            if fails { bench.answer(name, .failed(.connectionReset)) } else { bench.takes(1) }
        case "accept":
            guard fails else {
                bench.connects()
                return 1
            }
            bench.answer(name, .failed(.tooManyOpenFiles))
        case "unread", "unsent": bench.answer(name, .control(.number(0)))
        default: bench.answer(name, .done)
        }
        return 0
    }
}
