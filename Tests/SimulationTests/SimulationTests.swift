import Simulation
import Testing

@Suite struct SimulationTests {
    @Test(arguments: 1...6 as ClosedRange<UInt64>)
    func `promises hold whatever happens`(seed: UInt64) {
        let report = SimulationSettings(seed: seed, steps: 3_000).run()
        #expect(report.failure == nil, "\(report.summary)")
    }
}
