import DeviceSessions
import EngineBase
import PortEngine
import Transports
import Workers

/// The engine with sessions of one shape: datagrams, messages, files, serial lines, framed streams.
///
/// Ports, sessions, workers and transports are the real ones; below them is a scripted kernel. One
/// seed decides everything. ``SimulationRun`` has what ports promise; here it is what each shape
/// does, and that each operation ends once.
final class ShapeRun: ScriptedNetwork {
    let settings: SimulationSettings
    let dice: ScriptedDice
    let clock = VirtualClock()
    let directory: PortDirectory
    let sessions: SessionDirectory
    let policy: TargetPolicy
    let port: CompletionPort
    private(set) var shape: SimulatedShape?
    private(set) var drivers: [ScriptedDriver] = []
    private(set) var loops: [WorkerLoop] = []
    var trace = Trace()
    private(set) var step = 0
    private(set) var failure: String?
    var tally: [String: Int] = [:]

    var live: [ShapeSession] = []
    var byID: [SessionID: ShapeSession] = [:]
    /// Sessions whose end came before the accept that brought them.
    var endedEarly: Set<SessionID> = []
    /// Accepted sessions that had ended when it was seen that they began.
    var acceptedGone: Set<SessionID> = []
    var nextSession = 0
    var isQuiet = false
    var isDraining = false
    /// Whether clients take sessions for themselves.
    let usesLocks: Bool
    private var turning: Set<Int> = []
    private var isInterleaved = false
    private let interleaving: Int
    private let storm: ScriptedMoods

    init(_ settings: SimulationSettings, _ kind: SimulatedKind) {
        self.settings = settings
        dice = ScriptedDice(seed: settings.seed)
        directory = PortDirectory(
            clock: clock, seed: dice.bits(), limits: PortLimits(), onEarlierDeadline: {})
        sessions = SessionDirectory(
            clock: clock, seed: dice.bits(), limit: 30, rememberedClosed: 100)
        policy = ShapeRun.everything
        var portSettings = PortSettings()
        portSettings.capacity =
            dice.happens(40) && !kind.needsRoom ? dice.number(in: 12...60) : 10_000
        portSettings.capacityBytes = dice.happens(40) ? dice.number(in: 1...2_000) : 1 << 24
        guard let name = PortName("shapes"),
            let made = try? directory.create(name, settings: portSettings, agrees: { _ in true })
        else { fatalError("an empty directory takes a port") }
        port = made.port
        var storm = ScriptedMoods()
        if dice.happens(80) {
            storm.late = dice.below(80)
            storm.idle = dice.below(60)
            storm.untold = dice.below(50)
            storm.short = dice.below(60)
            storm.lateCancel = dice.below(100)
            storm.noDescriptor = dice.below(10)
        }
        self.storm = storm
        usesLocks = dice.happens(40)
        interleaving = dice.happens(50) ? dice.number(in: 1...10) : 0
        trace.isEchoing = settings.isEchoing
        for _ in 0..<dice.number(in: 1...3) {
            let driver = ScriptedDriver(network: self, dice: dice)
            driver.moods = storm
            drivers.append(driver)
            loops.append(WorkerLoop(driver: driver, clock: clock, sessions: sessions))
        }
        shape = kind.make(self)
    }

    /// Targets below `/sim` and on loopback, whatever their scheme.
    private static let everything = TargetPolicy(
        ["tcp", "tls", "udp", "udp-listen"].map {
            TargetRule(scheme: $0, .address(.v4(0x7F00_0000), prefixLength: 8, ports: nil))
        }
            + ["unix", "unix-seqpacket", "unix-seqpacket-listen", "serial", "file"].map {
                TargetRule(scheme: $0, .directory("/sim"))
            })

    // MARK: - Running

    /// Runs to the end, or to the first broken promise.
    func run() -> SimulationReport {
        while step < settings.steps && failure == nil { doOneStep() }
        if failure == nil { end() }
        let report = SimulationReport(
            seed: settings.seed, kind: settings.kind, steps: step, failure: failure,
            trace: trace.lines,
            hash: trace.hash, tally: tally)
        // The drivers know the run, and the run knows the drivers.
        drivers = []
        loops = []
        shape = nil
        return report
    }

    func doOneStep() {
        step += 1
        switch dice.below(1_000) {
        case ..<380: turn(dice.below(loops.count))
        case ..<600: shape?.act()
        case ..<850: actAsClient()
        case ..<940: moveClock()
        case ..<945: checkWhenCalm()
        default: break
        }
        // A port that nobody empties holds devices up.
        if dice.happens(70) { collect() }
    }

    func turn(_ index: Int) {
        guard turning.insert(index).inserted else { return }
        note(.turn, index)
        _ = loops[index].turn(waitingUntil: clock.now())
        turning.remove(index)
    }

    private func moveClock() {
        let deadlines = loops.compactMap(\.nextDeadline)
        if dice.happens(50), let next = deadlines.min() {
            clock.move(to: next.advanced(milliseconds: dice.below(3)))
        } else {
            clock.move(milliseconds: dice.below(dice.happens(5) ? 20_000 : 30))
        }
        note(.clock, Int(clock.now().nanoseconds / 1_000_000))
    }

    /// Lets everything settle without faults, new requests or the passing of time, and looks for
    /// what should have moved and has not.
    private func checkWhenCalm() {
        note(.calm)
        count("calm")
        quieten(true)
        settle()
        for session in live where failure == nil && session.isOpenSeen && !session.isClosedSeen {
            complain(about: session)
        }
        quieten(false)
    }

    private func complain(about session: ShapeSession) {
        let now = clock.now()
        for operation in session.pending {
            if let deadline = operation.deadline, deadline <= now {
                fail("\(words(operation, session)): outlives its deadline")
            }
        }
        guard !session.isCloseRequested, session.handle.snapshot.phase == .open,
            port.acceptsPayload, port.status().counts.occupied < port.settings.capacity
        else { return }
        if let complaint = shape?.complaint(about: session) {
            fail("\(session.id.text): \(complaint)")
        }
    }

    /// Turns and fetches until nothing moves any more.
    private func settle() {
        var rounds = 0
        var before = UInt64(0)
        repeat {
            before = trace.hash
            rounds += 1
            for index in loops.indices { turn(index) }
            collect()
            guard rounds < 2_000 else { return fail("it does not come to rest") }
        } while failure == nil
            && (trace.hash != before && rounds < 8 || drivers.contains { $0.hasWork }
                || loops.contains { $0.nextDeadline.map { $0 <= clock.now() } ?? false })
    }

    private func quieten(_ isQuiet: Bool) {
        self.isQuiet = isQuiet
        for driver in drivers { driver.moods = isQuiet ? ScriptedMoods() : storm }
    }

    // MARK: - The end

    private func end() {
        note(.drain)
        isDraining = true
        for handle in sessions.startDraining().sorted(by: { $0.id < $1.id }) {
            handle.close(.draining, force: false)
            byID[handle.id]?.isCloseRequested = true
        }
        for _ in 0..<dice.below(300) where failure == nil { doOneStep() }
        quieten(true)
        shape?.calmDown()
        var rounds = 0
        while failure == nil, sessions.count > 0 || loops.contains(where: { $0.sessionCount > 0 }) {
            rounds += 1
            guard rounds < 3_000 else {
                return fail("\(sessions.count) sessions do not end")
            }
            settle()
            if let next = loops.compactMap(\.nextDeadline).min() { clock.move(to: next) }
            shape?.act()
        }
        collect()
        guard failure == nil else { return }
        for session in live {
            expect(session.isClosedSeen, "\(session.id.text) never gave its last entry")
            for operation in session.pending {
                fail("\(words(operation, session)): never ended")
            }
        }
        let counts = port.status().counts
        expect(counts.entries == 0, "\(counts.entries) entries are left")
        expect(counts.reserved == 0, "\(counts.reserved) places are left promised")
        expect(counts.sessions == 0, "the port counts \(counts.sessions) sessions")
        for (index, driver) in drivers.enumerated() {
            expect(driver.openDescriptors == 0, "driver \(index): descriptors are left open")
            expect(driver.pendingSteps == 0, "driver \(index): steps are left")
        }
        expect(sessions.fileLocks.count == 0, "\(sessions.fileLocks.count) locks are left")
        expect(endedEarly.isEmpty, "sessions ended that no accept brought")
        shape?.end()
    }

    // MARK: - Notes

    func note(_ word: TraceWord, _ first: Int = 0, _ second: Int = 0, _ third: Int = 0) {
        trace.note(word, first, second, third, step: step)
    }

    func count(_ what: String) { tally[what, default: 0] += 1 }

    /// A promise was broken.
    func fail(_ words: @autoclosure () -> String) {
        guard failure == nil else { return }
        failure = "step \(step): \(words())"
    }

    func expect(_ isTrue: Bool, _ words: @autoclosure () -> String) {
        if !isTrue { fail(words()) }
    }

    func words(_ operation: ShapeOperation, _ session: ShapeSession) -> String {
        "\(OperationID(session: session.id, number: operation.number).text) \(operation.kind.words)"
    }

    // MARK: - The network

    /// What may happen while a worker is in the middle of its turn: other threads go on.
    func driverWasCalled() {
        guard interleaving > 0, !isInterleaved, !isQuiet, dice.happens(interleaving) else { return }
        isInterleaved = true
        switch dice.below(10) {
        case ..<4: actAsClient()
        case ..<8: shape?.act()
        case 8: turn(dice.below(loops.count))
        default: clock.move(milliseconds: dice.below(3))
        }
        isInterleaved = false
    }

    func resolve(_ host: String, port: UInt16) -> StepResult { .unresolved("no such name") }

    func device(for request: OpenRequest) throws(Errno) -> (any ScriptedDevice)? {
        try shape?.device(for: request)
    }

    func find(_ target: PathTarget) throws(Errno) { try shape?.find(target) }

    func listen(_ request: OpenRequest) throws(Errno) -> ScriptedListener { throw .notSupported }
    func connect(to target: ScriptedTarget) throws(Errno) -> ScriptedConnection? {
        throw .notSupported
    }
    func sendBegins(from start: Int, on connection: ScriptedConnection) {}
    func sent(_ bytes: [UInt8], from start: Int, count: Int, on connection: ScriptedConnection) {}
    func toldSent(_ count: Int, upTo end: Int, of total: Int, on connection: ScriptedConnection) {}
    func toldReceived(_ count: Int, on connection: ScriptedConnection) {}
    func toldEnd(_ error: Errno?, on connection: ScriptedConnection) {}
    func willClose(_ connection: ScriptedConnection, reset: Bool) {}
    func contractBroken(_ words: String) { fail("driver contract: \(words)") }
}
