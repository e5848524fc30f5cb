import DeviceSessions
import EngineBase

/// What one wait has told, by what must be known before what.
///
/// The memory is used again by the next wait.
struct DueCompletions {
    /// Steps that failed.
    private(set) var failures: [(StepToken, StepResult)] = []
    /// Steps that brought input.
    private(set) var inputs: [(StepToken, StepResult)] = []
    /// All other steps.
    private(set) var others: [(StepToken, StepResult)] = []
    /// Sessions whose peers have gone.
    var hangups: [UInt64] = []

    mutating func add(_ token: StepToken, _ result: StepResult) {
        switch result {
        case .failed(.cancelled): others.append((token, result))
        case .failed: failures.append((token, result))
        case .received, .message: inputs.append((token, result))
        default: others.append((token, result))
        }
    }

    mutating func removeAll() {
        failures.removeAll(keepingCapacity: true)
        inputs.removeAll(keepingCapacity: true)
        others.removeAll(keepingCapacity: true)
        hangups.removeAll(keepingCapacity: true)
    }
}
