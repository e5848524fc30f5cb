import JSONText
import PortEngine

/// Writes a port with its settings and live counts.
enum PortText {
    static func write(_ port: CompletionPort, into writer: inout JSONWriter) {
        let (counts, oldestAge) = port.status()
        writer.beginObject()
        writer.member("port", port.name.rawValue)
        writer.member("concurrency", port.settings.concurrencyLimit)
        writer.member("capacity", port.settings.capacity)
        writer.member("capacity_bytes", port.settings.capacityBytes)
        writer.member("lease_ms", port.settings.leaseMilliseconds)
        writer.member("max_deliveries", port.settings.maxDeliveries)
        writer.member("queued", counts.queued)
        writer.member("delayed", counts.delayed)
        writer.member("leased", counts.leased)
        writer.member("dead_letters", counts.deadLetters)
        writer.member("reserved", counts.reserved)
        writer.member("bytes", counts.bytes)
        writer.member("waiting", counts.waiting)
        writer.member("running", counts.running)
        writer.member("sessions", counts.sessions)
        writer.member("oldest_age_ms", oldestAge)
        writer.member("posted_total", counts.postedTotal)
        writer.member("completed_total", counts.completedTotal)
        writer.member("acked_total", counts.ackedTotal)
        writer.member("consumed_total", counts.consumedTotal)
        writer.member("redelivered_total", counts.redeliveredTotal)
        writer.member("discarded_total", counts.discardedTotal)
        writer.member("undelivered_total", counts.undeliveredTotal)
        writer.member("expired_total", counts.expiredTotal)
        writer.endObject()
    }
}
