import EngineBase
import HTTPListener
import Synchronization

/// What is counted of the HTTP face.
final class ServiceMetrics: Sendable {
    /// Durations and statuses of one route.
    struct RouteCounts: Sendable {
        var durations = DurationHistogram()
        /// By the first digit of the status; 0 is a connection that ended before a reply.
        var statuses = [Int](repeating: 0, count: 6)

        mutating func add(_ line: RequestLog) {
            durations.add(nanoseconds: line.durationNanoseconds)
            statuses[min(max(line.status / 100, 0), 5)] += 1
        }
    }

    private let routes = Guarded<[String: RouteCounts]>([:])
    private let undelivered = Atomic<Int>(0)

    /// Replies whose client had gone, with entries or alerts in them.
    var undeliveredReplies: Int { undelivered.load(ordering: .relaxed) }

    /// Counts a reply whose client had gone.
    func undeliveredReply() { undelivered.wrappingAdd(1, ordering: .relaxed) }

    /// Counts a finished request.
    func requestFinished(_ line: RequestLog) {
        routes.withLock { $0[line.label ?? "none", default: RouteCounts()].add(line) }
    }

    /// The counts of each route.
    var routeCounts: [String: RouteCounts] { routes.withLock { $0 } }
}
