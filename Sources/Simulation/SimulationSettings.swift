/// What a simulation is run with.
///
/// The seed decides all else.
public struct SimulationSettings: Sendable {
    /// Where all dice start.
    public var seed: UInt64
    /// How many steps clients, devices, workers and the clock do before the end begins.
    public var steps: Int
    /// What sessions it is about.
    public var kind: SimulatedKind
    /// Whether every event is printed as it happens.
    public var isEchoing = false

    /// A run of `steps` steps from `seed`.
    public init(seed: UInt64, steps: Int, kind: SimulatedKind = .ports) {
        self.seed = seed
        self.steps = steps
        self.kind = kind
    }

    /// Runs the simulation to its end, or to the first broken promise.
    public func run() -> SimulationReport {
        kind == .ports ? SimulationRun(self).run() : ShapeRun(self, kind).run()
    }
}

/// What a run came to.
public struct SimulationReport: Sendable {
    /// The run's seed.
    public var seed: UInt64
    /// What it was about.
    public var kind: SimulatedKind
    /// Steps done.
    public var steps: Int
    /// The rule that was broken, with the step; `nil` if none was.
    public var failure: String?
    /// The last events before the failure.
    public var trace: [String]
    /// Two runs that did the same have the same hash.
    public var hash: UInt64
    /// How often each kind of thing happened, by its name: what the run was about.
    public var tally: [String: Int]

    /// What to print of it.
    public var summary: String {
        guard let failure else {
            return "\(kind) seed \(seed): \(steps) steps, hash \(String(hash, radix: 16))"
        }
        return (trace + ["\(kind) seed \(seed) \(failure)"]).joined(separator: "\n")
    }
}
