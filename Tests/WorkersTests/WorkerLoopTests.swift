import DeviceSessions
import EngineBase
import PortEngine
import Testing
import Workers

/// The loop that runs sessions, over a driver that does what a test says.
@Suite struct WorkerLoopTests {
    @Test func `bytes whose turn is put off are the standing read's, not the next answer`() throws {
        let bench = try LoopBench(stepsInOneGo: 2)
        bench.submit(.read(.available(limit: 100), repeats: true, credit: nil))
        bench.turn()
        #expect(bench.driver.isReceiving)

        // The fourth receive in one go is told in the next turn only. The transact comes meanwhile,
        // and looks for bytes when the kernel has none any more.
        bench.driver.kernel = ["1", "2", "3", "4"].map { Array($0.utf8) }
        bench.submit(
            .transact(
                Array("q".utf8), .available(limit: 100), discardsInput: false,
                answerTimeoutMilliseconds: nil))
        for _ in 0..<3 { bench.turn() }
        #expect(bench.entries() == ["read 1", "read 2", "read 3", "read 4"])
        #expect(bench.driver.sent == Array("q".utf8))

        bench.driver.kernel = [Array("answer".utf8)]
        bench.turn()
        #expect(bench.entries() == ["transact answer"])
    }

    @Test func `bytes that have arrived are known before a send that lets a transact begin`() throws
    {
        let bench = try LoopBench(stepsInOneGo: 64)
        bench.driver.holdsSends = true
        bench.submit(.read(.available(limit: 100), repeats: true, credit: nil))
        bench.submit(.write(Array("w".utf8)))
        bench.submit(
            .transact(
                Array("q".utf8), .available(limit: 100), discardsInput: false,
                answerTimeoutMilliseconds: nil))
        bench.turn()
        try bench.driver.tellNext { send, receive in
            [
                .completed(send, .sent(1)),
                .completed(receive, .received(Array("early".utf8))),
            ]
        }
        bench.turn()
        #expect(Set(bench.entries()) == ["read early", "write "])
        try bench.driver.tellNext { send, receive in
            [.completed(send, .sent(1)), .completed(receive, .received(Array("answer".utf8)))]
        }
        bench.turn()
        #expect(bench.entries() == ["transact answer"])
        #expect(bench.driver.sent == Array("wq".utf8))
    }

    @Test func `an error that a send met is known before the end that a receive gives`() throws {
        let bench = try LoopBench(stepsInOneGo: 64)
        bench.driver.holdsSends = true
        bench.submit(.read(.available(limit: 100), repeats: false, credit: nil))
        bench.submit(.write(Array("w".utf8)))
        bench.turn()
        try bench.driver.tellNext { send, receive in
            [
                .completed(receive, .received([])),
                .completed(send, .failed(.connectionReset)),
            ]
        }
        bench.turn()
        #expect(Set(bench.statuses()) == ["read failed", "write failed"])
    }
}

/// A loop with one session, which is open.
private final class LoopBench {
    let driver = PliableDriver()
    private let clock = VirtualClock()
    private let loop: WorkerLoop
    private let sessions: SessionDirectory
    private let port: CompletionPort
    private let handle: SessionHandle

    init(stepsInOneGo: Int) throws {
        sessions = SessionDirectory(clock: clock, seed: 1, limit: 10)
        loop = WorkerLoop(
            driver: driver, clock: clock, sessions: sessions, stepsInOneGo: stepsInOneGo)
        let ports = PortDirectory(clock: clock, seed: 1, onEarlierDeadline: {})
        let name = try #require(PortName("bench"))
        let port = try ports.create(name, settings: PortSettings(), agrees: { _ in true }).port
        try port.reserve(2)
        let configuration = SessionConfiguration(
            uri: "tcp://127.0.0.1:9", transport: "tcp", key: "k")
        let (inbox, now) = (loop.inbox, clock.now())
        handle = try #require(
            sessions.add(isHidden: false) { id in
                SessionHandle(
                    id: id, configuration: configuration,
                    abilities: SessionAbilities(operations: ["read", "write", "transact"]),
                    port: port, worker: inbox, inlineOpen: nil, phase: .opening, at: now)
            })
        self.port = port
        inbox.start(handle, OpenAtOnce())
        turn()
        #expect(entries() == ["open "])
    }

    func submit(_ kind: OperationKind) {
        #expect(throws: Never.self) {
            _ = try handle.submit([OperationRequest(kind: kind)], at: clock.now())
        }
    }

    func turn() { _ = loop.turn(waitingUntil: clock.now()) }

    /// The entries that have come since the last look, with their data.
    func entries() -> [String] {
        take().map { "\($0.kind.rawValue) \(String(decoding: $0.data, as: UTF8.self))" }
    }

    /// The entries that have come since the last look, with how they ended.
    func statuses() -> [String] { take().map { "\($0.kind.rawValue) \($0.status.rawValue)" } }

    private func take() -> [CompletionEntry] {
        final class Nobody: FetchWaiter {
            func finish(with answer: FetchAnswer) {}
        }
        var request = FetchRequest()
        request.mode = .consume
        guard case .answered(let answer)? = try? port.fetch(request, for: Nobody()) else {
            return []
        }
        if let handover = answer.handover { port.confirm(handover) }
        return answer.entries.map(\.entry)
    }
}

/// A driver with one connection: each receive takes one of the pieces in its kernel, a look counts
/// them, and a send takes all, at once unless sends are held.
private final class PliableDriver: IODriver {
    let name = "pliable"
    let wakeup: any DriverWakeup = NoWakeup()
    var kernel: [[UInt8]] = []
    private(set) var sent: [UInt8] = []
    private var receiving: StepToken?
    var holdsSends = false
    private var sending: StepToken?
    private var told: [DriverEvent] = []

    var isReceiving: Bool { receiving != nil }

    func submit(_ step: KernelStep, token: StepToken) -> StepOutcome {
        switch step {
        case .receive where kernel.isEmpty:
            receiving = token
            return .pending
        case .receive:
            return .done(.received(kernel.removeFirst()))
        case .send(_, let bytes, let start):
            sent += bytes[start...]
            if holdsSends {
                sending = token
                return .pending
            }
            return .done(.sent(bytes.count - start))
        case .control(_, .unreadBytes):
            return .done(.control(.number(kernel.reduce(0) { $0 + $1.count })))
        default:
            return .done(.failed(.notSupported))
        }
    }

    func cancel(_ token: StepToken) {}

    func watchHangup(_ slot: DescriptorSlot, session: UInt64) {}

    /// What the next wait tells of the send and the receive that are out.
    func tellNext(_ events: (StepToken, StepToken) -> [DriverEvent]) throws {
        told = events(try #require(sending), try #require(receiving))
        (sending, receiving) = (nil, nil)
    }

    func wait(until deadline: MonotonicInstant?, into events: inout [DriverEvent]) {
        events += told
        told = []
        guard let token = receiving, !kernel.isEmpty else { return }
        receiving = nil
        events.append(.completed(token, .received(kernel.removeFirst())))
    }

    private struct NoWakeup: DriverWakeup {
        func wake() {}
    }
}

/// An opening that has nothing to do.
private struct OpenAtOnce: SessionOpening {
    let isIdle = true

    mutating func start() -> [OpeningMove] {
        [.opened(DescriptorSlot(index: 1, generation: 0), .stream, peer: nil, local: nil)]
    }

    mutating func stepDone(tag: Int, _ result: StepResult) -> [OpeningMove] { [] }

    mutating func timerFired(tag: Int) -> [OpeningMove] { [] }

    mutating func abort() -> [OpeningMove] { [] }
}
