public import EngineBase

/// An exclusive use of the session, for a while: the lock is looked at when something is accepted,
/// so what was accepted before it runs first.
extension SessionHandle {
    /// Takes the lock, or renews it for who shows its token.
    ///
    /// `fresh`: the token that a new holder gets.
    ///
    /// - Throws: `.locked`, `.lockLost`, `.notOpen`.
    public func takeLock(
        _ token: String?, fresh: String, milliseconds: Int, at now: MonotonicInstant
    ) throws(SubmitError) -> SessionLockGrant {
        try withLockState { (phase, lock) -> Result<SessionLockGrant, SubmitError> in
            guard phase.isInUse else { return .failure(.notOpen(phase)) }
            return lock.take(token, fresh: fresh, milliseconds: milliseconds, at: now)
        }.get()
    }

    /// Frees the lock for who shows its token.
    ///
    /// - Throws: `.locked`, `.lockLost`.
    public func freeLock(_ token: String?, at now: MonotonicInstant) throws(SubmitError) {
        if let refusal = withLockState({ $1.free(token, at: now) }) { throw refusal }
    }

    /// Looks whether somebody who shows `token` may use the session.
    ///
    /// - Throws: `.locked`, `.lockLost`.
    public func checkLock(_ token: String?, at now: MonotonicInstant) throws(SubmitError) {
        if let refusal = withLockState({ $1.refusal(of: token, at: now) }) { throw refusal }
    }

    /// The present holder's grant.
    public func lockHeld(at now: MonotonicInstant) -> SessionLockGrant? {
        withLockState { $1.held(at: now) }
    }
}
