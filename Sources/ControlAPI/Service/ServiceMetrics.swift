import EngineBase
import HTTPListener
import Synchronization

/// What is counted of the HTTP face.
final class ServiceMetrics: Sendable {
    /// The upper bounds of the duration histogram, in nanoseconds.
    static let bounds: [Int64] = [
        100_000, 500_000, 1_000_000, 5_000_000, 10_000_000, 50_000_000, 100_000_000, 500_000_000,
        1_000_000_000, 5_000_000_000, 60_000_000_000,
    ]

    /// Durations and statuses of one route.
    struct RouteCounts: Sendable {
        var buckets = [Int](repeating: 0, count: ServiceMetrics.bounds.count + 1)
        var count = 0
        var nanoseconds: Int64 = 0
        /// By the first digit of the status; 0 is a connection that ended before a reply.
        var statuses = [Int](repeating: 0, count: 6)
    }

    private let routes = Guarded<[String: RouteCounts]>([:])
    private let undelivered = Atomic<Int>(0)

    /// Replies whose client had gone, with entries or alerts in them.
    var undeliveredReplies: Int { undelivered.load(ordering: .relaxed) }

    /// Counts a reply whose client had gone.
    func undeliveredReply() { undelivered.wrappingAdd(1, ordering: .relaxed) }

    /// Counts a finished request.
    func requestFinished(_ line: RequestLog) {
        let route = line.label ?? "none"
        let bucket = ServiceMetrics.bounds.firstIndex { line.durationNanoseconds <= $0 }
        routes.withLock { routes in
            routes[route, default: RouteCounts()].buckets[bucket ?? ServiceMetrics.bounds.count] += 1
            routes[route]?.count += 1
            routes[route]?.nanoseconds += line.durationNanoseconds
            routes[route]?.statuses[min(max(line.status / 100, 0), 5)] += 1
        }
    }

    /// The counts of each route.
    var routeCounts: [String: RouteCounts] { routes.withLock { $0 } }
}
