import EngineBase
import JSONText
import PortEngine

/// Reading a settle and writing what it did; alone or inside a fetch.
enum SettleParts {
    /// Reads the members of a settle.
    static func read(_ reader: inout ObjectReader, _ limits: ServiceLimits) -> SettleRequest? {
        let lease = reader.string("lease", required: true)
        var ack: SettleRequest.Acknowledgement?
        if let value = reader.value("ack") {
            if value.kind == .array {
                ack = value.array(count: 0...limits.maxSettleIDs)?.strings().map {
                    .entries($0.map { EntryReference($0) })
                }
            } else {
                ack = value.choice(from: ["all": SettleRequest.Acknowledgement.all])
            }
        }
        let nack = reader.array("nack", count: 0...limits.maxSettleIDs)?.objects {
            item -> SettleRequest.Rejection? in
            let delay = item.integer("delay_ms", in: 0...limits.maxLeaseMilliseconds)
            guard let id = item.string("id", required: true) else { return nil }
            return SettleRequest.Rejection(
                entry: EntryReference(id), delayMilliseconds: delay ?? 0)
        }
        let extend = reader.integer("extend_ms", in: 1...limits.maxLeaseMilliseconds)
        guard let lease else { return nil }
        return SettleRequest(
            lease: LeaseID(lease), ack: ack, nack: nack ?? [], extendMilliseconds: extend)
    }

    /// Refuses a settle that contradicts itself.
    static func judge(_ settle: SettleRequest) throws(Problem) {
        guard settle.idNamedTwice != nil else { return }
        throw Problem(.settleConflict, "An entry is named twice in the settle.")
    }

    /// Writes what a settle did.
    static func write(
        _ answer: SettleAnswer, _ times: Timestamps, into writer: inout JSONWriter
    ) {
        writer.beginObject()
        writer.member("acked", answer.acked)
        writer.member("nacked", answer.nacked)
        writer.array("outcomes") { writer in
            for (id, outcome) in answer.outcomes {
                writer.object { writer in
                    writer.member("id", id)
                    writer.member("outcome", outcome)
                }
            }
        }
        writer.member("lease_expires_at", answer.leaseExpiresAt, times)
        writer.endObject()
    }
}
