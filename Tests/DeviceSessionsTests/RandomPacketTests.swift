import DeviceSessions
import EngineBase
import PortEngine
import Testing

/// Random operations on sessions of datagrams and messages, clients that change among them. The
/// bench checks that nothing ends twice and nothing is out on what is closed; here that everything
/// ends, and of messages that not a byte is lost, made up or moved.
@Suite struct RandomPacketTests {
    @Test(arguments: 1...300 as ClosedRange<UInt64>)
    func `every operation on messages ends once and no byte is lost`(_ seed: UInt64) {
        var run = PacketRun(seed: seed, .message)
        run.play()
        let entries = run.bench.lastEntries.values
        let thrown = entries.reduce(0) { $0 + ($1.details?.discarded ?? 0) }
        let discarded = run.bench.closedEntry?.details?.discarded ?? 0
        let total = run.bench.delivered.count + discarded + thrown
        #expect(total == run.received, "seed \(seed)")
    }

    @Test(arguments: 1_001...1_300 as ClosedRange<UInt64>)
    func `every operation on datagrams ends once`(_ seed: UInt64) {
        var run = PacketRun(seed: seed, .datagram)
        run.play()
    }
}

/// One random session.
private struct PacketRun {
    let bench: SessionBench
    /// Bytes that came.
    private(set) var received = 0
    private let seed: UInt64
    private let shape: SessionShape
    private var dice: SeededGenerator
    private var submitted: Set<UInt64> = []
    private var standing: Set<UInt64> = []
    private var asked = 0
    private var answered = 0

    init(seed: UInt64, _ shape: SessionShape) {
        self.seed = seed
        self.shape = shape
        dice = SeededGenerator(seed: seed)
        bench = SessionBench.packets(shape, .bench(linger: 50))
        bench.surroundings.places = 5
    }

    mutating func play() {
        for _ in 0..<150 { move() }
        bench.close()
        for _ in 0..<1_000 where !bench.hasEnded { finish() }
        #expect(bench.hasEnded, "seed \(seed): \(bench.stepNames) \(bench.pending)")
        #expect(Set(bench.lastEntries.keys) == submitted, "seed \(seed)")
        #expect(
            bench.surroundings.placesReserved == bench.surroundings.placesUsed, "seed \(seed)")
    }

    private mutating func move() {
        switch Int.random(in: 0..<13, using: &dice) {
        case 0..<4: submit()
        case 4..<7: receive()
        case 7..<9: send()
        case 9: if bench.has("look") { bench.looks(Bool.random(using: &dice)) }
        case 10: if let number = submitted.randomElement(using: &dice) { bench.cancel(number) }
        case 11: bench.pass(Int.random(in: 0...30, using: &dice))
        default: changeSurroundings()
        }
    }

    private mutating func submit() {
        let hasStanding = bench.pending.contains { line in
            standing.contains { line.hasPrefix("read#\($0) ") }
        }
        let size = Int.random(in: 0...5, using: &dice)
        var kinds: [OperationKind] = [
            .write(String(repeating: "w", count: size)),
            .transact(
                [113], .available(limit: size + 1), discardsInput: Bool.random(using: &dice),
                answerTimeoutMilliseconds: 20),
        ]
        if !hasStanding {
            kinds += [
                .read(size + 1), .readiness, .read(),
                .read(
                    .available(limit: size + 1), repeats: true,
                    credit: Bool.random(using: &dice) ? 2 : nil),
            ]
        }
        if shape == .message { kinds += [.disconnect, .accept] }
        guard let kind = kinds.randomElement(using: &dice) else { return }
        let timeout: Int? = Bool.random(using: &dice) ? Int.random(in: 1...60, using: &dice) : nil
        let numbers = bench.submit(kind, timeout: timeout)
        submitted.formUnion(numbers)
        if kind.isStandingRead { standing.formUnion(numbers) }
    }

    private mutating func receive() {
        guard let step = bench.steps.first(where: { $0.step.name == "receiveMessage" }) else {
            return
        }
        switch Int.random(in: 0..<20, using: &dice) {
        case 0: bench.answer("receiveMessage", .failed(.connectionRefused))
        case 1 where shape == .message: bench.answer("receiveMessage", .received([]))
        case 2..<8 where step.isCancelled: bench.answer("receiveMessage", .failed(.cancelled))
        default:
            let size = Int.random(in: 0...8, using: &dice)
            received += size
            bench.comes(String(repeating: "r", count: size))
        }
    }

    private mutating func send() {
        guard let step = bench.steps.first(where: { $0.step.name == "sendMessage" }) else { return }
        switch Int.random(in: 0..<20, using: &dice) {
        case 0: bench.answer("sendMessage", .failed(.connectionRefused))
        case 1: bench.answer("sendMessage", .failed(.messageTooLong))
        case 2..<12 where step.isCancelled: bench.answer("sendMessage", .failed(.cancelled))
        default: bench.goes()
        }
    }

    private mutating func changeSurroundings() {
        bench.surroundings.portAcceptsPayload = Bool.random(using: &dice)
        bench.surroundings.places = Int.random(in: 0...4, using: &dice)
        bench.room()
        if let number = submitted.randomElement(using: &dice) { bench.credit(1, to: number) }
        if bench.has("close") { bench.answer("close", .done) }
        answerGuest()
    }

    /// The listener answers each request once.
    private mutating func answerGuest() {
        asked += bench.told().count { $0 == "asks its listener" }
        guard asked > answered else { return }
        answered += 1
        if Bool.random(using: &dice) { bench.clientComes() } else { bench.clientIsRefused() }
    }

    /// Lets the close come to its end, late results included.
    private mutating func finish() {
        if bench.has("receiveMessage") { receive() }
        if bench.has("sendMessage") { send() }
        if bench.has("look") { bench.looks(false) }
        if bench.has("unsent") { bench.answer("unsent", .control(.number(0))) }
        if bench.has("shutdown") { bench.answer("shutdown", .done) }
        if bench.has("close") { bench.answer("close", .done) }
        answerGuest()
        bench.pass(1)
    }
}
