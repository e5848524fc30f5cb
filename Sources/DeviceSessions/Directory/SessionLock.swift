public import EngineBase

/// The right of one client to a session, for a while.
public struct SessionLockGrant: Hashable, Sendable {
    /// What its holder shows.
    public let token: String
    /// Grows by one with each new holder, so that a device can tell a late command of an earlier one.
    public let fence: Int
    /// When it ends unless it is renewed.
    public let expiresAt: MonotonicInstant
}

/// Who may use a session just now.
struct SessionLock {
    private var grant: SessionLockGrant?
    private var fence = 0

    /// The present holder's grant.
    func held(at now: MonotonicInstant) -> SessionLockGrant? {
        guard let grant, now < grant.expiresAt else { return nil }
        return grant
    }

    /// Why somebody who shows `token` may not use the session, if so.
    func refusal(of token: String?, at now: MonotonicInstant) -> SubmitError? {
        let held = held(at: now)
        if let token { return held?.token == token ? nil : .lockLost }
        return held.map { .locked(retryAfterMilliseconds: $0.expiresAt.milliseconds(since: now)) }
    }

    /// Takes the lock, or renews it for who shows its token.
    ///
    /// `fresh`: the token of a new holder.
    mutating func take(
        _ token: String?, fresh: String, milliseconds: Int, at now: MonotonicInstant
    ) -> Result<SessionLockGrant, SubmitError> {
        if let refusal = refusal(of: token, at: now) { return .failure(refusal) }
        if token == nil { fence += 1 }
        let granted = SessionLockGrant(
            token: token ?? fresh, fence: fence,
            expiresAt: now.advanced(milliseconds: milliseconds))
        grant = granted
        return .success(granted)
    }

    /// Frees the lock for who shows its token; without one, says whether nobody holds it.
    mutating func free(_ token: String?, at now: MonotonicInstant) -> SubmitError? {
        if let refusal = refusal(of: token, at: now) { return refusal }
        grant = nil
        return nil
    }
}
