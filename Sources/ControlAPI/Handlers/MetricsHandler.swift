import DeviceSessions
import EngineBase
import HTTPListener
import PortEngine
import Transports

/// `GET /metrics`, in Prometheus' text form.
///
/// Every metric is there from the start.
enum MetricsHandler {
    static func get(_ call: APICall) throws(Problem) -> HTTPReply? {
        var text = MetricsText()
        build(call, &text)
        ports(call, &text)
        sessions(call, &text)
        requests(call, &text)
        return HTTPReply(
            status: 200, contentType: "text/plain; version=0.0.4; charset=utf-8",
            body: Array(text.text.utf8))
    }

    private static func build(_ call: APICall, _ text: inout MetricsText) {
        let identity = call.service.identity
        text.family("iocpd_build_info", "gauge", "The daemon's version and I/O driver.")
        text.sample(
            "iocpd_build_info", [("version", identity.version), ("io_driver", identity.ioDriver)],
            1)
    }

    private static func ports(_ call: APICall, _ text: inout MetricsText) {
        let ports = allPorts(call.service)
        let status = ports.map { ($0.name.rawValue, $0.status()) }
        func gauge(_ name: String, _ help: String, _ value: (PortCounts) -> Int) {
            text.family(name, "gauge", help)
            for (port, status) in status {
                text.sample(name, [("port", port)], value(status.counts))
            }
        }
        func counter(_ name: String, _ help: String, _ value: (PortCounts) -> Int) {
            text.family(name, "counter", help)
            for (port, status) in status {
                text.sample(name, [("port", port)], value(status.counts))
            }
        }
        gauge("iocpd_port_queue_entries", "Entries that could be taken now.", \.queued)
        gauge("iocpd_port_queue_bytes", "Payload bytes of all entries held.", \.bytes)
        text.family(
            "iocpd_port_oldest_age_seconds", "gauge", "Age of the oldest entry that could be taken."
        )
        for (port, status) in status {
            text.sample(
                "iocpd_port_oldest_age_seconds", [("port", port)],
                seconds: Int64(status.oldestAgeMilliseconds ?? 0) * 1_000_000)
        }
        gauge("iocpd_port_delayed_entries", "Entries that wait out a nack.", \.delayed)
        gauge("iocpd_port_leased_entries", "Entries held by a lease or on their way.", \.leased)
        gauge("iocpd_port_dead_letters", "Entries past max_deliveries.", \.deadLetters)
        gauge("iocpd_port_reserved", "Places promised to operations and sessions.", \.reserved)
        gauge("iocpd_port_waiters", "Fetches that wait.", \.waiting)
        gauge("iocpd_port_running", "Slots of the concurrency limit in use.", \.running)
        counter("iocpd_port_posted_total", "Packets posted.", \.postedTotal)
        counter(
            "iocpd_port_completed_total", "Entries of operations and sessions.", \.completedTotal)
        counter("iocpd_port_acked_total", "Entries that are done.", \.ackedTotal)
        counter("iocpd_port_consumed_total", "Entries that left consumed.", \.consumedTotal)
        counter("iocpd_redeliveries_total", "Entries handed out again.", \.redeliveredTotal)
        counter("iocpd_lease_expired_total", "Entries whose lease ran out.", \.expiredTotal)
        counter("iocpd_port_discarded_total", "Dead letters thrown away.", \.discardedTotal)
        text.family("iocpd_completions_total", "counter", "Entries queued, by status.")
        let statuses = call.service.ports.entriesByStatus
        for status in EntryStatus.allCases {
            text.sample(
                "iocpd_completions_total", [("status", status.rawValue)], statuses[status] ?? 0)
        }
    }

    private static func allPorts(_ service: Service) -> [CompletionPort] {
        var all: [CompletionPort] = []
        var cursor: String?
        while true {
            let (page, hasMore) = service.ports.list(after: cursor, limit: 1_000)
            all += page
            guard hasMore else { return all }
            cursor = page.last?.name.rawValue
        }
    }

    private static func sessions(_ call: APICall, _ text: inout MetricsText) {
        var counts: [SessionPhase: Int] = [:]
        for session in call.service.sessions.all() {
            counts[session.snapshot.phase, default: 0] += 1
        }
        text.family("iocpd_sessions", "gauge", "Sessions, by state.")
        for phase in SessionPhase.allCases where phase != .closed {
            text.sample("iocpd_sessions", [("state", phase.rawValue)], counts[phase] ?? 0)
        }
        text.family(
            "iocpd_operation_duration_seconds", "histogram", "Time from acceptance to the entry.")
        let times = call.service.sessions.operationTimes
        for name in TransportRegistry.operationNames {
            text.histogram(
                "iocpd_operation_duration_seconds", ("op", name),
                times[name] ?? DurationHistogram())
        }
    }

    private static func requests(_ call: APICall, _ text: inout MetricsText) {
        let service = call.service
        text.family("iocpd_http_connections", "gauge", "Connections that are open.")
        text.sample("iocpd_http_connections", [], service.listenerCounts.connections)
        text.family(
            "iocpd_http_body_bytes_in_flight", "gauge",
            "Body bytes of requests that have not ended.")
        text.sample(
            "iocpd_http_body_bytes_in_flight", [], service.listenerCounts.bodyBytesInFlight)
        text.family(
            "iocpd_undelivered_replies_total", "counter",
            "Replies with entries or alerts whose client had gone.")
        text.sample("iocpd_undelivered_replies_total", [], service.metrics.undeliveredReplies)
        text.family(
            "iocpd_idempotency_evicted_total", "counter", "Idempotency keys forgotten early.")
        text.sample("iocpd_idempotency_evicted_total", [], service.idempotency.evicted)
        let counts = service.metrics.routeCounts
        let routes = RouteTable.templates
        text.family("iocpd_http_requests_total", "counter", "Requests, by route and status class.")
        for route in routes {
            let statuses = counts[route]?.statuses ?? [Int](repeating: 0, count: 6)
            for digit in 1...5 {
                text.sample(
                    "iocpd_http_requests_total", [("route", route), ("status", "\(digit)xx")],
                    statuses[digit])
            }
        }
        text.family("iocpd_http_request_duration_seconds", "histogram", "Time to the last byte.")
        for route in routes {
            text.histogram(
                "iocpd_http_request_duration_seconds", ("route", route),
                counts[route]?.durations ?? DurationHistogram())
        }
    }
}

/// Builds Prometheus' text form.
struct MetricsText {
    private(set) var text = ""

    mutating func family(_ name: String, _ type: String, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    mutating func sample(_ name: String, _ labels: [(String, String)], _ value: Int) {
        line(name, labels, String(value))
    }

    mutating func sample(_ name: String, _ labels: [(String, String)], seconds value: Int64) {
        line(name, labels, MetricsText.seconds(value))
    }

    mutating func histogram(
        _ name: String, _ label: (String, String), _ histogram: DurationHistogram
    ) {
        var sum = 0
        for (bound, count) in zip(DurationHistogram.bounds, histogram.buckets) {
            sum += count
            sample(name + "_bucket", [label, ("le", MetricsText.seconds(bound))], sum)
        }
        sample(name + "_bucket", [label, ("le", "+Inf")], histogram.count)
        sample(name + "_sum", [label], seconds: histogram.nanoseconds)
        sample(name + "_count", [label], histogram.count)
    }

    /// Nanoseconds as decimal seconds.
    static func seconds(_ nanoseconds: Int64) -> String {
        let fraction = String(nanoseconds % 1_000_000_000)
        var digits = String(repeating: "0", count: max(0, 9 - fraction.count)) + fraction
        while digits.hasSuffix("0") { digits.removeLast() }
        let whole = String(nanoseconds / 1_000_000_000)
        return digits.isEmpty ? whole : whole + "." + digits
    }

    private mutating func line(_ name: String, _ labels: [(String, String)], _ value: String) {
        text += name
        if !labels.isEmpty {
            text += "{" + labels.map { "\($0)=\"\($1)\"" }.joined(separator: ",") + "}"
        }
        text += " " + value + "\n"
    }
}
