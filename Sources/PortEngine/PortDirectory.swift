public import EngineBase
import Synchronization

/// Why a port cannot be made or found.
public enum PortDirectoryError: Error, Hashable, Sendable {
    /// No port of that name, and none lately.
    case unknown
    /// It was closed not long ago.
    case closed
    /// It is there with other settings.
    case settingsDiffer(PortSettings)
    /// As many ports as may be.
    case tooManyPorts(limit: Int)
    /// It holds entries or promised places.
    case notEmpty(entries: Int, reserved: Int)
}

/// All ports of the daemon, by name, and the clock that makes their deadlines come true.
public final class PortDirectory: Sendable {
    private struct Directory {
        var ports: [PortName: CompletionPort] = [:]
        /// The same names in order, for lists.
        var names: [PortName] = []
        var closed: ExpiringSet<PortName>
        var isDraining = false
        var generations: SeededGenerator
    }

    private struct Alarm: Sendable {
        let port: CompletionPort
    }

    /// The clock of every port.
    public let clock: any EngineClock
    private let portLimit: Int
    private let portLimits: PortLimits
    private let directory: Guarded<Directory>
    private let alarms = Guarded(DeadlineHeap<Alarm>())
    private let running = Guarded<[ConsumerName: CompletionPort]>([:])
    private let holding = Atomic<Int>(0)
    private let statuses = Guarded(StatusCounts())
    private let onEarlierDeadline: @Sendable () -> Void

    /// An empty directory.
    ///
    /// - `seed`: where the generations come from; random in the daemon, fixed in a simulation.
    /// - `onEarlierDeadline`: called when ``nextDeadline`` has become earlier; any thread, no lock.
    public init(
        clock: any EngineClock, seed: UInt64, portLimit: Int = 10_000,
        limits: PortLimits = PortLimits(), rememberedClosed: Int = 65_536,
        onEarlierDeadline: @escaping @Sendable () -> Void
    ) {
        self.clock = clock
        self.portLimit = portLimit
        portLimits = limits
        self.onEarlierDeadline = onEarlierDeadline
        directory = Guarded(
            Directory(
                closed: ExpiringSet(lifetimeMilliseconds: 600_000, limit: rememberedClosed),
                generations: SeededGenerator(seed: seed)))
    }

    /// Makes a port, or confirms one whose settings agree.
    ///
    /// `agrees`: compares the settings of a port that is there with those asked for.
    /// - Throws: `.settingsDiffer`, `.tooManyPorts`.
    public func create(
        _ name: PortName, settings: PortSettings, agrees: @Sendable (PortSettings) -> Bool
    ) throws(PortDirectoryError) -> (port: CompletionPort, isNew: Bool) {
        let outcome: Result<(CompletionPort, Bool), PortDirectoryError> = directory.withLock {
            directory in
            if let port = directory.ports[name] {
                return agrees(port.settings)
                    ? .success((port, false)) : .failure(.settingsDiffer(port.settings))
            }
            guard directory.ports.count < portLimit else {
                return .failure(.tooManyPorts(limit: portLimit))
            }
            let port = CompletionPort(
                name: name, generation: PortGeneration(directory.generations.next()),
                settings: settings, limits: portLimits, host: self)
            directory.ports[name] = port
            directory.names.insert(name, at: position(of: name, in: directory.names))
            directory.closed.remove(name)
            return .success((port, true))
        }
        let (port, isNew) = try outcome.get()
        return (port, isNew)
    }

    /// The port of that name.
    ///
    /// - Throws: `.unknown`, `.closed`.
    public func find(_ name: PortName) throws(PortDirectoryError) -> CompletionPort {
        let now = clock.now()
        let outcome: Result<CompletionPort, PortDirectoryError> = directory.withLock { directory in
            if let port = directory.ports[name] { return .success(port) }
            return .failure(directory.closed.contains(name, at: now) ? .closed : .unknown)
        }
        return try outcome.get()
    }

    /// Ports in order of their names, from the first after `name`, and whether more follow.
    public func list(after name: String?, limit: Int) -> (ports: [CompletionPort], hasMore: Bool) {
        directory.withLock { directory in
            var start = 0
            if let name {
                start = directory.names.count
                var low = 0
                while low < start {
                    let middle = (low + start) / 2
                    let isAfter = name.utf8.lexicographicallyPrecedes(
                        directory.names[middle].rawValue.utf8)
                    if isAfter { start = middle } else { low = middle + 1 }
                }
            }
            let page = directory.names[start...].prefix(limit)
            return (
                page.compactMap { directory.ports[$0] }, start + page.count < directory.names.count
            )
        }
    }

    /// Closes a port and remembers its name as closed.
    ///
    /// - Returns: the port, and entries and promised places that were thrown away.
    /// - Throws: `.unknown`, `.closed`, `.notEmpty`.
    public func close(
        _ name: PortName, force: Bool
    ) throws(PortDirectoryError) -> (port: CompletionPort, discarded: Int) {
        let port = try find(name)
        let discarded: Int
        do {
            discarded = try port.close(force: force)
        } catch {
            if case .notEmpty(let entries, let reserved) = error {
                throw .notEmpty(entries: entries, reserved: reserved)
            }
            throw .closed
        }
        let now = clock.now()
        directory.withLock { directory in
            directory.closed.insert(name, at: now)
            guard directory.ports[name] === port else { return }
            directory.ports[name] = nil
            directory.names.remove(at: position(of: name, in: directory.names))
        }
        return (port, discarded)
    }

    /// How many ports hold entries.
    public var portsHoldingEntries: Int { holding.load(ordering: .sequentiallyConsistent) }

    /// How many entries have come into ports, by status.
    public var entriesByStatus: [EntryStatus: Int] { statuses.withLock { $0.byStatus } }

    /// From now on no fetch waits, on any port.
    public func startDraining() {
        let ports = directory.withLock { directory in
            directory.isDraining = true
            return directory.names.compactMap { directory.ports[$0] }
        }
        for port in ports { port.startDraining() }
    }

    // MARK: - Time

    /// When ``advance()`` has something to do next.
    public var nextDeadline: MonotonicInstant? { alarms.withLock { $0.earliest } }

    /// Lets every port do what time has made due.
    public func advance() {
        let now = clock.now()
        while let port = nextDue(at: now) { port.tick() }
    }

    private func nextDue(at now: MonotonicInstant) -> CompletionPort? {
        alarms.withLock { alarms in
            guard let (alarm, moment) = alarms.popDue(at: now) else { return nil }
            if !alarm.port.wantsAlarm(at: moment) { alarms.popWasForgotten() }
            return alarm.port
        }
    }

    /// Alarms kept, for tests.
    var alarmCount: Int { alarms.withLock { $0.count } }

    /// Consumers known to run somewhere, for tests.
    var runningConsumerCount: Int { running.withLock { $0.count } }

    private func position(of name: PortName, in names: [PortName]) -> Int {
        names.partitioningIndex(where: { $0 >= name })
    }
}

extension PortDirectory: PortHost {
    func arm(_ port: CompletionPort, at moment: MonotonicInstant) {
        let isEarliest = alarms.withLock { alarms in
            let before = alarms.earliest ?? .distantFuture
            alarms.insert(Alarm(port: port), at: moment)
            return moment < before
        }
        if isEarliest { onEarlierDeadline() }
    }

    func entriesQueued(_ new: StatusCounts) {
        statuses.withLock { $0.add(new) }
    }

    func dropAlarm() {
        alarms.withLock { alarms in
            alarms.forgetOne()
            guard alarms.isWorthCompacting else { return }
            alarms.compact { $0.port.wantsAlarm(at: $1) }
        }
    }

    func holdingChanged(by change: Int) {
        holding.wrappingAdd(change, ordering: .sequentiallyConsistent)
    }

    func freeSlot(of consumer: ConsumerName, besides port: CompletionPort) {
        let other = running.withLock { $0[consumer] }
        guard let other, other !== port else { return }
        other.consumerMovedAway(consumer)
    }

    func consumer(_ consumer: ConsumerName, startedOn port: CompletionPort) {
        running.withLock { $0[consumer] = port }
    }

    func consumer(_ consumer: ConsumerName, stoppedOn port: CompletionPort) {
        running.withLock { running in
            if running[consumer] === port { running[consumer] = nil }
        }
    }
}
