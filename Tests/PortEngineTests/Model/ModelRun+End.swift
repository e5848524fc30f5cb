import EngineBase
import TestKit

@testable import PortEngine

extension ModelRun {
    /// Lets everything come to its end, and looks for records that were left behind.
    func runDry() throws {
        for port in ports.indices {
            for ticket in waits[port].values.compactMap(\.ticket) { ports[port].abandon(ticket) }
        }
        for handover in handovers { ports[handover.port].confirm(handover.engine) }
        for port in ports.indices where !fleet.ports[port].isClosed {
            ports[port].release(ports[port].counts.reserved)
            bench.pass(milliseconds: 1_000)
            var rounds = 0
            while ports[port].counts.entries > 0, rounds < 100 {
                rounds += 1
                _ = try ports[port].discard(.all)
                _ = try ports[port].take(.fetch(mode: .consume))
            }
            for name in fleet.consumers {
                _ = try ports[port].take(.fetch(by: name, alertable: true))
            }
            let counts = ports[port].counts
            try expect(counts.occupied + counts.bytes + counts.running + counts.waiting, 0, "rest")
            let census = ports[port].census()
            try expect(
                [census.leases, census.consumers, census.batches, census.handovers, census.chunks],
                [0, 0, 0, 0, 0],
                "records left behind"
            )
            try expect(census.deadlines < 140, true, "\(census.deadlines) deadlines left behind")
            try expect(census.returnedNumbers < 140, true, "numbers left behind")
            // Whatever is left must go by itself.
            bench.pass(milliseconds: 100_000)
            try expect(ports[port].census().deadlines, 0, "deadlines")
            try expect(bench.directory.alarmCount, 0, "alarms")
            try expect(bench.directory.runningConsumerCount, 0, "running consumers")
        }
    }
}
