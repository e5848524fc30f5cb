import DeviceSessions
import EngineBase
import PortEngine
import Testing

@testable import Transports

/// An opening without a session: its steps are answered as a test says, every descriptor that is
/// given to it is followed until it is closed or handed over.
struct OpeningBench {
    var opening: any SessionOpening
    /// Steps that are out, by tag, oldest first.
    private(set) var steps: [(tag: Int, step: KernelStep)] = []
    private(set) var cancelled: Set<Int> = []
    /// Timers that were asked for and have not fired: tag and moment.
    private(set) var timers: [(tag: Int, at: Int)] = []
    private(set) var now = 0
    /// What was reported: at most one.
    private(set) var opened:
        (slot: DescriptorSlot, shape: SessionShape, peer: String?, local: String?)?
    private(set) var failure: EntryError?
    private(set) var hasFilter = false
    private(set) var openDescriptors: Set<DescriptorSlot> = []
    private var hasAborted = false
    private var nextSlot: UInt32 = 1

    init(_ opening: any SessionOpening) {
        self.opening = opening
        let moves = self.opening.start()
        take(moves)
    }

    /// An opening that a registry plans.
    init(_ uri: String, _ rules: [String], _ options: TransportOptions = TransportOptions()) throws
    {
        let policy = TargetPolicy(try rules.map { try TargetRule($0) })
        self.init(try TransportRegistry.plan(uri, options, policy).1.opening)
    }

    var isOver: Bool { opened != nil || failure != nil }

    /// What the steps that are out do.
    var stepNames: [String] {
        steps.map { OpeningBench.name($0.step) + (cancelled.contains($0.tag) ? " cancelled" : "") }
    }

    /// Answers the oldest step of that name.
    mutating func answer(
        _ name: String, _ result: StepResult, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        guard let index = steps.firstIndex(where: { OpeningBench.name($0.step) == name }) else {
            Issue.record("no \(name) is out, but \(stepNames)", sourceLocation: sourceLocation)
            return
        }
        answer(at: index, result)
    }

    mutating func answer(at index: Int, _ result: StepResult) {
        let (tag, step) = steps.remove(at: index)
        cancelled.remove(tag)
        if case .close(let slot, _) = step { openDescriptors.remove(slot) }
        take(opening.stepDone(tag: tag, result))
    }

    /// Answers the oldest open with a new descriptor.
    mutating func opens(sourceLocation: SourceLocation = #_sourceLocation) {
        guard let step = steps.first(where: { OpeningBench.name($0.step).hasPrefix("open") }) else {
            Issue.record("no open is out, but \(stepNames)", sourceLocation: sourceLocation)
            return
        }
        answer(OpeningBench.name(step.step), .opened(newSlot()), sourceLocation: sourceLocation)
    }

    mutating func newSlot() -> DescriptorSlot {
        let slot = DescriptorSlot(index: nextSlot, generation: 0)
        nextSlot += 1
        openDescriptors.insert(slot)
        return slot
    }

    /// Answers closes until none is out.
    mutating func closes() {
        while let index = steps.firstIndex(where: { OpeningBench.name($0.step) == "close" }) {
            answer(at: index, .done)
        }
    }

    mutating func pass(_ milliseconds: Int) {
        let end = now + milliseconds
        while let index = timers.indices.min(by: { timers[$0].at < timers[$1].at }),
            timers[index].at <= end
        {
            let timer = timers.remove(at: index)
            now = max(now, timer.at)
            take(opening.timerFired(tag: timer.tag))
        }
        now = end
    }

    mutating func abort() {
        hasAborted = true
        take(opening.abort())
    }

    private mutating func take(_ moves: [OpeningMove]) {
        for move in moves {
            switch move {
            case .submit(let tag, let step):
                #expect(!steps.contains { $0.tag == tag }, "tag \(tag) is out twice")
                if case .close(let slot, _) = step {
                    #expect(openDescriptors.contains(slot), "closed twice")
                    #expect(!isInUse(slot), "closed with a step out")
                }
                steps.append((tag, step))
            case .cancel(let tag):
                #expect(steps.contains { $0.tag == tag }, "cancelled what is not out")
                cancelled.insert(tag)
            case .wait(let tag, let milliseconds):
                timers.append((tag, now + milliseconds))
            case .filter:
                #expect(!isOver && !hasAborted, "a filter after the end")
                hasFilter = true
            case .opened(let slot, let shape, let peer, let local):
                #expect(!isOver && !hasAborted, "told twice, or after it was given up")
                #expect(openDescriptors.remove(slot) != nil)
                #expect(!isInUse(slot), "handed over with a step out")
                opened = (slot, shape, peer, local)
            case .failed(let error):
                #expect(!isOver && !hasAborted, "told twice, or after it was given up")
                failure = error
            }
        }
    }

    private func isInUse(_ slot: DescriptorSlot) -> Bool {
        steps.contains { entry in
            switch entry.step {
            case .connect(slot, _), .connect(_, .unixHandle(slot)), .control(slot, _),
                .send(slot, _, _), .receive(slot, _), .readAt(slot, _, _), .close(slot, _):
                true
            default: false
            }
        }
    }

    static func name(_ step: KernelStep) -> String {
        switch step {
        case .resolve(let host, let port): "resolve \(host):\(port)"
        case .open(.socket(_, let family, _, _)): "open \(family)"
        case .open(.listener(let address, let backlog)): "open \(address.text ?? "?") \(backlog)"
        case .open(.unixListener(_, let target, let mode, _)):
            "open \(target.directory)|\(target.relative) \(String(mode, radix: 8))"
        case .open(.unixTarget(let target)): "open \(target.directory)|\(target.relative)"
        case .connect(_, let address): "connect" + (address.text.map { " \($0)" } ?? "")
        case .open(.terminal(let target, let settings, _)):
            "open \(target.directory)|\(target.relative) \(settings.baud)"
        case .control(_, .terminal(.sample)): "look"
        case .open(.file(let target, let access)):
            "open \(target.directory)|\(target.relative) "
                + "\(access.reads ? "r" : "")\(access.writes ? "w" : "")"
                + "\(access.appends ? "a" : "")\(access.creates ? "c" : "")"
        case .control(_, .fileIdentity): "identity"
        case .control(_, .localAddress): "name"
        case .close: "close"
        case .send: "send"
        case .receive: "receive"
        case .readAt(_, let offset, _): "read \(offset)"
        default: "?"
        }
    }
}

extension SocketAddress {
    /// `address` with port 80.
    static func at(_ address: String) -> SocketAddress {
        SocketAddress(IPAddress(address) ?? .v4(0), port: 80)
    }
}
