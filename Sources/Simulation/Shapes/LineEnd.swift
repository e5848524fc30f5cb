import DeviceSessions
import EngineBase
import PortEngine
import Workers

/// A serial line with a device at its far end.
final class LineEnd: ScriptedDevice {
    private unowned let shape: LineShape
    weak var session: ShapeSession?
    /// Every byte that the engine was told.
    private(set) var told: [UInt8] = []
    /// Where among them the next entry begins.
    var position = 0
    /// Bytes that a purge has thrown away and whose entry is yet to tell it.
    private var purged = 0
    /// How much of each operation went out.
    private(set) var sent: [UInt64: Int] = [:]
    /// How often each event has happened, less how often a wait has told it.
    private var untoldEvents: [String: Int] = [:]
    private(set) var isClosed = false
    private(set) var hasHungUp = false
    private var inbound: [UInt8] = []
    private var made: UInt64 = 0
    private var outbound = 0
    private var signals: LineEvents?
    private var counts: LineCounts?
    private var settings = LineSettings()
    private var isBreaking = false
    private let room: Int

    init(_ shape: LineShape) {
        self.shape = shape
        room = shape.dice.number(in: 8...300)
        if shape.dice.happens(70) { signals = [] }
        if shape.dice.happens(60) { counts = LineCounts() }
    }

    private var dice: ScriptedDice { shape.dice }

    // MARK: The device

    func deviceTakes() { outbound = max(0, outbound - dice.number(in: 1...100)) }

    func deviceSends() {
        guard !hasHungUp, inbound.count < room else { return }
        for _ in 0..<dice.number(in: 1...30) {
            made += 1
            inbound.append(UInt8(truncatingIfNeeded: scramble(made &* 7 &+ UInt64(room))))
        }
    }

    /// Takes the bytes of an entry; says whether they are the next ones.
    ///
    /// A purge throws bytes away at once, but ends when the kernel has thrown away its own.
    func take(_ data: [UInt8], whilePurging isPurging: Bool) -> Bool {
        for skipped in 0...(isPurging ? told.count - position : 0) {
            let start = position + skipped
            guard told.dropFirst(start).prefix(data.count).elementsEqual(data) else { continue }
            position = start + data.count
            purged += skipped
            return true
        }
        return false
    }

    /// A purge tells how much it has thrown away.
    func tellPurged(_ count: Int) {
        let known = min(count, purged)
        purged -= known
        position += count - known
    }

    func deviceHangsUp() { hasHungUp = true }

    /// A signal changes, or something is counted.
    func deviceSignals() {
        guard !hasHungUp else { return }
        if let before = signals, dice.happens(60) {
            let signal = dice.pick([LineEvents.cts, .dsr, .rlsd, .ring]) ?? .cts
            signals = before.symmetricDifference(signal)
            happened(signal)
            if signal == .cts { counts?.cts += 1 }
        } else if counts != nil {
            let isBreak = dice.happens(50)
            if isBreak { counts?.breaks += 1 } else { counts?.errors += 1 }
            happened(isBreak ? .breakSignal : .error)
        }
    }

    private func happened(_ events: LineEvents) {
        for name in events.names { untoldEvents[name, default: 0] += 1 }
    }

    /// A wait tells events; gives those that have not happened as often as they were told.
    func tell(_ events: LineEvents) -> [String] {
        for name in events.names { untoldEvents[name, default: 0] -= 1 }
        return events.names.filter { untoldEvents[$0, default: 0] < 0 }
    }

    // MARK: The engine

    var isReadable: Bool { !inbound.isEmpty || hasHungUp }

    func isReady(for step: KernelStep) -> Bool {
        switch step {
        case .receive, .poll: isReadable
        case .send: outbound < room || hasHungUp
        default: true
        }
    }

    func perform(_ step: KernelStep) throws(Errno) -> StepResult? {
        switch step {
        case .receive(_, let limit): return try receive(limit)
        case .send(_, let bytes, let start): return try send(bytes, start)
        case .poll: return isReadable ? .ready : nil
        case .control(_, .unsentBytes): return .control(.number(outbound))
        case .control(_, .unreadBytes): return .control(.number(inbound.count))
        case .control(_, .readable): return .control(.number(isReadable ? 1 : 0))
        case .control(_, .terminal(let request)): return try control(request)
        default: throw .notSupported
        }
    }

    private func receive(_ limit: Int) throws(Errno) -> StepResult? {
        guard !inbound.isEmpty else {
            if hasHungUp && dice.happens(50) { throw .inputOutput }
            return hasHungUp ? .received([]) : nil
        }
        let isShort = !shape.run.isQuiet && dice.happens(30)
        let bytes = Array(inbound.prefix(isShort ? dice.number(in: 1...limit) : limit))
        inbound.removeFirst(bytes.count)
        return .received(bytes)
    }

    private func send(_ bytes: [UInt8], _ start: Int) throws(Errno) -> StepResult? {
        if hasHungUp { throw .inputOutput }
        let isShort = !shape.run.isQuiet && dice.happens(30)
        let most = isShort ? dice.number(in: 1...bytes.count) : bytes.count
        let count = min(most, bytes.count - start, room - outbound)
        guard count > 0 else { return nil }
        shape.run.expect(!isBreaking, "bytes are sent during a break")
        outbound += count
        note(bytes, start, count)
        return .sent(count)
    }

    private func note(_ bytes: [UInt8], _ start: Int, _ count: Int) {
        guard let session,
            let operation = session.pending.first(where: { $0.kind.payload == bytes })
        else { return shape.run.fail("bytes that no operation wants sent") }
        shape.run.expect(
            sent[operation.number] ?? 0 == start,
            "\(shape.run.words(operation, session)): sent from \(start)")
        sent[operation.number] = start + count
    }

    private func control(_ request: TerminalRequest) throws(Errno) -> StepResult {
        if hasHungUp && request != .sample { throw .inputOutput }
        switch request {
        case .settings: return .control(.line(settings))
        case .change(let change):
            shape.run.expect(
                outbound == 0, "the line is changed before all that was written is out")
            settings = change.applied(to: settings)
            return .control(.line(settings))
        case .sample: return .control(.sample(LineSample(signals: signals, counts: counts)))
        case .startBreak:
            shape.run.expect(outbound == 0, "a break begins before all that was written is out")
            isBreaking = true
        case .endBreak: isBreaking = false
        case .purge(let input, let output):
            if input { inbound = [] }
            if output { outbound = 0 }
        case .modem, .drain: break
        case .raw: throw .notSupported
        }
        return .done
    }

    func told(_ step: KernelStep, _ result: StepResult) {
        guard case .received(let bytes) = result else { return }
        told += bytes
        if !bytes.isEmpty { happened(.rxChar) }
    }

    func close(reset: Bool) {
        isClosed = true
        shape.run.expect(!isBreaking || hasHungUp, "closed during a break")
        shape.forget(self)
    }
}
