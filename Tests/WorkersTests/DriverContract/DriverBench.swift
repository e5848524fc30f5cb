import DeviceSessions
import EngineBase
import LinuxSystem
import Testing
import Workers

/// A driver that the contract is tested on.
struct DriverFactory: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let make: @Sendable () throws -> any IODriver

    static let all: [DriverFactory] = [
        DriverFactory(testDescription: "epoll") {
            let pool = try BlockingPool(name: "test-blocking", threads: 2...8)
            return try EpollDriver(resolver: pool, files: pool, clock: MonotonicClock())
        },
        DriverFactory(testDescription: "uring") {
            let pool = try BlockingPool(name: "test-blocking", threads: 2...8)
            return try UringDriver(resolver: pool, files: pool, clock: MonotonicClock())
        },
    ].filter(\.isAllowedHere)

    /// Some machines and most containers forbid io_uring; that driver is not tested there.
    private var isAllowedHere: Bool {
        do {
            _ = try make()
            return true
        } catch let error as Errno where testDescription == "uring" {
            print("io_uring is refused here (\(error)): its driver is not tested")
            return false
        } catch {
            return true
        }
    }
}

/// Runs steps on a driver, and keeps account of completions.
final class DriverBench {
    struct TimedOut: Error {
        var waitedFor: String
    }

    struct Unexpected: Error {
        var result: String
    }

    let driver: any IODriver
    let clock = MonotonicClock()
    private(set) var pending: Set<StepToken> = []
    private(set) var finished: [StepToken: StepResult] = [:]
    private(set) var hangups: [UInt64] = []
    /// Completions that no pending step was waiting for.
    private(set) var strayCompletions: [StepToken] = []
    private var lastStep: UInt64 = 0

    init(_ factory: DriverFactory) throws { driver = try factory.make() }

    /// Submits a step; its result, at once or later, goes to `finished`.
    @discardableResult
    func start(_ step: KernelStep) -> StepToken {
        lastStep += 1
        let token = StepToken(session: lastStep % 7, step: lastStep)
        switch driver.submit(step, token: token) {
        case .done(let result): finished[token] = result
        case .pending: pending.insert(token)
        }
        return token
    }

    /// One wait of the driver; the number of events it gave.
    @discardableResult
    func turn(milliseconds: Int) -> Int {
        var events: [DriverEvent] = []
        driver.wait(until: clock.now().advanced(milliseconds: milliseconds), into: &events)
        for event in events {
            switch event {
            case .completed(let token, let result):
                if pending.remove(token) == nil { strayCompletions.append(token) }
                finished[token] = result
            case .hangup(let session):
                hangups.append(session)
            }
        }
        return events.count
    }

    /// Turns until `isDone`, for 10 seconds at most.
    func turn(until what: String, _ isDone: () -> Bool) throws {
        let deadline = clock.now().advanced(milliseconds: 10_000)
        while !isDone() {
            guard clock.now() < deadline else { throw TimedOut(waitedFor: what) }
            turn(milliseconds: 1000)
        }
    }

    func finish(_ token: StepToken) throws -> StepResult {
        try turn(until: "completion of step \(token.step)") { finished[token] != nil }
        guard let result = finished[token] else { throw TimedOut(waitedFor: "a result") }
        return result
    }

    func run(_ step: KernelStep) throws -> StepResult { try finish(start(step)) }

    func isPending(_ token: StepToken) -> Bool { pending.contains(token) }
}

/// What most tests begin with.
extension DriverBench {
    static let loopback: UInt32 = 0x7f00_0001

    func open(_ request: OpenRequest) throws -> DescriptorSlot { try run(.open(request)).slot }

    func tcpSocket() throws -> DescriptorSlot {
        try open(.socket(.stream, family: .ipv4, bind: nil, SocketOptions()))
    }

    /// A TCP listener on a free port, and its address.
    func tcpListener(backlog: Int = 128) throws -> (DescriptorSlot, SocketAddress) {
        let slot = try open(.listener(.ipv4(DriverBench.loopback, port: 0), backlog: backlog))
        return (slot, try localAddress(slot))
    }

    func localAddress(_ slot: DescriptorSlot) throws -> SocketAddress {
        let result = try run(.control(slot, .localAddress))
        guard case .control(.address(let address)) = result else {
            throw Unexpected(result: "\(result)")
        }
        return address
    }

    /// Two ends of a TCP connection.
    func tcpPair() throws -> (DescriptorSlot, DescriptorSlot) {
        let (listener, address) = try tcpListener()
        let pair = try connectedPair(tcpSocket(), listener, address)
        _ = try run(.close(listener, reset: false))
        return pair
    }

    func connectedPair(
        _ client: DescriptorSlot,
        _ listener: DescriptorSlot,
        _ address: SocketAddress
    ) throws -> (DescriptorSlot, DescriptorSlot) {
        let connecting = start(.connect(client, address))
        let accepted = try run(.accept(listener, SocketOptions())).slot
        let result = try finish(connecting)
        guard case .connected = result else { throw Unexpected(result: "\(result)") }
        return (client, accepted)
    }

    /// Receives until `count` bytes are there or the end is.
    func receiveAll(_ slot: DescriptorSlot, count: Int = .max) throws -> [UInt8] {
        var all: [UInt8] = []
        while all.count < count {
            let part = try run(.receive(slot, limit: min(65_536, count - all.count))).bytes
            if part.isEmpty { break }
            all += part
        }
        return all
    }
}

/// The value a test expects, or an error that shows what came instead.
extension StepResult {
    var slot: DescriptorSlot {
        get throws {
            switch self {
            case .opened(let slot), .accepted(let slot, _): return slot
            default: throw DriverBench.Unexpected(result: "\(self)")
            }
        }
    }

    var bytes: [UInt8] {
        get throws {
            guard case .received(let bytes) = self else {
                throw DriverBench.Unexpected(result: "\(self)")
            }
            return bytes
        }
    }

    var count: Int {
        get throws {
            guard case .sent(let count) = self else {
                throw DriverBench.Unexpected(result: "\(self)")
            }
            return count
        }
    }

    /// The kernel's error, `nil` for any other result.
    var failure: Errno? {
        if case .failed(let error) = self { error } else { nil }
    }

    var isConnected: Bool {
        if case .connected = self { true } else { false }
    }

    var isDone: Bool {
        if case .done = self { true } else { false }
    }

    var isReady: Bool {
        if case .ready = self { true } else { false }
    }
}
