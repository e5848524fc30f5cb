import JSONText
import Testing

/// A packet as a request carries it.
private struct Packet {
    var key: String?
    var context: String?
    var data: [UInt8]?
}

@Suite struct ThroughputTests {
    /// Prints what reading a full batch costs beyond parsing it; telling only in a release build.
    @Test func `a batch of packets is read into values`() throws {
        var writer = JSONWriter()
        writer.object { writer in
            writer.array("packets") { writer in
                for index in 0..<256 {
                    writer.object { writer in
                        writer.member("key", "sensor-\(index)")
                        writer.member("context", "request-0000-1111-2222-\(index)")
                        writer.dataMembers(Array(repeating: 0xA5, count: 64), as: .base64)
                    }
                }
            }
        }
        let body = writer.bytes
        let parsing = try fastest { _ = try JSONDocument.read(body) { $0.memberCount } }
        var count = 0
        let reading = try fastest { count = try packets(body).count }
        #expect(count == 256)
        print("256 packets, \(body.count) bytes: parsed in \(parsing), read in \(reading)")
    }

    private func packets(_ body: [UInt8]) throws -> [Packet] {
        try JSONBody.read(body) { reader in
            reader.array("packets", count: 1...256, required: true)?.objects { packet in
                Packet(
                    key: packet.string("key", codePoints: 0...256),
                    context: packet.string("context", codePoints: 0...256),
                    data: packet.data()
                )
            }
        }
    }

    private func fastest(_ body: () throws -> Void) rethrows -> Duration {
        let clock = ContinuousClock()
        var best = Duration.seconds(3600)
        for _ in 0..<20 { best = min(best, try clock.measure(body)) }
        return best
    }
}
