import DeviceSessions
import PortEngine

/// Opens a TCP connection: resolves the name, then tries the allowed addresses, families
/// alternating, 250 ms apart or at once after a failure. The first to connect wins.
struct TCPOpening: SessionOpening {
    private enum Attempt {
        case making(SocketAddress)
        case connecting(DescriptorSlot, SocketAddress)
        case closing
    }

    private static let resolveTag = -1
    private static let nextAttemptTag = -2
    private static let millisecondsBetweenAttempts = 250

    private let target: NetworkTarget
    private let policy: TargetPolicy
    private let bind: SocketAddress?
    private let options: SocketOptions
    private var candidates: ArraySlice<SocketAddress> = []
    private var attempts: [Int: Attempt] = [:]
    private var nextTag = 0
    private var isResolving = false
    private var hasReported = false
    private var lastError: EntryError?

    init(target: NetworkTarget, policy: TargetPolicy, bind: SocketAddress?, options: SocketOptions) {
        self.target = target
        self.policy = policy
        self.bind = bind
        self.options = options
    }

    var isIdle: Bool { attempts.isEmpty && !isResolving }

    mutating func start() -> [OpeningMove] {
        switch target.host {
        case .literal(let address):
            candidates = [SocketAddress(address, port: target.port)]
            return tryNext()
        case .name(let name):
            isResolving = true
            return [.submit(tag: TCPOpening.resolveTag, .resolve(host: name, port: target.port))]
        }
    }

    mutating func stepDone(tag: Int, _ result: StepResult) -> [OpeningMove] {
        if tag == TCPOpening.resolveTag {
            isResolving = false
            return resolved(result)
        }
        guard let attempt = attempts.removeValue(forKey: tag) else { return [] }
        switch (attempt, result) {
        case (.closing, _):
            return []
        case (.making(let address), .opened(let slot)):
            guard !hasReported else { return close(slot, tag: tag) }
            attempts[tag] = .connecting(slot, address)
            return [.submit(tag: tag, .connect(slot, address))]
        case (.connecting(let slot, let address), .connected):
            guard !hasReported else { return close(slot, tag: tag) }
            hasReported = true
            return [.opened(slot, .stream, peer: address.text, local: nil)]
                + attempts.keys.map { .cancel(tag: $0) }
        case (.connecting(let slot, _), .failed(let errno)):
            return close(slot, tag: tag) + failed(EntryError(errno))
        case (.making, .failed(let errno)):
            return failed(EntryError(errno))
        default:
            preconditionFailure("an attempt to connect gave \(result)")
        }
    }

    mutating func timerFired(tag: Int) -> [OpeningMove] {
        tag == TCPOpening.nextAttemptTag && !hasReported && !candidates.isEmpty ? tryNext() : []
    }

    mutating func abort() -> [OpeningMove] {
        hasReported = true
        var moves = attempts.keys.map { OpeningMove.cancel(tag: $0) }
        if isResolving { moves.append(.cancel(tag: TCPOpening.resolveTag)) }
        return moves
    }

    private mutating func resolved(_ result: StepResult) -> [OpeningMove] {
        guard !hasReported else { return [] }
        switch result {
        case .addresses(let addresses):
            let admitted = target.admitted(addresses, by: policy).filter {
                $0.ipAddress.map { !$0.isUnspecified } ?? false
            }
            guard !admitted.isEmpty else {
                lastError = .targetDenied
                return failed(.targetDenied)
            }
            candidates = TCPOpening.alternating(admitted)[...]
            return tryNext()
        case .unresolved(let words):
            return failed(.nameNotResolved(words))
        case .failed(let errno):
            return failed(EntryError(errno))
        default:
            preconditionFailure("a look-up gave \(result)")
        }
    }

    private mutating func tryNext() -> [OpeningMove] {
        guard let address = candidates.popFirst() else { return [] }
        let tag = nextTag
        nextTag += 1
        attempts[tag] = .making(address)
        let family: SocketFamily = if case .ipv4 = address { .ipv4 } else { .ipv6 }
        var moves: [OpeningMove] = [
            .submit(tag: tag, .open(.socket(.stream, family: family, bind: bind, options)))
        ]
        if !candidates.isEmpty {
            moves.append(
                .wait(
                    tag: TCPOpening.nextAttemptTag,
                    milliseconds: TCPOpening.millisecondsBetweenAttempts))
        }
        return moves
    }

    private mutating func failed(_ error: EntryError) -> [OpeningMove] {
        guard !hasReported else { return [] }
        lastError = error
        if !candidates.isEmpty { return tryNext() }
        let isStillTrying = attempts.values.contains { attempt in
            if case .closing = attempt { false } else { true }
        }
        guard !isStillTrying else { return [] }
        hasReported = true
        return [.failed(error)]
    }

    private mutating func close(_ slot: DescriptorSlot, tag: Int) -> [OpeningMove] {
        attempts[tag] = .closing
        return [.submit(tag: tag, .close(slot, reset: false))]
    }

    /// The resolver's order, but with families taking turns.
    private static func alternating(_ addresses: [SocketAddress]) -> [SocketAddress] {
        func isV4(_ address: SocketAddress) -> Bool {
            if case .ipv4 = address { true } else { false }
        }
        guard let first = addresses.first else { return [] }
        let leading = addresses.filter { isV4($0) == isV4(first) }
        let other = addresses.filter { isV4($0) != isV4(first) }
        var mixed: [SocketAddress] = []
        for index in 0..<max(leading.count, other.count) {
            if index < leading.count { mixed.append(leading[index]) }
            if index < other.count { mixed.append(other[index]) }
        }
        return mixed
    }
}
