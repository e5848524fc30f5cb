import DeviceSessions
import EngineBase
import PortEngine
import Transports
import Workers

/// The whole engine but its HTTP face, on one thread, with simulated devices, clients and time.
///
/// Ports, sessions, workers and transports are the real ones; below them is a scripted kernel. One
/// seed decides everything. After each step all that can be known of the engine's promises is
/// checked: see the extensions named after checks.
final class SimulationRun {
    let settings: SimulationSettings
    let dice: ScriptedDice
    let clock = VirtualClock()
    let mailbox = Mailbox()
    let directory: PortDirectory
    let sessions: SessionDirectory
    let policy: TargetPolicy
    var drivers: [ScriptedDriver] = []
    var loops: [WorkerLoop] = []
    /// Loops that are in the middle of a turn.
    var turning: Set<Int> = []
    /// When the turn that goes on began; the clock may be moved meanwhile.
    var turnBegan = MonotonicInstant(nanoseconds: 0)
    var trace = Trace()
    var step = 0
    var failure: String?
    var tally: [String: Int] = [:]

    var ports: [PortRecord] = []
    var nextPort = 0
    var live: [SessionRecord] = []
    var byID: [SessionID: SessionRecord] = [:]
    /// Accepted sessions that ended before it was seen that they began.
    var endedEarly: Set<SessionID> = []
    /// Accepted sessions that had ended when it was seen that they began.
    var acceptedGone: Set<SessionID> = []
    /// Accepted sessions that were closed before it was seen that they began, and whether by force.
    var closedUnseen: [SessionID: Bool] = [:]
    var targets: [ScriptedTarget: NetworkTargetRecord] = [:]
    var nextTarget = 1
    var names: [String: [SocketAddress]] = [:]
    var listeners: [(listener: ScriptedListener, session: SessionRecord)] = []
    var connections: [ConnectionRecord] = []
    var connectionOf: [ObjectIdentifier: ConnectionRecord] = [:]
    var connectionAt: [String: ConnectionRecord] = [:]
    var nextConnection = 0

    var replies: [Int: ReplyRecord] = [:]
    var completeReplies: [ReplyRecord] = []
    var nextReply = 0
    var waits: [Int: PortRecord] = [:]
    var nextWait = 0
    /// Clients that went away in this step; an answer may have been on its way to them.
    var gone: [Int: PortRecord] = [:]
    /// Entries that the settle of a fetch acked, until its answer says so.
    var settledBy: [Int: Int] = [:]
    var withSegments: [SessionRecord] = []
    var closedNow: [(CompletionEntry, SessionRecord)] = []
    var repliedOperations: [(OperationRecord, CompletionEntry, SessionRecord)] = []
    var handovers: [Carriage] = []
    var batches: [Batch] = []
    var newEntries: [(PortRecord, FetchAnswer)] = []

    var storm = ScriptedMoods()
    var interleaving = 0
    var isInterleaved = false
    var isQuiet = false
    var isDraining = false
    let sessionLimit: Int

    /// A run that has not begun.
    init(_ settings: SimulationSettings) {
        self.settings = settings
        dice = ScriptedDice(seed: settings.seed)
        directory = PortDirectory(
            clock: clock, seed: dice.bits(),
            limits: PortLimits(waitingFetches: 6, alertsPerConsumer: 3, alertConsumers: 3),
            onEarlierDeadline: {})
        sessionLimit = dice.number(in: 4...40)
        sessions = SessionDirectory(
            clock: clock, seed: dice.bits(), limit: sessionLimit, rememberedClosed: 100)
        policy = TargetPolicy([
            TargetRule(scheme: "tcp", .address(.v4(0x7F00_0000), prefixLength: 8, ports: nil)),
            TargetRule(
                scheme: "tcp-listen", .address(.v4(0x7F00_0000), prefixLength: 8, ports: nil)),
            TargetRule(scheme: "unix", .directory("/sim")),
            TargetRule(scheme: "unix-listen", .directory("/sim")),
        ])
        trace.isEchoing = settings.isEchoing
        setTheStage()
    }

    private func setTheStage() {
        for _ in 0..<dice.number(in: 1...3) {
            let driver = ScriptedDriver(network: self, dice: dice)
            drivers.append(driver)
            loops.append(WorkerLoop(driver: driver, clock: clock, sessions: sessions))
        }
        if dice.happens(80) {
            storm.late = dice.below(80)
            storm.idle = dice.below(60)
            storm.untold = dice.below(50)
            storm.short = dice.below(60)
            storm.lateCancel = dice.below(100)
            storm.noDescriptor = dice.below(10)
        }
        if dice.happens(50) { interleaving = dice.number(in: 1...10) }
        setMoods(storm)
        for _ in 0..<dice.number(in: 1...3) { openPort() }
    }

    func setMoods(_ moods: ScriptedMoods) {
        for driver in drivers { driver.moods = moods }
    }

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
        return report
    }

    func doOneStep() {
        step += 1
        switch dice.below(1_000) {
        case ..<340: turnSomeWorker()
        case ..<560: actAsDevice()
        case ..<780: actAsClient()
        case ..<920: actAsConsumer()
        case ..<970: moveClock()
        case ..<999:
            note(.advance)
            directory.advance()
        default: checkWhenCalm()
        }
        collect()
    }

    func turnSomeWorker() { turn(dice.below(loops.count)) }

    /// One turn of a worker; whatever it calls may let other things happen in between.
    func turn(_ index: Int) {
        guard turning.insert(index).inserted else { return }
        note(.turn, index)
        turnBegan = clock.now()
        _ = loops[index].turn(waitingUntil: clock.now())
        turning.remove(index)
    }

    private func moveClock() {
        switch dice.below(20) {
        case ..<10:
            clock.move(milliseconds: dice.below(30))
        case ..<18:
            var deadlines = loops.compactMap(\.nextDeadline)
            if let deadline = directory.nextDeadline { deadlines.append(deadline) }
            if let next = deadlines.min() {
                clock.move(to: next.advanced(milliseconds: dice.below(3)))
            }
        default:
            clock.move(milliseconds: dice.below(20_000))
        }
        note(.clock, Int(clock.now().nanoseconds / 1_000_000))
    }

    /// What may happen while a worker is in the middle of its turn: other threads go on.
    func interleave() {
        guard interleaving > 0, !isInterleaved, !isQuiet, dice.happens(interleaving) else { return }
        isInterleaved = true
        switch dice.below(10) {
        case ..<4: actAsClient()
        case ..<6: actAsConsumer()
        case ..<8: actAsDevice()
        case 8: turnSomeWorker()
        default: clock.move(milliseconds: dice.below(3))
        }
        isInterleaved = false
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
}
