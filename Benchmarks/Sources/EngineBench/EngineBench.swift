import BenchTools
import EngineBase
import Glibc
import PortEngine
import Synchronization

/// The port engine in process, without HTTP: posts and fetches in batches.
///
///     engine-bench single ENTRIES [BATCH] [MODE]   one thread posts a batch and fetches it
///     engine-bench pair ENTRIES [BATCH] [MODE]     two threads post, two threads fetch
///     engine-bench floor ENTRIES [BATCH]           one thread makes a batch and frees it, no port
@main
enum EngineBench {
    /// How far ahead of the fetching threads the posting ones may be.
    private static let mostAhead = 65_536

    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 3, let wanted = Int(arguments[2]) else {
            fatalError("engine-bench: single, pair or floor ENTRIES [BATCH] [MODE]")
        }
        let batch = arguments.count > 3 ? Int(arguments[3]) ?? 64 : 64
        let mode = arguments.count > 4 ? FetchMode(rawValue: arguments[4]) ?? .consume : .consume
        let entries = wanted / (2 * batch) * 2 * batch
        let start = BenchClock().now()
        switch arguments[1] {
        case "single": try single(entries, batch, mode)
        case "floor": floor(entries, batch)
        default: try pair(entries, batch, mode)
        }
        let seconds = Double(BenchClock().now().nanoseconds - start.nanoseconds) / 1e9
        print(
            "{\"entries\": \(entries), \"seconds\": \(seconds), "
                + "\"per_second\": \(Double(entries) / seconds)}")
    }

    private static func request(_ batch: Int, _ mode: FetchMode) -> FetchRequest {
        var request = FetchRequest()
        request.maxEntries = batch
        request.mode = mode
        return request
    }

    private static func single(_ entries: Int, _ batch: Int, _ mode: FetchMode) throws {
        let bench = try BenchPort()
        let waiter = BenchWaiter()
        var request = request(batch, mode)
        var sum = 0
        for done in stride(from: 0, to: entries, by: batch) {
            try bench.port.post(BenchPort.packets(batch, from: done))
            let answer = try waiter.take(request, from: bench.port)
            if let handover = answer.handover { bench.port.confirm(handover) }
            request.settle = answer.lease.map { SettleRequest(lease: $0, ack: .all) }
            sum += bytes(of: answer.entries)
        }
        precondition(sum == entries * (entries - 1) / 2, "an entry was lost, or came twice")
    }

    private static func floor(_ entries: Int, _ batch: Int) {
        var sum = 0
        for done in stride(from: 0, to: entries, by: batch) {
            sum += bytes(of: BenchPort.packets(batch, from: done))
        }
        precondition(sum == entries * (entries - 1) / 2, "an entry was lost, or came twice")
    }

    private static func pair(_ entries: Int, _ batch: Int, _ mode: FetchMode) throws {
        let bench = try BenchPort()
        let fetched = Atomic<Int>(0)
        let sum = Atomic<Int>(0)
        onThreads(4) { thread in
            do {
                if thread < 2 {
                    try post(entries / 2, batch, bench.port) {
                        fetched.load(ordering: .relaxed)
                    }
                    return
                }
                try fetch(request(batch, mode), bench.port, sum) { count in
                    let total = fetched.wrappingAdd(count, ordering: .relaxed).newValue
                    return total >= entries
                }
                // The other fetching thread may wait for entries that do not come.
                try bench.port.post(BenchPort.packets(1, from: 0))
            } catch {
                fatalError("the port refuses: \(error)")
            }
        }
        let half = entries / 2
        let total = sum.load(ordering: .relaxed)
        precondition(total == half * (half - 1), "an entry was lost, or came twice")
    }

    private static func post(
        _ entries: Int, _ batch: Int, _ port: CompletionPort, fetched: () -> Int
    ) throws {
        for posted in stride(from: 0, to: entries, by: batch) {
            while posted * 2 - fetched() > mostAhead { sched_yield() }
            try port.post(BenchPort.packets(min(batch, entries - posted), from: posted))
        }
    }

    private static func fetch(
        _ request: FetchRequest, _ port: CompletionPort, _ sum: borrowing Atomic<Int>,
        isLast: (Int) -> Bool
    ) throws {
        var request = request
        request.waitMilliseconds = 50_000
        let waiter = BenchWaiter()
        while true {
            let answer = try waiter.take(request, from: port)
            if let handover = answer.handover { port.confirm(handover) }
            request.settle = answer.lease.map { SettleRequest(lease: $0, ack: .all) }
            sum.wrappingAdd(bytes(of: answer.entries), ordering: .relaxed)
            if isLast(answer.entries.count) { return }
        }
    }

    /// Looks at every entry, as whoever fetched them does.
    private static func bytes(of batch: EntryBatch) -> Int {
        var sum = 0
        for run in batch.runs { sum += bytes(of: run.entries) }
        return sum
    }

    private static func bytes(of entries: EntryList) -> Int {
        var sum = 0
        for index in entries.indices { sum += entries[index].bytes }
        return sum
    }
}
