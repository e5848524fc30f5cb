public import DeviceSessions
public import EngineBase

/// A driver whose kernel is a script: seeded dice decide what is done at once, what is late, what is
/// short, and whether a cancel comes in time.
///
/// It holds the engine to the driver's contract: a second step in one direction of a descriptor, a
/// step on a closed one, a close with steps out are told to the network as broken contract.
public final class ScriptedDriver: IODriver {
    /// A step that is out.
    private struct PendingStep {
        let token: StepToken
        let step: KernelStep
        /// What became of it, until that is told.
        var result: StepResult?
    }

    /// `scripted`.
    public let name = "scripted"
    /// Its moods; a simulation may change them at any time.
    public var moods = ScriptedMoods()

    private let dice: ScriptedDice
    private let network: any ScriptedNetwork
    private let wakeupSource = ScriptedWakeup()
    private var table = ScriptedTable()
    private var pending: [PendingStep] = []

    /// A driver over `network`.
    public init(network: any ScriptedNetwork, dice: ScriptedDice) {
        self.network = network
        self.dice = dice
    }

    /// How many descriptors are open.
    public var openDescriptors: Int { table.count }

    /// How many steps are out.
    public var pendingSteps: Int { pending.count }

    /// Whether a wait would do something now, moods apart.
    public var hasWork: Bool {
        wakeupSource.isWoken || pending.contains { $0.result != nil || canBeDone($0.step) }
    }

    /// Ends ``wait(until:into:)``, which never blocks.
    public var wakeup: any DriverWakeup { wakeupSource }

    // MARK: - Steps

    /// Does a step at once, or keeps it, as the dice fall.
    public func submit(_ step: KernelStep, token: StepToken) -> StepOutcome {
        network.driverWasCalled()
        if let refusal = claim(step, token) { return .done(refusal) }
        device(of: step)?.submitted(step)
        if !step.isAlwaysPending, !dice.happens(moods.late), let result = perform(step) {
            release(step)
            told(step, result)
            return .done(result)
        }
        pending.append(PendingStep(token: token, step: step, result: nil))
        return .pending
    }

    /// Ends a pending step, perhaps too late.
    public func cancel(_ token: StepToken) {
        network.driverWasCalled()
        guard let index = pending.firstIndex(where: { $0.token == token }),
            pending[index].result == nil, canBeCancelled(pending[index].step)
        else { return }
        if dice.happens(moods.lateCancel), let result = perform(pending[index].step) {
            pending[index].result = result
        } else {
            pending[index].result = .failed(.cancelled)
        }
    }

    /// Tells once when the device is gone and no receive is out to tell it.
    public func watchHangup(_ slot: DescriptorSlot, session: UInt64) {
        table[slot]?.hangupWatcher = session
    }

    /// Does what can be done, and tells what was done; never blocks.
    public func wait(until deadline: MonotonicInstant?, into events: inout [DriverEvent]) {
        network.driverWasCalled()
        wakeupSource.acknowledge()
        for index in pending.indices where pending[index].result == nil {
            guard !dice.happens(moods.idle) else { continue }
            pending[index].result = perform(pending[index].step)
        }
        var finished: [PendingStep] = []
        pending.removeAll { step in
            guard step.result != nil, !dice.happens(moods.untold) else { return false }
            finished.append(step)
            return true
        }
        // Completions come in no particular order.
        if moods.untold > 0 && dice.happens(50) { finished.reverse() }
        for step in finished {
            guard let result = step.result else { continue }
            release(step.step)
            told(step.step, result)
            events.append(.completed(step.token, result))
        }
        tellHangups(into: &events)
    }

    private func tellHangups(into events: inout [DriverEvent]) {
        for record in table.all {
            guard let session = record.hangupWatcher, record.input == nil, record.hasHungUp
            else { continue }
            record.hangupWatcher = nil
            events.append(.hangup(session: session))
        }
    }

    // MARK: - The contract

    /// Takes note that a step is out; gives what it is refused with.
    private func claim(_ step: KernelStep, _ token: StepToken) -> StepResult? {
        if pending.contains(where: { $0.token == token }) {
            network.contractBroken("token \(token) is used twice")
        }
        guard let slot = step.slot else { return nil }
        guard let record = table[slot], !record.isClosing else {
            network.contractBroken("\(step.words) on a descriptor that is not open")
            return .failed(.badDescriptor)
        }
        switch step {
        case .connect(_, .unixHandle(let handle)) where table[handle] == nil:
            network.contractBroken("a connect through a handle that is not open")
            return .failed(.badDescriptor)
        case .connect, .accept, .receive, .receiveMessage, .poll:
            guard record.input == nil else {
                network.contractBroken("\(step.words) while another step waits for input")
                return .failed(.busy)
            }
            record.input = token
        case .send, .sendMessage:
            guard record.output == nil else {
                network.contractBroken("\(step.words) while another one is out")
                return .failed(.busy)
            }
            record.output = token
            if case .send(_, _, let start) = step, let connection = record.connection {
                network.sendBegins(from: start, on: connection)
            }
        case .close:
            guard !record.isBusy else {
                network.contractBroken("a close while a step is out")
                return .failed(.busy)
            }
            record.isClosing = true
        default:
            record.others += 1
        }
        return nil
    }

    /// Takes note that a step is no longer out.
    private func release(_ step: KernelStep) {
        guard let slot = step.slot, let record = table[slot] else { return }
        switch step {
        case .connect, .accept, .receive, .receiveMessage, .poll: record.input = nil
        case .send, .sendMessage: record.output = nil
        case .close: break
        default: record.others -= 1
        }
    }

    private func told(_ step: KernelStep, _ result: StepResult) {
        guard let slot = step.slot else { return }
        table[slot]?.device?.told(step, result)
        guard let connection = table[slot]?.connection else { return }
        switch (step, result) {
        case (.receive, .received(let bytes)) where bytes.isEmpty:
            network.toldEnd(nil, on: connection)
        case (.receive, .received(let bytes)):
            network.toldReceived(bytes.count, on: connection)
        case (.send(_, let bytes, let start), .sent(let count)):
            network.toldSent(count, upTo: start + count, of: bytes.count, on: connection)
        case (.receive, .failed(let error)) where error != .cancelled,
            (.send, .failed(let error)) where error != .cancelled:
            network.toldEnd(error, on: connection)
        default:
            break
        }
    }

    // MARK: - Doing

    /// Does a step if that is possible now.
    private func perform(_ step: KernelStep) -> StepResult? {
        do throws(Errno) {
            return try attempt(step)
        } catch {
            return .failed(error)
        }
    }

    private func attempt(_ step: KernelStep) throws(Errno) -> StepResult? {
        if let device = device(of: step) { return try device.perform(step) }
        return switch step {
        case .resolve(let host, let port): network.resolve(host, port: port)
        case .open(let request): try open(request)
        case .connect(let slot, let address): try connect(slot, address)
        case .accept(let slot, _): try accept(slot)
        case .receive(let slot, let limit): try receive(slot, limit)
        case .send(let slot, let bytes, let start): try send(slot, bytes, start)
        case .poll(let slot): connection(slot)?.isReadable == true ? .ready : nil
        case .control(let slot, let request): control(slot, request)
        case .shutdownOutput(let slot): try shutdownOutput(slot)
        case .close(let slot, let reset): close(slot, reset: reset)
        case .receiveMessage, .sendMessage, .readAt, .writeAt: throw .notSupported
        }
    }

    /// The device that does the step by itself; connecting, accepting and closing are the table's.
    private func device(of step: KernelStep) -> (any ScriptedDevice)? {
        switch step {
        case .connect, .accept, .close: nil
        default: step.slot.flatMap { table[$0]?.device }
        }
    }

    private func canBeCancelled(_ step: KernelStep) -> Bool {
        step.canBeCancelled && device(of: step)?.canBeCalledBack(step) ?? true
    }

    /// Whether a wait could do the step now.
    private func canBeDone(_ step: KernelStep) -> Bool {
        if let device = device(of: step) { return device.isReady(for: step) }
        return switch step {
        case .receive(let slot, _), .poll(let slot): connection(slot)?.isReadable ?? true
        case .send(let slot, _, _): connection(slot)?.isWritable ?? true
        case .accept(let slot, _):
            table[slot]?.device?.isReady(for: step) ?? !(listener(slot)?.waiting.isEmpty ?? false)
        // Whether a connect can be done is known only by trying.
        case .connect: false
        default: true
        }
    }

    private func open(_ request: OpenRequest) throws(Errno) -> StepResult {
        if dice.happens(moods.noDescriptor) { throw .tooManyOpenFiles }
        if let device = try network.device(for: request) {
            return .opened(table.insert(.device(device)))
        }
        switch request {
        case .socket: return .opened(table.insert(.socket(nil)))
        case .listener, .unixListener:
            return .opened(table.insert(.listener(try network.listen(request))))
        case .unixTarget(let target):
            try network.find(target)
            return .opened(table.insert(.handle(target)))
        case .file, .terminal: throw .notSupported
        }
    }

    private func connect(
        _ slot: DescriptorSlot, _ address: SocketAddress
    ) throws(Errno)
        -> StepResult?
    {
        guard let record = table[slot] else { throw .badDescriptor }
        var target = ScriptedTarget.address(address)
        if case .unixHandle(let handle) = address {
            guard case .handle(let path)? = table[handle]?.thing else { throw .badDescriptor }
            target = .path(path)
        }
        if let device = record.device {
            return try device.connect(to: target) ? .connected : nil
        }
        guard let connection = try network.connect(to: target) else { return nil }
        record.thing = .socket(connection)
        return .connected
    }

    private func accept(_ slot: DescriptorSlot) throws(Errno) -> StepResult? {
        if let device = table[slot]?.device {
            guard let client = device.nextClient() else { return nil }
            return .accepted(table.insert(.device(client.device)), peer: client.peer)
        }
        guard let listener = listener(slot) else { throw .invalidArgument }
        guard !listener.waiting.isEmpty else { return nil }
        if dice.happens(moods.noDescriptor) { throw .tooManyOpenFiles }
        guard let client = listener.takeFirst() else { return nil }
        return .accepted(table.insert(.socket(client.connection)), peer: client.peer)
    }

    private func receive(_ slot: DescriptorSlot, _ limit: Int) throws(Errno) -> StepResult? {
        guard let connection = connection(slot) else { throw .notConnected }
        var most = limit
        if dice.happens(moods.short) {
            most = dice.number(in: 1...max(1, min(limit, connection.inbound.count)))
        }
        guard let bytes = try connection.receive(upTo: most) else { return nil }
        return .received(bytes)
    }

    private func send(
        _ slot: DescriptorSlot, _ bytes: [UInt8], _ start: Int
    ) throws(Errno)
        -> StepResult?
    {
        guard let connection = connection(slot) else { throw .notConnected }
        var most = bytes.count
        if dice.happens(moods.short) {
            most = dice.number(in: 1...max(1, bytes.count - start))
        }
        guard let count = try connection.send(bytes, from: start, upTo: most) else { return nil }
        network.sent(bytes, from: start, count: count, on: connection)
        return .sent(count)
    }

    private func control(_ slot: DescriptorSlot, _ request: ControlRequest) -> StepResult {
        switch (request, table[slot]?.thing) {
        case (.unsentBytes, .socket(let connection?)):
            .control(.number(connection.unsentBytes))
        case (.unreadBytes, .socket(let connection?)):
            .control(.number(connection.inbound.count + bytesHeld(for: slot)))
        case (.localAddress, .listener(let listener)):
            .control(.address(listener.address))
        default:
            .failed(.notSupported)
        }
    }

    /// Bytes that a receive has taken and that have not been told.
    private func bytesHeld(for slot: DescriptorSlot) -> Int {
        for step in pending where step.step.slot == slot {
            if case .received(let bytes)? = step.result { return bytes.count }
        }
        return 0
    }

    private func shutdownOutput(_ slot: DescriptorSlot) throws(Errno) -> StepResult {
        guard let connection = connection(slot) else { throw .notConnected }
        try connection.shutdownOutput()
        return .done
    }

    private func close(_ slot: DescriptorSlot, reset: Bool) -> StepResult {
        switch table[slot]?.thing {
        case .socket(let connection?):
            network.willClose(connection, reset: reset)
            connection.close(reset: reset)
        case .listener(let listener):
            listener.close()
        case .device(let device):
            device.close(reset: reset)
        case .socket(nil), .handle, nil:
            break
        }
        table.remove(slot)
        return .done
    }

    private func connection(_ slot: DescriptorSlot) -> ScriptedConnection? {
        table[slot]?.connection
    }

    private func listener(_ slot: DescriptorSlot) -> ScriptedListener? {
        if case .listener(let listener)? = table[slot]?.thing { return listener }
        return nil
    }
}

/// A wakeup that only takes note: a scripted wait does not block.
final class ScriptedWakeup: DriverWakeup {
    private let woken = Guarded(false)

    var isWoken: Bool { woken.withLock { $0 } }

    func wake() { woken.withLock { $0 = true } }

    func acknowledge() { woken.withLock { $0 = false } }
}

extension KernelStep {
    /// The descriptor that it is a step on.
    var slot: DescriptorSlot? {
        switch self {
        case .resolve, .open: nil
        case .connect(let slot, _), .accept(let slot, _), .receive(let slot, _),
            .send(let slot, _, _), .receiveMessage(let slot, _), .sendMessage(let slot, _, _),
            .readAt(let slot, _, _), .writeAt(let slot, _, _), .poll(let slot),
            .control(let slot, _), .shutdownOutput(let slot), .close(let slot, _):
            slot
        }
    }

    /// Whether it goes to the blocking pool, so that it is never done at once.
    var isAlwaysPending: Bool {
        switch self {
        case .resolve, .readAt, .writeAt: true
        case .open(let request): request.isBlocking
        default: false
        }
    }

    /// Whether a cancel can end it.
    var canBeCancelled: Bool {
        switch self {
        case .control, .shutdownOutput, .close: false
        default: true
        }
    }

    /// What it is called in messages.
    var words: String {
        switch self {
        case .resolve: "resolve"
        case .open: "open"
        case .connect: "connect"
        case .accept: "accept"
        case .receive: "receive"
        case .send: "send"
        case .receiveMessage: "receiveMessage"
        case .sendMessage: "sendMessage"
        case .readAt: "readAt"
        case .writeAt: "writeAt"
        case .poll: "poll"
        case .control: "control"
        case .shutdownOutput: "shutdownOutput"
        case .close: "close"
        }
    }
}
