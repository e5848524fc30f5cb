import DeviceSessions
import EngineBase
import PortEngine
import Testing

/// Random lives of sessions on one file, over a kernel that keeps bytes and locks as Linux does, with
/// another program that locks too.
///
/// Each operation gives one entry, what one session has locked no other one moves, and at the end
/// no lock is left anywhere.
@Suite struct RandomFileTests {
    /// The file and its locks as the kernel has them.
    private struct Kernel {
        static let size = 16
        var bytes = [UInt8](repeating: 0, count: size)
        /// By owner; the last one is another program.
        var locks: [[FileLockStep.Mode]]

        init(owners: Int) {
            locks = Array(
                repeating: [FileLockStep.Mode](repeating: .none, count: Kernel.size), count: owners)
        }

        func cells(_ range: FileRange) -> Range<Int> {
            Int(min(range.start, 16))..<Int(min(range.end, 16))
        }

        /// Who else stands in the way.
        func opponents(_ step: FileLockStep, of owner: Int) -> Set<Int> {
            var found: Set<Int> = []
            for other in locks.indices where other != owner {
                for cell in cells(step.range) where locks[other][cell] != .none {
                    if locks[other][cell] == .exclusive || step.mode == .exclusive {
                        found.insert(other)
                    }
                }
            }
            return found
        }

        mutating func set(_ step: FileLockStep, of owner: Int) {
            for cell in cells(step.range) { locks[owner][cell] = step.mode }
        }
    }

    private final class Run {
        let seed: UInt64
        var dice: SeededGenerator
        let lab = FileLab(3, limit: 12)
        var kernel = Kernel(owners: 4)
        var submitted = [[UInt64]](repeating: [], count: 3)
        var isClosing = [false, false, false]
        var step = 0
        let other = 3

        init(seed: UInt64) {
            self.seed = seed
            dice = SeededGenerator(seed: seed)
        }

        func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &dice) }
        var place: Comment { "seed \(seed) step \(step)" }

        func range() -> (UInt64, UInt64) {
            let start = number(0...14)
            return (UInt64(start), UInt64(number(1...(16 - start))))
        }

        func operation() -> OperationKind {
            let (start, length) = range()
            switch number(0...9) {
            case 0...3:
                return .lock(start, length, exclusive: number(0...1) == 0, wait: number(0...2) > 0)
            case 4...5: return .unlock(start, length)
            case 6: return .readAt(start, .exactly(Int(length)))
            case 7: return .size
            case 8: return .writeAt(nil, "append")
            default: return .writeAt(start, String(repeating: "x", count: Int(length)))
            }
        }

        func submit(_ index: Int) {
            guard !isClosing[index] else { return }
            var kinds = (1...number(1...3)).map { _ in operation() }
            // Often what was locked is unlocked again.
            if number(0...2) == 0, case .lock(let lock) = kinds[0] {
                kinds.append(.unlock(lock.range))
            }
            let timeout = number(0...4) == 0 ? number(1...400) : nil
            submitted[index] += lab[index].submit(kinds, timeout: timeout)
        }

        /// The kernel ends the step that is out: perhaps called back, perhaps with an error.
        func answer(_ index: Int) {
            guard let out = lab[index].steps.first else { return }
            let name = out.step.name
            if out.isCancelled && name != "close" && number(0...2) == 0 {
                lab[index].answer(name, .failed(.cancelled))
                return
            }
            switch out.step {
            case .readAt(_, let offset, let limit):
                lab[index].answer(
                    name, .received(Array(repeating: 7, count: min(limit, 16 - Int(offset)))))
            case .writeAt(_, _, let bytes):
                let isFull = number(0...9) == 0
                lab[index].answer(
                    name, isFull ? .failed(Errno(28)) : .sent(number(1...bytes.count)))
            case .control(_, .fileSize):
                lab[index].answer(name, .control(.number(number(0...15))))
            case .control(_, .lockFile(let steps)):
                take(steps, index)
            case .control(_, .unlockFile(let steps)):
                for step in steps { kernel.set(step, of: index) }
                lab[index].unlocks()
            case .close:
                #expect(kernel.locks[index].allSatisfy { $0 == .none }, place)
                lab[index].answer(name, .done)
            default:
                Issue.record("\(name) is out, \(place)")
            }
        }

        func take(_ steps: [FileLockStep], _ index: Int) {
            let opponents = steps.reduce(into: Set()) {
                $0.formUnion(kernel.opponents($1, of: index))
            }
            // Among sessions the table has decided: only another program can be in the way.
            #expect(opponents.isSubset(of: [other]), place)
            if opponents.isEmpty { for step in steps { kernel.set(step, of: index) } }
            lab[index].locks(opponents.isEmpty)
        }

        func anotherProgram() {
            let (start, length) = range()
            let range = FileRange(start: start, length: length)
            let step = FileLockStep(range, [.none, .none, .shared, .exclusive][number(0...3)])
            if kernel.opponents(step, of: other).isEmpty { kernel.set(step, of: other) }
        }

        func turn() {
            let index = number(0...2)
            switch number(0...19) {
            case 0...5: submit(index)
            case 6...12: answer(index)
            case 13: anotherProgram()
            case 14:
                if let victim = submitted[index].randomElement(using: &dice), !isClosing[index] {
                    lab[index].cancel(victim)
                }
            case 15...17: lab[index].pass(number(0...100))
            case 18:
                guard number(0...9) == 0 else { return }
                isClosing[index] = true
                lab[index].close()
            default:
                lab[index].surroundings.portAcceptsPayload.toggle()
                lab[index].room()
            }
            // Grants travel as messages, which may be late.
            if number(0...3) > 0 { lab.tellGrants() }
        }

        func end() {
            kernel.locks[other] = Array(repeating: .none, count: Kernel.size)
            for index in 0..<3 where !isClosing[index] { lab[index].close(.draining) }
            for _ in 0..<200 {
                for index in 0..<3 { answer(index) }
                lab.tellGrants()
            }
            for index in 0..<3 {
                #expect(lab[index].hasEnded, place)
                let missing = submitted[index].filter { lab[index].lastEntries[$0] == nil }
                #expect(missing.isEmpty, place)
            }
            #expect(lab.locks.count == 0, place)
        }
    }

    @Test(arguments: 1...80)
    func `whatever comes, each operation ends once and no lock is left`(seed: Int) {
        let run = Run(seed: UInt64(seed))
        for step in 1...300 {
            run.step = step
            run.turn()
        }
        run.end()
    }
}
