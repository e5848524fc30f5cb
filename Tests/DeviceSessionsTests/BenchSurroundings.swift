import DeviceSessions
import EngineBase
import PortEngine

/// What a session sees in a test.
final class FakeSurroundings: SessionSurroundings {
    var portAcceptsPayload = true
    var mayAddSession = true
    /// Places that are left on the port; `nil` is no limit.
    var places: Int?
    var placesReserved = 0
    var placesUsed = 0
    let fileLocks: FileLockTable

    init(fileLocks: FileLockTable = FileLockTable()) { self.fileLocks = fileLocks }

    func reservePlace() -> Bool {
        if let places {
            guard places > 0 else { return false }
            self.places = places - 1
        }
        placesReserved += 1
        return true
    }
}

/// An opening of one step.
struct FakeOpening: SessionOpening {
    let shape: SessionShape
    var peer: String?
    private var stepsOut = 0
    private var hasReported = false
    private let filter: (any StreamFilter)?
    private let early: UnsealedInput

    init(
        shape: SessionShape, peer: String? = "127.0.0.1:9", filter: (any StreamFilter)? = nil,
        early: UnsealedInput = UnsealedInput()
    ) {
        self.shape = shape
        self.peer = peer
        self.filter = filter
        self.early = early
    }

    var isIdle: Bool { stepsOut == 0 }

    mutating func start() -> [OpeningMove] {
        stepsOut += 1
        return [.submit(tag: 0, .poll(SessionBench.slot))]
    }

    mutating func stepDone(tag: Int, _ result: StepResult) -> [OpeningMove] {
        stepsOut -= 1
        switch result {
        case .opened(let slot):
            if hasReported {
                stepsOut += 1
                return [.submit(tag: 1, .close(slot, reset: false))]
            }
            hasReported = true
            let filtered = filter.map { [OpeningMove.filter($0, early)] } ?? []
            return filtered + [.opened(slot, shape, peer: peer, local: nil)]
        case .failed(let errno):
            if hasReported { return [] }
            hasReported = true
            return [.failed(EntryError(errno))]
        default:
            return []
        }
    }

    mutating func timerFired(tag: Int) -> [OpeningMove] { [] }

    mutating func abort() -> [OpeningMove] {
        hasReported = true
        return stepsOut > 0 ? [.cancel(tag: 0)] : []
    }
}
