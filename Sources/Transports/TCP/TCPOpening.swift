import DeviceSessions
import PortEngine

/// Opens a TCP connection: resolves the name, then tries the allowed addresses until one connects.
///
/// A socket of datagrams connects in the same way, only at once.
///
/// Families take turns, 250 ms apart or at once after a failure.
struct TCPOpening: SessionOpening {
    private enum Attempt {
        case making(SocketAddress)
        case connecting(DescriptorSlot, SocketAddress)
        /// Connected: the socket's own address is asked for.
        case naming(DescriptorSlot, SocketAddress)
        case closing
    }

    private static let resolveTag = -1
    private static let millisecondsBetweenAttempts = 250

    private let target: NetworkTarget
    private let policy: TargetPolicy
    private let bind: SocketAddress?
    private let options: SocketOptions
    private let kind: SocketKind
    private let shape: SessionShape
    private var candidates: ArraySlice<SocketAddress> = []
    private var attempts: [Int: Attempt] = [:]
    private var nextTag = 0
    /// The timer of the next attempt; those before it have been overtaken by a failure.
    private var timerTag = TCPOpening.resolveTag
    private var isResolving = false
    private var hasReported = false

    init(
        target: NetworkTarget, policy: TargetPolicy, bind: SocketAddress?, options: SocketOptions,
        kind: SocketKind = .stream, shape: SessionShape = .stream
    ) {
        self.target = target
        self.policy = policy
        self.bind = bind
        self.options = options
        self.kind = kind
        self.shape = shape
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
            attempts[tag] = .naming(slot, address)
            return [.submit(tag: tag, .control(slot, .localAddress))]
        case (.naming(let slot, let address), _):
            return connected(slot, to: address, tag: tag, result)
        case (.connecting(let slot, _), .failed(let errno)):
            return close(slot, tag: tag) + failed(EntryError(errno))
        case (.making, .failed(let errno)):
            return failed(EntryError(errno))
        default:
            preconditionFailure("an attempt to connect gave \(result)")
        }
    }

    mutating func timerFired(tag: Int) -> [OpeningMove] {
        tag == timerTag && !hasReported ? tryNext() : []
    }

    mutating func abort() -> [OpeningMove] {
        hasReported = true
        return isResolving ? [.cancel(tag: TCPOpening.resolveTag)] : cancelled()
    }

    /// Asks for every attempt to end, oldest first.
    private func cancelled() -> [OpeningMove] {
        attempts.keys.sorted().compactMap { tag in
            if case .closing = attempts[tag] { nil } else { .cancel(tag: tag) }
        }
    }

    private mutating func resolved(_ result: StepResult) -> [OpeningMove] {
        guard !hasReported else { return [] }
        switch result {
        case .addresses(let addresses):
            let admitted = target.admitted(addresses, by: policy).compactMap { candidate in
                switch candidate.ipAddress {
                case .v4(let bits) where bits != 0: SocketAddress(.v4(bits), port: target.port)
                case .v6(let high, let low) where high | low != 0: candidate
                case .v4, .v6, nil: nil
                }
            }
            guard !admitted.isEmpty else { return failed(.targetDenied) }
            candidates = TCPOpening.alternating(usable(admitted))[...]
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
        let family: SocketFamily = TCPOpening.isV4(address) ? .ipv4 : .ipv6
        var moves: [OpeningMove] = [
            .submit(tag: tag, .open(.socket(kind, family: family, bind: bind, options)))
        ]
        if !candidates.isEmpty {
            timerTag -= 1
            moves.append(
                .wait(tag: timerTag, milliseconds: TCPOpening.millisecondsBetweenAttempts))
        }
        return moves
    }

    /// The first connection wins; the others are given up.
    private mutating func connected(
        _ slot: DescriptorSlot, to peer: SocketAddress, tag: Int, _ result: StepResult
    ) -> [OpeningMove] {
        guard !hasReported else { return close(slot, tag: tag) }
        hasReported = true
        var local: String?
        if case .control(.address(let own)) = result { local = own.text }
        return [.opened(slot, shape, peer: peer.text, local: local)] + cancelled()
    }

    private mutating func failed(_ error: EntryError) -> [OpeningMove] {
        guard !hasReported else { return [] }
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

    /// Those that can be reached from the address to bind to; all, if none can, so that the kernel
    /// says what is wrong.
    private func usable(_ addresses: [SocketAddress]) -> [SocketAddress] {
        guard let bind else { return addresses }
        let sameFamily = addresses.filter { TCPOpening.isV4($0) == TCPOpening.isV4(bind) }
        return sameFamily.isEmpty ? addresses : sameFamily
    }

    private static func isV4(_ address: SocketAddress) -> Bool {
        if case .ipv4 = address { true } else { false }
    }

    /// The resolver's order, but with families taking turns.
    private static func alternating(_ addresses: [SocketAddress]) -> [SocketAddress] {
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
