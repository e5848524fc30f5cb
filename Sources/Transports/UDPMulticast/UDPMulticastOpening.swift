import DeviceSessions
import EngineBase
import PortEngine

/// Binds a socket to a multicast group and joins the group on an interface.
struct UDPMulticastOpening: SessionOpening {
    private enum Tag {
        static let open = 0
        static let join = 1
        static let close = 2
    }

    private let group: IPAddress
    private let port: UInt16
    private let interface: String?
    private let options: SocketOptions
    private var stepOut: Int?
    private var hasReported = false
    private var slot: DescriptorSlot?

    init(group: IPAddress, port: UInt16, interface: String?, options: SocketOptions) {
        self.group = group
        self.port = port
        self.interface = interface
        self.options = options
    }

    var isIdle: Bool { stepOut == nil && slot == nil }

    private var address: SocketAddress { SocketAddress(group, port: port) }

    mutating func start() -> [OpeningMove] {
        let family: SocketFamily = if case .v4 = group { .ipv4 } else { .ipv6 }
        return submit(
            Tag.open, .open(.socket(.datagram, family: family, bind: address, options)))
    }

    mutating func stepDone(tag: Int, _ result: StepResult) -> [OpeningMove] {
        stepOut = nil
        switch (tag, result) {
        case (Tag.close, _):
            return []
        case (Tag.open, .opened(let slot)):
            self.slot = slot
            guard !hasReported else { return cleanUp() }
            let join = ControlRequest.membership(isJoin: true, group, interface: interface)
            return submit(Tag.join, .control(slot, join))
        case (_, .failed(let errno)):
            let moves = cleanUp()
            guard !hasReported else { return moves }
            hasReported = true
            return moves + [.failed(EntryError(errno))]
        case (Tag.join, _):
            guard !hasReported, let slot else { return cleanUp() }
            hasReported = true
            self.slot = nil
            return [.opened(slot, .datagram, peer: nil, local: address.text)]
        default:
            preconditionFailure("joining a group gave \(result)")
        }
    }

    mutating func timerFired(tag: Int) -> [OpeningMove] { [] }

    mutating func abort() -> [OpeningMove] {
        hasReported = true
        if let stepOut { return [.cancel(tag: stepOut)] }
        return cleanUp()
    }

    private mutating func cleanUp() -> [OpeningMove] {
        guard let slot else { return [] }
        self.slot = nil
        return submit(Tag.close, .close(slot, reset: false))
    }

    private mutating func submit(_ tag: Int, _ step: KernelStep) -> [OpeningMove] {
        stepOut = tag
        return [.submit(tag: tag, step)]
    }
}
