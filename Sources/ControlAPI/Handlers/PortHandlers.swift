import DeviceSessions
import HTTPListener
import JSONText
import PortEngine

/// `/v1/ports` and `/v1/ports/{port}`.
enum PortHandlers {
    /// The settings that a PUT gives; what it leaves out is not compared.
    private struct WantedSettings: Sendable {
        var concurrency: Int?
        var capacity: Int?
        var capacityBytes: Int?
        var leaseMilliseconds: Int?
        var maxDeliveries: Int?
    }

    static func put(_ call: APICall) throws(Problem) -> HTTPReply? {
        let name = try call.portName()
        let limits = call.service.limits
        let wanted = try call.body { reader in
            WantedSettings(
                concurrency: reader.integer("concurrency", in: 0...limits.maxConcurrency),
                capacity: reader.integer("capacity", in: 1...limits.maxCapacity),
                capacityBytes: reader.integer("capacity_bytes", in: 1...JSONNode.largestInteger),
                leaseMilliseconds: reader.integer("lease_ms", in: 1...limits.maxLeaseMilliseconds),
                maxDeliveries: reader.integer("max_deliveries", in: 0...1_000))
        }
        try call.refuseWhileDraining()
        // 0 is the number of processors, and is kept, shown and compared as that.
        let concurrency = wanted.concurrency.map { $0 == 0 ? call.service.processors : $0 }
        var settings = PortSettings()
        settings.concurrencyLimit = concurrency
        settings.capacity = wanted.capacity ?? min(settings.capacity, limits.maxCapacity)
        settings.capacityBytes = wanted.capacityBytes ?? settings.capacityBytes
        settings.leaseMilliseconds = wanted.leaseMilliseconds ?? settings.leaseMilliseconds
        settings.maxDeliveries = wanted.maxDeliveries ?? settings.maxDeliveries
        do {
            let (port, isNew) = try call.service.ports.create(name, settings: settings) { present in
                (concurrency == nil || concurrency == present.concurrencyLimit)
                    && wanted.capacity ?? present.capacity == present.capacity
                    && wanted.capacityBytes ?? present.capacityBytes == present.capacityBytes
                    && wanted.leaseMilliseconds ?? present.leaseMilliseconds
                        == present.leaseMilliseconds
                    && wanted.maxDeliveries ?? present.maxDeliveries == present.maxDeliveries
            }
            return call.json(status: isNew ? 201 : 200, reserving: 512) { writer in
                PortText.write(port, into: &writer)
            }
        } catch {
            throw Problem(error, port: name)
        }
    }

    static func get(_ call: APICall) throws(Problem) -> HTTPReply? {
        let port = try call.port()
        return call.json(reserving: 512) { writer in PortText.write(port, into: &writer) }
    }

    static func list(_ call: APICall) throws(Problem) -> HTTPReply? {
        let limit = try call.query.pageLimit()
        let cursor = try call.query.text("cursor")
        if let cursor, PortName(cursor) == nil {
            throw .parameter(.requestQueryInvalid, "cursor", "is no name of a port")
        }
        let (ports, hasMore) = call.service.ports.list(after: cursor, limit: limit)
        return call.json(reserving: 512 * (ports.count + 1)) { writer in
            writer.object { writer in
                writer.array("ports") { writer in
                    for port in ports { PortText.write(port, into: &writer) }
                }
                if hasMore { writer.member("next_cursor", ports.last?.name.rawValue) }
            }
        }
    }

    static func delete(_ call: APICall) throws(Problem) -> HTTPReply? {
        let force = try call.query.boolean("force") ?? false
        let name = try call.portName()
        do {
            let (port, discarded) = try call.service.ports.close(name, force: force)
            if force {
                for session in call.service.sessions.all() where session.port === port {
                    session.close(.portClosed, force: true)
                }
            }
            call.service.idempotency.forget(owner: name.rawValue)
            return call.json { writer in
                writer.object { writer in
                    writer.member("port", name.rawValue)
                    writer.member("discarded", discarded)
                }
            }
        } catch {
            throw Problem(error, port: name)
        }
    }
}
