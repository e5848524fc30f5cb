import DeviceSessions
import EngineBase
import PortEngine
import TestKit

/// A worker that keeps who asked for it.
final class IdleWorker: SessionWorker {
    private let marks = Guarded<[SessionID]>([])

    func attend(to session: SessionHandle) { marks.withLock { $0.append(session.id) } }

    var attended: [SessionID] { marks.withLock { $0 } }
}

/// A directory of sessions on one port, on virtual time.
struct DirectoryBench {
    let ports = PortBench()
    let port: CompletionPort
    let directory: SessionDirectory
    let worker = IdleWorker()

    init(
        capacity: Int = 100, limit: Int = 10, rememberedClosed: Int = 65_536, seed: UInt64 = 1
    ) throws {
        port = try ports.port("p", PortSettings(capacity: capacity))
        directory = SessionDirectory(
            clock: ports.clock, seed: seed, limit: limit, rememberedClosed: rememberedClosed)
    }

    var now: MonotonicInstant { ports.clock.now() }

    /// A new session; `nil` at the limit.
    func add(
        isHidden: Bool = false, phase: SessionPhase = .open, maxPending: Int = 1_024,
        maxPendingBytes: Int = 16 * 1_024 * 1_024,
        operations: [String] = ["read", "write", "transact"], abilities: SessionAbilities? = nil
    ) -> SessionHandle? {
        var configuration = SessionConfiguration.bench()
        configuration.maxPending = maxPending
        configuration.maxPendingBytes = maxPendingBytes
        return directory.add(isHidden: isHidden) { [port, worker, now, configuration] id in
            SessionHandle(
                id: id, configuration: configuration,
                abilities: abilities
                    ?? SessionAbilities(
                        operations: operations, canShutOutput: operations.contains("write")),
                port: port,
                worker: worker, inlineOpen: nil, phase: phase, at: now)
        }
    }
}

extension SessionHandle {
    /// Submits operations that go to the port.
    func submit(
        _ kinds: OperationKind..., at now: MonotonicInstant
    ) throws(SubmitError) -> [OperationID] {
        try submit(kinds.map { OperationRequest(kind: $0) }, at: now)
    }

    /// The operations in its inbox, which is emptied.
    func takeOperations() -> [IOOperation] {
        takeMessages().flatMap { message -> [IOOperation] in
            guard case .operations(let operations) = message else { return [] }
            return operations
        }
    }

    /// Says that the session stands in that phase, and that these have ended.
    func publish(_ phase: SessionPhase, ended operations: [IOOperation] = []) {
        var snapshot = SessionSnapshot()
        snapshot.phase = phase
        var ended = EndedOperations()
        for operation in operations { ended.add(operation) }
        publish(snapshot, ended: ended)
    }
}
