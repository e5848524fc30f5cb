import EngineBase
import Testing

@testable import DeviceSessions

/// Random locks of a short file against a model that knows bytes only: what each session may hold,
/// and what the kernel would hold for it.
@Suite struct FileLockModelTests {
    private struct Asked {
        let owner: Int
        let number: UInt64
        let bytes: Range<Int>
        let isExclusive: Bool
        var isHeld = false

        var range: FileRange {
            FileRange(start: UInt64(bytes.lowerBound), length: UInt64(bytes.count))
        }
        func bars(_ other: Asked) -> Bool {
            guard bytes.overlaps(other.bytes), isExclusive || other.isExclusive else {
                return false
            }
            return !(owner == other.owner && isHeld && !other.isExclusive)
        }
    }

    private final class Run {
        static let size = 12
        static let owners = 4
        let seed: UInt64
        var dice: SeededGenerator
        var state = FileLockState(limit: 24)
        let file = FileKey(device: 7, inode: 7)
        /// Held, in order of asking, and those that wait.
        var held: [Asked] = []
        var waiting: [Asked] = []
        var kernel = Array(
            repeating: [FileLockStep.Mode](repeating: .none, count: size), count: owners)
        var step = 0
        var next: UInt64 = 1

        init(seed: UInt64) {
            self.seed = seed
            dice = SeededGenerator(seed: seed)
        }

        func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &dice) }

        /// Records what is not right; cheaper than an expectation, a million times.
        func verify(_ isRight: Bool, _ what: @autoclosure () -> String) {
            if !isRight { Issue.record("\(what()): seed \(seed) step \(step)") }
        }

        func apply(_ steps: [FileLockStep], owner: Int, isTaking: Bool) {
            for step in steps {
                for byte in Int(step.range.start)..<Int(step.range.end) {
                    let before = kernel[owner][byte]
                    verify(isTaking ? before == .none : step.mode < before, "a needless step")
                    if isTaking {
                        for other in kernel.indices where other != owner {
                            let clash = max(kernel[other][byte], step.mode) == .exclusive
                            verify(!clash || kernel[other][byte] == .none, "a clash in the kernel")
                        }
                    }
                    kernel[owner][byte] = step.mode
                }
            }
        }

        /// A lock was granted: the kernel's is taken, and it is held.
        func take(_ asked: Asked) {
            let owner = SessionID(UInt64(asked.owner))
            apply(
                state.stepsToTake(owner: owner, number: asked.number, of: file),
                owner: asked.owner, isTaking: true)
            var asked = asked
            asked.isHeld = true
            held.append(asked)
            granted(state.hold(owner: owner, number: asked.number, of: file))
        }

        /// Those that were granted are those of the model: free of all that is held and of all
        /// that waits before them.
        func granted(_ grants: [LockGrant]) {
            for grant in grants {
                let index = waiting.firstIndex {
                    $0.number == grant.number && $0.owner == Int(grant.owner.rawValue)
                }
                guard let index else {
                    verify(false, "granted what does not wait")
                    return
                }
                let asked = waiting[index]
                let isFree =
                    !held.contains { $0.bars(asked) }
                    && !waiting[..<index].contains { $0.bars(asked) }
                verify(isFree, "granted in the way of another")
                waiting.remove(at: index)
                take(asked)
            }
        }

        func ask() {
            let start = number(0...Run.size - 1)
            let asked = Asked(
                owner: number(0...Run.owners - 1), number: next,
                bytes: start..<number(start + 1...Run.size), isExclusive: number(0...2) == 0)
            next += 1
            let waits = number(0...1) == 0
            let isBarred = (held + waiting).contains { $0.bars(asked) }
            let answer = state.ask(
                LockRequest(asked.range, isExclusive: asked.isExclusive, waits: waits),
                owner: SessionID(UInt64(asked.owner)), number: asked.number, of: file)
            if held.count + waiting.count == 24 {
                verify(answer == .full, "too many")
            } else if !isBarred {
                verify(answer == .granted, "not granted")
                take(asked)
            } else if waits {
                verify(answer == .waits, "does not wait")
                waiting.append(asked)
            } else {
                verify(answer == .refused, "not refused")
            }
        }

        func unlock() {
            guard let asked = held.randomElement(using: &dice) else { return }
            let owner = SessionID(UInt64(asked.owner))
            let same = held.filter { $0.owner == asked.owner && $0.bytes == asked.bytes }
            let meant = same.first { $0.isExclusive } ?? same[0]
            let found = state.find(asked.range, owner: owner, of: file)
            guard let found, let index = held.firstIndex(where: { $0.number == found }) else {
                verify(false, "a lock is not found")
                return
            }
            // Of equal ones any may go: nobody can tell them apart.
            verify(held[index].isExclusive == meant.isExclusive, "not the exclusive one first")
            verify(held[index].bytes == asked.bytes, "another range")
            apply(
                state.stepsToRelease(owner: owner, number: found, of: file), owner: asked.owner,
                isTaking: false)
            held.remove(at: index)
            granted(state.remove(owner: owner, number: found, of: file))
        }

        func giveUp() {
            guard let asked = waiting.randomElement(using: &dice) else { return }
            waiting.removeAll { $0.number == asked.number }
            granted(
                state.remove(
                    owner: SessionID(UInt64(asked.owner)), number: asked.number, of: file))
        }

        func end() {
            let owner = number(0...Run.owners - 1)
            held.removeAll { $0.owner == owner }
            waiting.removeAll { $0.owner == owner }
            kernel[owner] = Array(repeating: .none, count: Run.size)
            granted(state.removeAll(owner: SessionID(UInt64(owner)), of: file))
        }

        func check() {
            for asked in waiting {
                let index = waiting.firstIndex { $0.number == asked.number } ?? 0
                let isBarred =
                    held.contains { $0.bars(asked) }
                    || waiting[..<index].contains { $0.bars(asked) }
                verify(isBarred, "a lock waits for nothing")
            }
            for owner in 0..<Run.owners {
                for byte in 0..<Run.size {
                    let covering = held.filter { $0.owner == owner && $0.bytes.contains(byte) }
                    let wanted: FileLockStep.Mode =
                        covering.contains { $0.isExclusive }
                        ? .exclusive : covering.isEmpty ? .none : .shared
                    verify(kernel[owner][byte] == wanted, "byte \(byte) of \(owner)")
                    for isWrite in [false, true] {
                        let bars = held.contains {
                            $0.owner != owner && $0.bytes.contains(byte)
                                && (isWrite || $0.isExclusive)
                        }
                        let answer = state.bars(
                            FileRange(start: UInt64(byte), length: 1), isWrite: isWrite,
                            owner: SessionID(UInt64(owner)), of: file)
                        verify(answer == bars, "byte \(byte) bars \(owner) wrongly")
                    }
                }
            }
            verify(state.count == held.count + waiting.count, "another count")
        }
    }

    @Test(arguments: 1...60)
    func `the table and the kernel agree with a model of bytes`(seed: Int) {
        let run = Run(seed: UInt64(seed))
        for step in 1...250 {
            run.step = step
            switch run.number(0...19) {
            case 0...10: run.ask()
            case 11...16: run.unlock()
            case 17, 18: run.giveUp()
            default: run.end()
            }
            run.check()
        }
    }
}
