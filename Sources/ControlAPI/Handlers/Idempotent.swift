import Digests
import EngineBase
import HTTPListener

extension APICall {
    /// Does what the request asks at most once for its `Idempotency-Key`, if it has one.
    ///
    /// - Parameters:
    ///   - owner: the port or session whose end ends the memory.
    ///   - replay: answers again what was answered.
    ///   - action: does it; given what to call with the answer once it is known, `nil` if refused.
    /// - Returns: the reply, or `nil` if `action` answers later.
    /// - Throws: `idempotency.in_progress`, `idempotency.key_reused`, and what `action` throws.
    func once(
        owner: String, replay: (RememberedAnswer) -> HTTPReply,
        _ action: (_ remember: @escaping @Sendable (RememberedAnswer?) -> Void) throws(Problem) ->
            HTTPReply?
    ) throws(Problem) -> HTTPReply? {
        guard let key = request.header("idempotency-key") else { return try action { _ in } }
        let store = service.idempotency
        let name = IdempotencyStore.Key(path: request.path, key: key)
        let digest = SHA256.digest(of: [
            Array(request.rawQuery.utf8), [0], Array((request.header("content-type") ?? "").utf8),
            [0], request.body,
        ])
        switch store.begin(name, digest: digest, owner: owner, at: service.clock.now()) {
        case .proceed:
            break
        case .replay(let answer):
            var reply = replay(answer)
            reply.headers.append(("Idempotency-Replayed", "true"))
            return reply
        case .inProgress:
            throw Problem(
                .idempotencyInProgress, "The first request with this key has not been answered.")
        case .keyReused:
            throw Problem(.idempotencyKeyReused, "The key was used with another request.")
        }
        do throws(Problem) {
            return try action { answer in store.finish(name, with: answer) }
        } catch {
            store.finish(name, with: nil)
            throw error
        }
    }
}
