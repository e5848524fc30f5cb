import DeviceSessions
import EngineBase
import LinuxSystem

/// Events in, pending steps tried again.
extension KernelDriver {
    /// Takes note of an event, and tries the steps that waited for it.
    func take(_ readiness: EpollReadiness, of record: DescriptorRecord) {
        let isOver = !readiness.isDisjoint(with: [.hangup, .error])
        if isOver || !readiness.isDisjoint(with: [.input, .peerShut]) { record.isReadable = true }
        if isOver || readiness.contains(.output) { record.isWritable = true }
        if isOver || readiness.contains(.peerShut) { record.sawHangup = true }
        if readiness.contains(.urgent) { record.sawUrgent = true }

        if let pending = record.input, !pending.isInKernel,
            let result = tryInput(pending.kind, record)
        {
            record.input = nil
            complete(pending.token, result)
            if result.isEndOfInput { record.hangupWatcher = nil }
        }
        if let pending = record.output, !pending.isInKernel,
            let result = tryOutput(pending.kind, pending.bytes, record)
        {
            record.output = nil
            complete(pending.token, result)
        }
        tellHangup(record)
        expectReadiness(of: record)
    }

    /// Tells of a hang-up once, unless a step is out that will tell it.
    func tellHangup(_ record: DescriptorRecord) {
        guard record.sawHangup, record.input == nil, record.opened.hangsUp,
            let session = record.hangupWatcher
        else { return }
        record.hangupWatcher = nil
        told.append(.hangup(session: session))
    }

    func tryInputOrHold(
        _ kind: PendingInput.Kind,
        _ record: DescriptorRecord,
        _ token: StepToken
    ) -> StepOutcome {
        guard record.input == nil else { return .done(.failed(.busy)) }
        if let result = tryInput(kind, record) {
            if result.isEndOfInput { record.hangupWatcher = nil }
            return .done(result)
        }
        record.input = PendingInput(token: token, kind: kind)
        places[token] = .input(record.slot)
        expectReadiness(of: record)
        return .pending
    }

    func tryOutputOrHold(
        _ kind: PendingOutput.Kind,
        _ bytes: [UInt8],
        _ record: DescriptorRecord,
        _ token: StepToken
    ) -> StepOutcome {
        guard record.output == nil else { return .done(.failed(.busy)) }
        if let result = tryOutput(kind, bytes, record) { return .done(result) }
        record.output = PendingOutput(token: token, bytes: bytes, kind: kind)
        places[token] = .output(record.slot)
        expectReadiness(of: record)
        return .pending
    }

    /// What a step gives now; `nil` if it has to wait.
    private func tryInput(
        _ kind: PendingInput.Kind,
        _ record: DescriptorRecord
    ) -> StepResult? {
        do throws(Errno) {
            switch kind {
            case .connect: return try finishConnect(record)
            case .accept(let options): return try accept(record, options)
            case .receive(let limit): return try receive(record, limit: limit)
            case .receiveMessage(let limit): return try receiveMessage(record, limit: limit)
            case .poll: return poll(record)
            }
        } catch .again {
            record.isReadable = false
            return nil
        } catch {
            return .failed(error)
        }
    }

    private func tryOutput(
        _ kind: PendingOutput.Kind,
        _ bytes: [UInt8],
        _ record: DescriptorRecord
    ) -> StepResult? {
        do throws(Errno) {
            switch kind {
            case .send(let from): return try send(record, bytes, from: from)
            case .sendMessage(let peer): return try sendMessage(record, bytes, to: peer)
            }
        } catch .again {
            record.isWritable = false
            return nil
        } catch {
            return .failed(error)
        }
    }
}

extension OpenedDescriptor {
    /// Whether a hang-up says something about a peer: a datagram socket has none.
    fileprivate var hangsUp: Bool {
        if case .datagram = role { false } else { true }
    }
}

extension StepResult {
    /// Whether it tells the end of the input, so that a hang-up is no more news.
    var isEndOfInput: Bool {
        switch self {
        case .received(let bytes): bytes.isEmpty
        case .failed: true
        default: false
        }
    }
}
