import DeviceSessions
import PortEngine

/// Opens a socket bound to the first allowed address of its host, and asks for the port that it
/// got: a listening TCP socket, or one for datagrams.
struct TCPListenOpening: SessionOpening {
    private enum Tag {
        static let resolve = 0
        static let open = 1
        static let address = 2
        static let close = 3
    }

    private let target: NetworkTarget
    private let policy: TargetPolicy
    private let shape: SessionShape
    private let request: @Sendable (SocketAddress) -> OpenRequest
    private var stepsOut: Set<Int> = []
    private var hasReported = false
    private var slot: DescriptorSlot?

    init(target: NetworkTarget, policy: TargetPolicy, backlog: Int) {
        self.init(target: target, policy: policy, shape: .listener) { address in
            .listener(address, backlog: backlog)
        }
    }

    /// An opening whose socket `request` says for the address that was chosen.
    init(
        target: NetworkTarget, policy: TargetPolicy, shape: SessionShape,
        _ request: @escaping @Sendable (SocketAddress) -> OpenRequest
    ) {
        self.target = target
        self.policy = policy
        self.shape = shape
        self.request = request
    }

    var isIdle: Bool { stepsOut.isEmpty }

    mutating func start() -> [OpeningMove] {
        switch target.host {
        case .literal(let address):
            return listen(on: SocketAddress(address, port: target.port))
        case .name(let name):
            return submit(Tag.resolve, .resolve(host: name, port: target.port))
        }
    }

    mutating func stepDone(tag: Int, _ result: StepResult) -> [OpeningMove] {
        stepsOut.remove(tag)
        switch (tag, result) {
        case (Tag.close, _):
            return []
        case (Tag.resolve, .addresses(let addresses)):
            guard !hasReported else { return [] }
            guard let address = target.admitted(addresses, by: policy).first else {
                return report(.failed(.targetDenied))
            }
            return listen(on: address)
        case (Tag.resolve, .unresolved(let words)):
            return report(.failed(.nameNotResolved(words)))
        case (Tag.open, .opened(let slot)):
            guard !hasReported else { return submit(Tag.close, .close(slot, reset: false)) }
            self.slot = slot
            return submit(Tag.address, .control(slot, .localAddress))
        case (Tag.address, let result):
            guard let slot else { return [] }
            guard !hasReported else { return submit(Tag.close, .close(slot, reset: false)) }
            var local: String?
            if case .control(.address(let address)) = result { local = address.text }
            return report(.opened(slot, shape, peer: nil, local: local))
        case (_, .failed(let errno)):
            return report(.failed(EntryError(errno)))
        default:
            preconditionFailure("opening a listener gave \(result)")
        }
    }

    mutating func timerFired(tag: Int) -> [OpeningMove] { [] }

    mutating func abort() -> [OpeningMove] {
        hasReported = true
        return stepsOut.sorted().map { .cancel(tag: $0) }
    }

    private mutating func listen(on address: SocketAddress) -> [OpeningMove] {
        submit(Tag.open, .open(request(address)))
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
