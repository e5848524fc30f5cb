import DeviceSessions
import EngineBase
import PortEngine
import Testing

@testable import Transports

/// Openings against a random kernel, given up at a random moment: the bench checks that nothing is
/// told twice, that no descriptor is closed twice or while a step is out on it; here it is checked
/// that each comes to its end and leaves no descriptor behind.
@Suite struct RandomOpeningTests {
    private static let targets: [(uri: String, rules: [String])] = [
        ("tcp://10.0.0.1:80", ["tcp://10.0.0.0/8"]), ("tcp://dev.lab:80", ["tcp://10.0.0.0/8"]),
        ("tcp://dev.lab:80", ["tcp://10.0.0.0/8", "tcp://[2001:db8::]/32"]),
        ("tcp-listen://10.0.0.1:80", ["tcp-listen://10.0.0.0/8"]),
        ("tcp-listen://dev.lab:80", ["tcp-listen://10.0.0.0/8"]),
        ("unix:///run/x", ["unix:///run"]), ("unix-listen:///run/x", ["unix-listen:///run"]),
        ("file:///srv/x?access=readwrite", ["file:///srv"]),
    ]

    @Test(arguments: 1...700 as ClosedRange<UInt64>)
    func `an opening leaves no descriptor behind, however it ends`(_ seed: UInt64) throws {
        var dice = SeededGenerator(seed: seed)
        let (uri, rules) = RandomOpeningTests.targets[Int(seed) % RandomOpeningTests.targets.count]
        var bench = try OpeningBench(uri, rules)
        let abortAt = Bool.random(using: &dice) ? Int.random(in: 0..<12, using: &dice) : Int.max
        var turns = 0
        while !(bench.isOver || abortAt < turns) || !bench.opening.isIdle {
            if turns == abortAt && !bench.isOver { bench.abort() }
            if turns > 2_000 { break }
            turns += 1
            if bench.steps.isEmpty || Int.random(in: 0..<4, using: &dice) == 0 {
                bench.pass([5, 10, 100, 250].randomElement(using: &dice) ?? 0)
            } else {
                let index = Int.random(in: 0..<bench.steps.count, using: &dice)
                let result = RandomOpeningTests.result(at: index, of: &bench, &dice)
                bench.answer(at: index, result)
            }
        }
        #expect(bench.opening.isIdle, "seed \(seed): \(bench.stepNames)")
        #expect(bench.steps.isEmpty, "seed \(seed): \(bench.stepNames)")
        #expect(bench.openDescriptors.isEmpty, "seed \(seed)")
        #expect(bench.isOver || abortAt < turns, "seed \(seed)")
    }

    private static func result(
        at index: Int, of bench: inout OpeningBench, _ dice: inout SeededGenerator
    ) -> StepResult {
        let (tag, step) = bench.steps[index]
        let isGood = Bool.random(using: &dice)
        // A cancel may come too late.
        if bench.cancelled.contains(tag) && Bool.random(using: &dice) { return .failed(.cancelled) }
        switch step {
        case .resolve:
            let all = [
                "10.0.0.1", "10.0.0.2", "2001:db8::1", "2001:db8::2", "127.0.0.1", "10.0.0.3",
            ]
            let some = all.shuffled(using: &dice).prefix(Int.random(in: 0...6, using: &dice))
            return isGood ? .addresses(some.map { .at($0) }) : .unresolved("words")
        case .open:
            if Int.random(in: 0..<4, using: &dice) == 0 { return .failed(.tooManyOpenFiles) }
            return .opened(bench.newSlot())
        case .connect(_, .unixHandle):
            let errors: [Errno] = [.again, .again, .connectionRefused]
            return isGood ? .connected : .failed(errors.randomElement(using: &dice) ?? .again)
        case .connect:
            return isGood ? .connected : .failed(.connectionRefused)
        case .control(_, .fileIdentity):
            return isGood
                ? .control(.file(FileKey(device: 1, inode: 2))) : .failed(.notSupported)
        case .control:
            return isGood ? .control(.address(.at("10.0.0.9"))) : .failed(.notConnected)
        default:
            return .done
        }
    }
}
