public import ArgumentParser
import Glibc
public import Simulation

/// Runs the simulation from seeds, and says which rule broke at which step.
@main
struct SimCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "iocpd-sim",
        abstract: "Runs the engine against simulated devices, clients and time.")

    @Option(help: "The first seed.")
    var seed: UInt64 = 1

    @Option(help: "Steps in all; a run of one seed has at most --steps-per-seed of them.")
    var steps = 1_000_000

    @Option(help: "Steps of one seed.")
    var stepsPerSeed = 20_000

    @Option(help: "What the runs are about; without it, the kinds take turns by the seed.")
    var kind: SimulatedKind?

    @Flag(help: "Runs each seed twice and compares.")
    var twice = false

    @Flag(help: "Prints every event.")
    var events = false

    @Flag(help: "Goes on with the next seed after a failure.")
    var keepGoing = false

    @Flag(help: "Says each seed before it is run.")
    var announce = false

    func run() throws {
        let start = ContinuousClock.now
        var done = 0
        var next = seed
        var failures = 0
        var tally: [String: Int] = [:]
        while done < steps {
            var settings = SimulationSettings(
                seed: next, steps: min(stepsPerSeed, steps - done),
                kind: kind ?? SimulatedKind.all(of: next))
            settings.isEchoing = events
            // A trap of the engine ends the process: say first what it was doing.
            if announce { print("\(settings.kind) seed \(next)") }
            fflush(nil)
            let report = settings.run()
            if report.failure != nil {
                print(report.summary)
                failures += 1
                if !keepGoing { throw ExitCode.failure }
            }
            if twice, settings.run().hash != report.hash {
                print("\(settings.kind) seed \(next): two runs differ")
                throw ExitCode.failure
            }
            for (what, times) in report.tally {
                tally["\(settings.kind): \(what)", default: 0] += times
            }
            done += max(1, report.steps)
            next += 1
        }
        for (what, times) in tally.sorted(by: { $0.key < $1.key }) { print("  \(what): \(times)") }
        let seconds = start.duration(to: .now).components.seconds
        print(
            "\(done) steps of \(next - seed) seeds from \(seed) in \(seconds) s, \(failures) failures"
        )
        if failures > 0 { throw ExitCode.failure }
    }
}

extension SimulatedKind: ExpressibleByArgument {
    /// Every other seed is about ports, as the most is promised of them.
    fileprivate static func all(of seed: UInt64) -> SimulatedKind {
        let others = allCases.filter { $0 != .ports }
        return seed % 2 == 1 ? .ports : others[Int(seed / 2 % UInt64(others.count))]
    }
}
