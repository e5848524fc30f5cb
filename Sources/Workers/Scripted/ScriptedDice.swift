import EngineBase

/// How likely each of a driver's moods is, in percent.
public struct ScriptedMoods: Sendable {
    /// A step that could be done at once is pending all the same.
    public var late = 0
    /// A pending step that could be done in this wait has to wait on.
    public var idle = 0
    /// A completion that is ready is told in a later wait.
    public var untold = 0
    /// A transfer moves less than it could.
    public var short = 0
    /// A cancel finds the step done, if it can be done.
    public var lateCancel = 0
    /// A descriptor cannot be had: EMFILE.
    public var noDescriptor = 0

    /// A driver without moods: what can be done is done at once.
    public init() {}
}

/// The dice of a simulation: one seed, one order of throws.
public final class ScriptedDice {
    private var generator: SeededGenerator

    /// Dice whose throws follow from `seed`.
    public init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    /// Whether something that happens in `percent` of 100 cases happens now.
    public func happens(_ percent: Int) -> Bool {
        guard percent > 0 else { return false }
        return percent >= 100 || below(100) < percent
    }

    /// A number from 0 up to and without `bound`, which is at least 1.
    public func below(_ bound: Int) -> Int {
        let wide = generator.next().multipliedFullWidth(by: UInt64(max(1, bound)))
        return Int(wide.high)
    }

    /// A number of `range`.
    public func number(in range: ClosedRange<Int>) -> Int {
        range.lowerBound + below(range.count)
    }

    /// One of `choices`; `nil` if there are none.
    public func pick<Choice>(_ choices: [Choice]) -> Choice? {
        choices.isEmpty ? nil : choices[below(choices.count)]
    }

    /// All 64 bits of a throw.
    public func bits() -> UInt64 { generator.next() }
}
