import DequeModule
import DeviceSessions
import EngineBase
import PortEngine

/// What was answered to a request with an `Idempotency-Key`: ids and counts, never text.
enum RememberedAnswer: Sendable {
    case packets(accepted: Int)
    case operations([(id: OperationName, kind: EntryKind)])
    case session(SessionHandle)
}

/// Remembers what requests with an `Idempotency-Key` did, so that doing them again does nothing.
///
/// A key belongs to its path. It is kept for an hour, or until what it is about is closed, and the
/// oldest go when there are too many.
final class IdempotencyStore: Sendable {
    /// What to do with a request.
    enum Verdict: Sendable {
        /// It is new: do it, then ``finish(_:with:)``.
        case proceed
        /// It was done: answer the same again.
        case replay(RememberedAnswer)
        /// The first one is still being done.
        case inProgress
        /// The key was used for another request.
        case keyReused
    }

    /// A key with the path that it belongs to.
    struct Key: Hashable, Sendable {
        let path: String
        let key: String
    }

    private struct Record {
        var digest: [UInt8]
        var answer: RememberedAnswer?
        /// The port or session that it goes with.
        var owner: String
        var until: MonotonicInstant
        var serial: UInt64
    }

    private struct Store {
        var records: [Key: Record] = [:]
        var order = Deque<(key: Key, serial: UInt64)>()
        var byOwner: [String: Set<Key>] = [:]
        var nextSerial: UInt64 = 0
        var evicted = 0
    }

    private static let lifetimeMilliseconds = 3_600_000
    private let limit: Int
    private let store = Guarded(Store())

    init(limit: Int) { self.limit = limit }

    /// How many keys had to go before their time.
    var evicted: Int { store.withLock { $0.evicted } }

    /// Looks a request up, and takes note of it if it is new.
    func begin(
        _ key: Key, digest: [UInt8], owner: String, at now: MonotonicInstant
    ) -> Verdict {
        store.withLock { store in
            forgetOld(&store, at: now)
            if let record = store.records[key] {
                guard record.digest == digest else { return .keyReused }
                return record.answer.map { .replay($0) } ?? .inProgress
            }
            while store.records.count >= limit, let oldest = store.order.popFirst() {
                guard store.records[oldest.key]?.serial == oldest.serial else { continue }
                remove(oldest.key, &store)
                store.evicted += 1
            }
            let serial = store.nextSerial
            store.nextSerial += 1
            store.records[key] = Record(
                digest: digest, answer: nil, owner: owner,
                until: now.advanced(milliseconds: IdempotencyStore.lifetimeMilliseconds),
                serial: serial)
            store.order.append((key, serial))
            store.byOwner[owner, default: []].insert(key)
            return .proceed
        }
    }

    /// Keeps the answer of a request that was done; `nil` if it was refused and may be tried again.
    func finish(_ key: Key, with answer: RememberedAnswer?) {
        store.withLock { store in
            if let answer { store.records[key]?.answer = answer } else { remove(key, &store) }
        }
    }

    /// Forgets what goes with a port or session that was closed.
    func forget(owner: String) {
        store.withLock { store in
            for key in store.byOwner[owner] ?? [] { remove(key, &store) }
        }
    }

    private func remove(_ key: Key, _ store: inout Store) {
        guard let record = store.records.removeValue(forKey: key) else { return }
        store.byOwner[record.owner]?.remove(key)
        if store.byOwner[record.owner]?.isEmpty == true { store.byOwner[record.owner] = nil }
    }

    private func forgetOld(_ store: inout Store, at now: MonotonicInstant) {
        while let first = store.order.first {
            let record = store.records[first.key]
            let isStale = record?.serial != first.serial
            guard isStale || (record?.until ?? now) <= now else { return }
            store.order.removeFirst()
            if !isStale { remove(first.key, &store) }
        }
    }
}
