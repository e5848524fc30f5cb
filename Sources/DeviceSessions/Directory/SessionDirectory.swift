import DequeModule
public import EngineBase
import PortEngine

/// Why a session is not found.
public enum SessionLookupError: Error, Hashable, Sendable {
    /// No session has this id, and none lately had.
    case unknown
    /// It was closed not long ago.
    case closed
}

/// All sessions of the daemon, by id.
public final class SessionDirectory: Sendable {
    private struct Directory {
        var sessions: [SessionID: SessionHandle] = [:]
        /// The same ids in order, for lists.
        var ids: [SessionID] = []
        /// Sessions whose inline open has not come to an end: nobody knows them yet.
        var hidden: Set<SessionID> = []
        /// Sessions whose open failed, which are shown for a while.
        var failed = Deque<(id: SessionID, until: MonotonicInstant)>()
        var closed: ExpiringSet<SessionID>
        /// Sessions that take a place: all that their workers still run, shown or not.
        var live: Set<SessionID> = []
        /// Whether sessions that come now must end at once.
        var isDraining = false
        var generator: SeededGenerator
    }

    /// How many sessions there may be at once.
    public let limit: Int
    /// The locks of all files that sessions have open.
    public let fileLocks: FileLockTable
    private let clock: any EngineClock
    private let rememberedMilliseconds = 600_000
    private let rememberedLimit: Int
    private let directory: Guarded<Directory>
    private let times = Guarded<[(name: String, durations: DurationHistogram)]>([])

    /// An empty directory.
    ///
    /// `seed`: where the ids come from; random in the daemon, fixed in a simulation.
    public init(
        clock: any EngineClock, seed: UInt64, limit: Int, rememberedClosed: Int = 65_536,
        fileLocks: FileLockTable = FileLockTable()
    ) {
        self.clock = clock
        self.limit = limit
        self.fileLocks = fileLocks
        rememberedLimit = rememberedClosed
        directory = Guarded(
            Directory(
                closed: ExpiringSet(
                    lifetimeMilliseconds: rememberedMilliseconds, limit: rememberedClosed),
                generator: SeededGenerator(seed: seed)))
    }

    /// Registers a session; `nil` at the limit.
    ///
    /// `make`: makes the handle for the id that it is given; no lock may be taken in it.
    public func add(
        isHidden: Bool, _ make: @Sendable (SessionID) -> SessionHandle
    ) -> SessionHandle? {
        let handle: SessionHandle? = directory.withLock { directory in
            guard directory.live.count < limit else { return nil }
            var id = SessionID(directory.generator.next())
            while directory.sessions[id] != nil || directory.live.contains(id) {
                id = SessionID(directory.generator.next())
            }
            let handle = make(id)
            directory.sessions[id] = handle
            directory.ids.insert(id, at: SessionDirectory.position(of: id, in: directory.ids))
            if isHidden { directory.hidden.insert(id) }
            directory.live.insert(id)
            return handle
        }
        handle?.port.sessionOpened()
        return handle
    }

    /// Whether one more session may exist.
    public var mayAdd: Bool { directory.withLock { $0.live.count < limit } }

    /// How many sessions exist, those that failed not counted.
    public var count: Int { directory.withLock { $0.live.count } }

    /// The session with this id.
    ///
    /// - Throws: `.unknown`, `.closed`.
    public func find(_ id: SessionID) throws(SessionLookupError) -> SessionHandle {
        let now = clock.now()
        let outcome: Result<SessionHandle, SessionLookupError> = directory.withLock { directory in
            forgetFailed(&directory, at: now)
            if let handle = directory.sessions[id], !directory.hidden.contains(id) {
                return .success(handle)
            }
            return .failure(directory.closed.contains(id, at: now) ? .closed : .unknown)
        }
        return try outcome.get()
    }

    /// The session with this id, even one that nobody may see yet.
    public func findHiddenToo(_ id: SessionID) -> SessionHandle? {
        directory.withLock { $0.sessions[id] }
    }

    /// Sessions in the order of their ids from the first after `id` that `isWanted`.
    public func list(
        after id: String?, limit: Int, where isWanted: (SessionHandle) -> Bool
    ) -> (sessions: [SessionHandle], hasMore: Bool) {
        let now = clock.now()
        let all: [SessionHandle] = directory.withLock { directory in
            forgetFailed(&directory, at: now)
            let start = id.map { SessionDirectory.firstIndex(after: $0, in: directory.ids) } ?? 0
            return directory.ids[start...].compactMap { id in
                directory.hidden.contains(id) ? nil : directory.sessions[id]
            }
        }
        var page: [SessionHandle] = []
        for handle in all where isWanted(handle) {
            if page.count == limit { return (page, true) }
            page.append(handle)
        }
        return (page, false)
    }

    /// How long operations took from their acceptance to their end, by their names.
    public var operationTimes: [String: DurationHistogram] {
        let times = times.withLock { $0 }
        return Dictionary(uniqueKeysWithValues: times.map { ($0.name, $0.durations) })
    }

    /// Counts operations that have ended.
    public func count(_ ended: [(name: String, nanoseconds: Int64)]) {
        guard !ended.isEmpty else { return }
        times.withLock { times in
            // Mostly those that end together have one name, and there are few names at all.
            var place = 0
            for (name, nanoseconds) in ended {
                if place == times.count || times[place].name != name {
                    place = times.firstIndex { $0.name == name } ?? times.count
                }
                if place == times.count { times.append((name, DurationHistogram())) }
                times[place].durations.add(nanoseconds: nanoseconds)
            }
        }
    }

    /// Every session, for the end of a port or of the daemon.
    public func all() -> [SessionHandle] { directory.withLock { Array($0.sessions.values) } }

    /// Every session, to be closed; those that come later are closed by their workers at once.
    public func startDraining() -> [SessionHandle] {
        directory.withLock { directory in
            directory.isDraining = true
            return Array(directory.sessions.values)
        }
    }

    /// Whether sessions that come now must end at once.
    public var isDraining: Bool { directory.withLock { $0.isDraining } }

    /// An inline open has succeeded, or its client has gone: the session can be seen from now on.
    public func show(_ handle: SessionHandle) {
        directory.withLock { _ = $0.hidden.remove(handle.id) }
    }

    /// A session has ended.
    ///
    /// `phase`: `.failed` keeps it visible for ten minutes, `.closed` leaves its id as
    ///   that of a closed one.
    public func ended(_ handle: SessionHandle, _ phase: SessionPhase) {
        let now = clock.now()
        directory.withLock { directory in
            directory.live.remove(handle.id)
            // Whoever asked for it may have been told of its failure, and it forgotten, before this.
            guard directory.sessions[handle.id] === handle else { return }
            if phase == .failed {
                let until = now.advanced(milliseconds: rememberedMilliseconds)
                directory.failed.append((handle.id, until))
            } else {
                remove(handle.id, &directory)
                directory.closed.insert(handle.id, at: now)
            }
            forgetFailed(&directory, at: now)
        }
        handle.port.sessionClosed()
    }

    /// Forgets a session whose inline open failed: it never was.
    public func forget(_ handle: SessionHandle) {
        directory.withLock { remove(handle.id, &$0) }
    }

    /// A failed session has been deleted: it is not shown any longer, and its id is that of a
    /// closed one.
    ///
    /// Any other session stays as it is.
    public func dismiss(_ handle: SessionHandle) {
        guard handle.snapshot.phase == .failed else { return }
        let now = clock.now()
        directory.withLock { directory in
            guard directory.sessions[handle.id] === handle else { return }
            remove(handle.id, &directory)
            directory.closed.insert(handle.id, at: now)
        }
    }

    private func remove(_ id: SessionID, _ directory: inout Directory) {
        guard directory.sessions.removeValue(forKey: id) != nil else { return }
        directory.hidden.remove(id)
        let index = SessionDirectory.position(of: id, in: directory.ids)
        if index < directory.ids.count && directory.ids[index] == id {
            directory.ids.remove(at: index)
        }
    }

    private func forgetFailed(_ directory: inout Directory, at now: MonotonicInstant) {
        while let first = directory.failed.first,
            first.until <= now || directory.failed.count > rememberedLimit
        {
            directory.failed.removeFirst()
            remove(first.id, &directory)
        }
    }

    private static func position(of id: SessionID, in ids: [SessionID]) -> Int {
        var low = 0
        var high = ids.count
        while low < high {
            let middle = (low + high) / 2
            if ids[middle] < id { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Any text is a cursor, so the ids are compared with it as text.
    private static func firstIndex(after text: String, in ids: [SessionID]) -> Int {
        var low = 0
        var high = ids.count
        while low < high {
            let middle = (low + high) / 2
            let isAfter = text.utf8.lexicographicallyPrecedes(ids[middle].text.utf8)
            if isAfter { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
