import DeviceSessions
import EngineBase
import PortEngine
import Workers

/// One connection of a stream, with a device at its far end that sends frames, perhaps sealed.
final class StreamEnd {
    unowned let shape: FramedShape
    /// Tells connections apart.
    let number: Int
    weak var session: ShapeSession?
    private(set) var source: FrameSource
    /// Where in the device's bytes the next entry begins.
    var position = 0
    /// Plain bytes that the engine knows.
    private(set) var told = 0
    private(set) var isClosed = false
    private(set) var isUsed = false
    /// Whether the engine knows that the stream has ended as it should.
    private(set) var isEndTold = false
    private(set) var hasFinished = false
    private(set) var hasBroken = false
    let isSealed: Bool

    private var inbound: [UInt8] = []
    private var outbound = 0
    private var untoldError: Errno?
    private var toldDecoder = StandInDecoder()
    private var sentDecoder = StandInDecoder()
    private var greeted = 0
    private let room: Int

    init(_ shape: FramedShape, _ number: Int, form: Framing.Form?, isSealed: Bool) {
        self.shape = shape
        self.number = number
        self.isSealed = isSealed
        room = shape.dice.number(in: 8...400)
        source = FrameSource(form, key: shape.dice.bits())
    }

    private var dice: ScriptedDice { shape.dice }
    var hasHungUp: Bool { hasFinished }
    private var isShaken: Bool { !isSealed || greeted == StandInOpening.greeting.count }

    // MARK: The device

    func deviceTakes() { outbound = max(0, outbound - dice.number(in: 1...100)) }

    func deviceSends(upTo limit: Int) {
        guard !hasFinished, isShaken, inbound.count < room else { return }
        let isLong = dice.happens(8)
        var plain = source.make(dice.below(isLong ? 3 * limit : limit + 1))
        guard isSealed else {
            inbound += plain
            return
        }
        while !plain.isEmpty {
            let piece = plain.prefix(dice.number(in: 1...StandInFilter.recordBytes))
            inbound += StandInFilter.record(piece)
            plain = plain.dropFirst(piece.count)
        }
    }

    /// The device ends its stream; one that does not say so cuts a sealed one.
    func deviceFinishes() {
        guard !hasFinished else { return }
        if isSealed && isShaken && dice.happens(60) { inbound += StandInFilter.end }
        hasFinished = true
    }

    func deviceBreaks() {
        guard !hasBroken else { return }
        hasFinished = true
        hasBroken = true
        untoldError = .connectionReset
        outbound = 0
    }

    // MARK: The engine

    var isReadable: Bool { !inbound.isEmpty || hasFinished }

    func isReady(for step: KernelStep) -> Bool {
        switch step {
        case .receive, .poll: isReadable
        case .send: outbound < room || hasBroken
        default: true
        }
    }

    func perform(_ step: KernelStep) throws(Errno) -> StepResult? {
        switch step {
        case .receive(_, let limit):
            isUsed = isUsed || isOpen
            return try receive(limit)
        case .send(_, let bytes, let start):
            isUsed = isUsed || isOpen
            return try send(bytes, start)
        case .poll: return isReadable ? .ready : nil
        case .control(_, .localAddress): return .control(.address(.ipv4(0x7F00_0001, port: 9)))
        case .control(_, .unsentBytes): return .control(.number(outbound))
        case .control(_, .unreadBytes): return .control(.number(inbound.count))
        case .control(_, .readable): return .control(.number(isReadable ? 1 : 0))
        case .shutdownOutput:
            if hasBroken { throw .notConnected }
            return .done
        default: throw .notSupported
        }
    }

    private func receive(_ limit: Int) throws(Errno) -> StepResult? {
        guard !inbound.isEmpty else {
            if let error = untoldError {
                untoldError = nil
                throw error
            }
            return hasFinished ? .received([]) : nil
        }
        let most = dice.happens(shape.run.isQuiet ? 0 : 30) ? dice.number(in: 1...limit) : limit
        let bytes = Array(inbound.prefix(most))
        inbound.removeFirst(bytes.count)
        return .received(bytes)
    }

    private func send(_ bytes: [UInt8], _ start: Int) throws(Errno) -> StepResult? {
        if let error = untoldError {
            untoldError = nil
            inbound = []
            throw error
        }
        if hasBroken { throw .brokenPipe }
        let most =
            dice.happens(shape.run.isQuiet ? 0 : 30)
            ? dice.number(in: 1...bytes.count) : bytes.count
        let count = min(most, bytes.count - start, room - outbound)
        guard count > 0 else { return nil }
        outbound += count
        let wire = Array(bytes[start..<start + count])
        if !isSealed {
            shape.wasSent(wire, of: bytes, from: start, on: self)
        } else if !isShaken {
            greeted += count
            if isShaken { answerGreeting() }
        } else {
            let plain = sentDecoder.take(wire)
            if !plain.isEmpty { shape.wasSent(plain, on: self) }
        }
        return .sent(count)
    }

    private func answerGreeting() {
        switch dice.below(shape.run.isQuiet ? 1 : 20) {
        case 1: break
        case 2: inbound += Array("what".utf8)
        default: inbound += StandInOpening.answer
        }
    }

    func told(_ step: KernelStep, _ result: StepResult) {
        shape.run.trace.say { "    \(session?.id.text ?? "-"): \(step.brief): \(result.brief)" }
        guard case .received(let bytes) = result else { return }
        if bytes.isEmpty {
            // An error that a send met may be told after it.
            if !isSealed { isEndTold = true }
        } else if !isSealed {
            told += bytes.count
        } else if isOpen {
            told += toldDecoder.take(bytes).count
            if toldDecoder.hasEnded { isEndTold = true }
        } else {
            answered += bytes.count
        }
    }

    /// Bytes of the handshake's answer that are told.
    private var answered = 0
    /// Whether what comes and goes is the session's, not its handshake's.
    private var isOpen: Bool { !isSealed || answered >= StandInOpening.answer.count }

    func close(reset: Bool) {
        isClosed = true
        shape.forget(self)
    }
}

extension KernelStep {
    /// What is asked for, for people.
    var brief: String {
        switch self {
        case .receive(_, let limit): "receive \(limit)"
        case .send(_, let bytes, let start): "send \(bytes.count) from \(start)"
        case .control(_, let request): "control \(request)"
        case .shutdownOutput: "shutdownOutput"
        default: "\(self)"
        }
    }
}

extension StepResult {
    /// What it came to, for people.
    var brief: String {
        if case .received(let bytes) = self { return "received \(bytes.count)" }
        if case .message(let bytes, _, _, _) = self { return "message \(bytes.count)" }
        return "\(self)"
    }
}
