import Glibc
import Testing

/// The seeds to run: `IOCPD_MODEL_SEEDS=1-5000` asks for others than the usual ones.
private let seeds: ClosedRange<UInt64> = {
    guard let text = getenv("IOCPD_MODEL_SEEDS") else { return 1...120 }
    let bounds = String(cString: text).split(separator: "-").compactMap { UInt64($0) }
    guard let first = bounds.first, let last = bounds.last, first <= last else { return 1...120 }
    return first...last
}()

@Suite struct ModelTests {
    @Test(arguments: seeds)
    func `the engine does what a port of plain lists does`(seed: UInt64) throws {
        let run = try ModelRun(seed: seed)
        do {
            try run.run(commands: 2_000)
        } catch let mismatch as ModelMismatch {
            Issue.record("seed \(seed) step \(run.trace.count): \(mismatch)")
        }
    }
}
