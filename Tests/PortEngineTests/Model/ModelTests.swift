import Testing

@Suite struct ModelTests {
    @Test(arguments: UInt64(1)...200)
    func `the engine does what a port of plain lists does`(seed: UInt64) throws {
        let run = try ModelRun(seed: seed)
        do {
            try run.run(commands: 2_000)
        } catch let mismatch as ModelMismatch {
            Issue.record("seed \(seed) step \(run.trace.count): \(mismatch)")
        }
    }
}
