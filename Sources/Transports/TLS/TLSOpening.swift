import DeviceSessions
import PortEngine
import TLSEngine

/// Opens a TLS connection: reads the files that its options name, connects by TCP, and shakes hands.
///
/// Nothing is made before ``start()``, so that a copy can be started afresh for each attempt.
struct TLSOpening: SessionOpening {
    /// A connection over which hands are shaken.
    private struct Shaking: Sendable {
        let tls: TLSConnection
        let slot: DescriptorSlot
        let peer: String?
        let local: String?
        /// Bytes for the wire, and how many of them are out.
        var outgoing: [UInt8] = []
        var head = 0
        /// What is to be done once they are out.
        var progress = TLSConnection.Progress.needsInput
    }

    /// Tags of its own steps; those below are the TCP opening's.
    private enum Tag {
        static let file = 1 << 40
        static let wire = file + 1
        static let close = file + 2
    }

    private var connecting: TCPOpening
    private var terms: TLSTerms
    private var credentials: TLSCredentials
    private var reading: FileReading
    private var shaking: Shaking?
    private var stepsOut: Set<Int> = []
    private var hasReported = false

    init(connecting: TCPOpening, terms: TLSTerms, credentials: TLSCredentials) {
        self.connecting = connecting
        self.terms = terms
        self.credentials = credentials
        reading = FileReading(credentials.files)
    }

    var isIdle: Bool { stepsOut.isEmpty && connecting.isIdle }

    mutating func start() -> [OpeningMove] { readOn(reading.next()) }

    mutating func stepDone(tag: Int, _ result: StepResult) -> [OpeningMove] {
        guard stepsOut.remove(tag) != nil else {
            return passedOn(connecting.stepDone(tag: tag, result))
        }
        switch tag {
        case Tag.file: return readOn(reading.stepDone(result))
        case Tag.wire: return wireDone(result)
        default: return []
        }
    }

    mutating func timerFired(tag: Int) -> [OpeningMove] {
        passedOn(connecting.timerFired(tag: tag))
    }

    mutating func abort() -> [OpeningMove] {
        hasReported = true
        reading.abandon()
        let own = stepsOut.subtracting([Tag.close]).sorted().map { OpeningMove.cancel(tag: $0) }
        return own + passedOn(connecting.abort())
    }

    // MARK: - Files

    private mutating func readOn(_ progress: FileReading.Progress) -> [OpeningMove] {
        var progress = progress
        while true {
            switch progress {
            case .step(let step):
                return submit(Tag.file, step)
            case .text(let text, let option):
                credentials.setText(text, of: option)
                progress = reading.next()
            case .failed(let error):
                return report(.failed(error))
            case .over:
                guard !hasReported else { return [] }
                if let error = credentials.complete(&terms) { return report(.failed(error)) }
                return passedOn(connecting.start())
            }
        }
    }

    // MARK: - The handshake

    /// Passes on what the TCP opening wants, up to the moment when it is connected.
    private mutating func passedOn(_ moves: [OpeningMove]) -> [OpeningMove] {
        var passed: [OpeningMove] = []
        for move in moves {
            switch move {
            case .opened(let slot, _, let peer, let local):
                let tls = TLSConnection(terms)
                shaking = Shaking(tls: tls, slot: slot, peer: peer, local: local)
                passed += shake([])
            case .failed:
                passed += report(move)
            case .submit, .cancel, .wait, .filter:
                passed.append(move)
            }
        }
        return passed
    }

    /// Goes on with the handshake; `received` is what came from the wire.
    private mutating func shake(_ received: [UInt8]) -> [OpeningMove] {
        guard let tls = shaking?.tls else { return [] }
        let (wire, progress) = tls.handshake(received)
        shaking?.outgoing = wire
        shaking?.head = 0
        shaking?.progress = progress
        return nextMove()
    }

    /// Sends what there is to send, then does what the handshake wants.
    private mutating func nextMove() -> [OpeningMove] {
        guard let shaking else { return [] }
        let isSending = shaking.head < shaking.outgoing.count
        let send = KernelStep.send(shaking.slot, bytes: shaking.outgoing, from: shaking.head)
        switch shaking.progress {
        case .failed(let error):
            // One try to tell the peer why: the session gives up what is under way.
            return (isSending ? submit(Tag.wire, send) : close()) + report(.failed(error))
        case .needsInput, .done:
            if isSending { return submit(Tag.wire, send) }
        }
        guard case .done = shaking.progress else {
            return submit(Tag.wire, .receive(shaking.slot, limit: 16_384))
        }
        self.shaking = nil
        guard !hasReported else { return [] }
        hasReported = true
        return [
            .filter(shaking.tls, shaking.tls.earlyInput()),
            .opened(shaking.slot, .stream, peer: shaking.peer, local: shaking.local),
        ]
    }

    private mutating func wireDone(_ result: StepResult) -> [OpeningMove] {
        guard !hasReported, let shaking else { return close() }
        switch result {
        case .sent(let count):
            self.shaking?.head += count
            return nextMove()
        case .received(let bytes) where bytes.isEmpty:
            return close() + report(.failed(shaking.tls.handshakeCut()))
        case .received(let bytes):
            return shake(bytes)
        case .failed(let errno):
            return close() + report(.failed(EntryError(errno)))
        default:
            preconditionFailure("a handshake's step gave \(result)")
        }
    }

    // MARK: - The end

    private mutating func close() -> [OpeningMove] {
        guard let slot = shaking?.slot else { return [] }
        shaking = nil
        return submit(Tag.close, .close(slot, reset: false))
    }

    private mutating func submit(_ tag: Int, _ step: KernelStep) -> [OpeningMove] {
        stepsOut.insert(tag)
        return [.submit(tag: tag, step)]
    }

    private mutating func report(_ move: OpeningMove) -> [OpeningMove] {
        guard !hasReported else { return [] }
        hasReported = true
        return [move]
    }
}
