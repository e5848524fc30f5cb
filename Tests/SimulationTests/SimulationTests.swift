import Simulation
import Testing

@Suite struct SimulationTests {
    @Test(arguments: 1...6 as ClosedRange<UInt64>)
    func `promises hold whatever happens`(seed: UInt64) {
        let report = SimulationSettings(seed: seed, steps: 3_000).run()
        #expect(report.failure == nil, "\(report.summary)")
    }

    @Test(arguments: SimulatedKind.allCases, 1...3 as ClosedRange<UInt64>)
    func `promises hold on sessions of every kind`(kind: SimulatedKind, seed: UInt64) {
        let report = SimulationSettings(seed: seed, steps: 3_000, kind: kind).run()
        #expect(report.failure == nil, "\(kind) \(report.summary)")
    }

    /// Runs in which the model once accused an engine that was right.
    @Test(
        arguments: [
            // Two writes torn, the older one told after the newer one.
            (667, 3_100),
            // A standing read, and a transact without bytes behind it, in one request.
            (1_537, 700),
            // A port closed before the session's open was seen, which went well and which failed.
            (100_995, 80), (202_007, 6_800),
            // A torn write without an entry, and the session's end before a reply that tells what it tore.
            (300_145, 10_800),
        ] as [(UInt64, Int)])
    func `seeds that were judged wrongly hold`(seed: UInt64, steps: Int) {
        let report = SimulationSettings(seed: seed, steps: steps, kind: .ports).run()
        #expect(report.failure == nil, "\(report.summary)")
    }

    /// What a simulation never reaches it cannot hold to anything.
    @Test(arguments: [
        (
            SimulatedKind.datagrams,
            [
                "read ok", "read truncated", "read cancelled", "read timedOut", "port_unreachable",
                "datagrams dropped", "transact ok", "write ok", "write cancelled", "lock taken",
                "lock renewed", "locked", "lock lost",
            ]
        ),
        (
            .messages,
            [
                "accept ok", "read ok", "read truncated", "read endOfStream", "connection_reset",
                "down", "up", "write ok", "write failed", "transact timedOut",
            ]
        ),
        (
            .files,
            [
                "read ok", "read endOfStream", "write ok", "write failed", "disk_full", "stuck",
                "write indeterminate", "lock held", "lock cancelled", "lock_violation", "unlock ok",
                "barred by the kernel",
            ]
        ),
        (
            .framed,
            [
                "frame", "frame by gap", "frame_too_long", "down", "up", "write_torn",
                "stand_in_truncated", "read endOfStream", "connection_reset", "open timedOut",
            ]
        ),
        (
            .lines,
            [
                "read ended by a timer", "wait ended by events", "wait ended by another mask",
                "control ok", "control cancelled", "read endOfStream", "write_torn", "open failed",
            ]
        ),
    ])
    func `every kind of event is reached`(kind: SimulatedKind, events: [String]) {
        var tally: [String: Int] = [:]
        for seed in 1...8 as ClosedRange<UInt64> {
            let report = SimulationSettings(seed: seed, steps: 5_000, kind: kind).run()
            #expect(report.failure == nil, "\(kind) \(report.summary)")
            tally.merge(report.tally) { $0 + $1 }
        }
        for event in events { #expect(tally[event, default: 0] > 0, "never: \(event)") }
    }
}
