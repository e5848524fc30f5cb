import DequeModule
import EngineBase
import PortEngine

extension DeviceSession {
    /// Starts the controls that need not wait for their turn.
    mutating func startControls(_ effects: inout SessionEffects) {
        while let number = waitingControls.popFirst() {
            switch operations[number]?.operation.kind {
            case .control(let action): startControl(number, action, &effects)
            case .waitEvent(let mask): startWait(number, mask, &effects)
            default: continue
            }
        }
    }

    /// Gives a control to the kernel.
    mutating func startControl(
        _ number: UInt64, _ action: ControlAction, _ effects: inout SessionEffects
    ) {
        guard let descriptor else {
            finish(number, .failed, error: .pipeNotConnected, &effects)
            return
        }
        operations[number]?.progress = .running
        switch action {
        case .kernel(let request, _):
            let step = newStep()
            controlSteps[step] = number
            effects.append(.submit(step: step, .control(descriptor, request)))
        case .line(let control):
            startLineControl(number, control, &effects)
        }
    }

    mutating func controlDone(
        _ step: UInt64, _ result: StepResult, _ effects: inout SessionEffects
    ) {
        guard let number = controlSteps.removeValue(forKey: step),
            let pending = operations[number]
        else { return }
        if turnStepDone(number, result, &effects) { return }
        // A session that closes ends all that is pending, in the order of acceptance.
        guard closing == nil else {
            operations[number]?.controlResult = result
            return
        }
        finishControl(number, pending, result, &effects)
    }

    /// Ends a control with what the kernel gave for it.
    mutating func finishControl(
        _ number: UInt64, _ pending: PendingOperation, _ result: StepResult,
        _ effects: inout SessionEffects
    ) {
        switch result {
        case .failed(.cancelled):
            var status = EntryStatus.cancelled
            if case .stopping(let why) = pending.progress { status = why }
            finish(number, status, &effects)
        case .failed(let errno):
            finish(
                number, .failed, error: isLine ? .ofLine(errno) : EntryError(errno), &effects)
        case .control(.number(let value)):
            finish(number, .ok, extras: EntryExtras(value: value), &effects)
        case .control(.bytes(let bytes)):
            finish(number, .ok, bytes: bytes.count, data: bytes, &effects)
        case .control(.line(let settings)):
            finish(number, .ok, extras: EntryExtras(line: EntryLine(settings)), &effects)
        case .control(.sample(let sample)):
            guard let signals = sample.signals else {
                finish(number, .failed, error: .ofLine(.notTerminal), &effects)
                return
            }
            finish(number, .ok, extras: EntryExtras(events: signals.names), &effects)
        default:
            finish(number, .ok, &effects)
        }
    }

    /// Ends a running control when the driver has given its step back.
    mutating func stopControl(
        _ number: UInt64, as status: EntryStatus, _ effects: inout SessionEffects
    ) {
        if stopTurn(number, as: status, &effects) { return }
        guard let step = controlSteps.first(where: { $0.value == number })?.key else {
            finish(number, status, &effects)
            return
        }
        operations[number]?.progress = .stopping(status)
        effects.append(.cancelStep(step))
    }
}
