import DeviceSessions
import EngineBase
import Workers

/// Who holds a session by all that was granted, and the tokens that clients still show.
struct LockModel {
    private(set) var holder: SessionLockGrant?
    private(set) var fence = 0
    /// Tokens that were good once.
    private(set) var stale: [String] = []

    /// Whether who shows `token` may use the session.
    func admits(_ token: String?, at now: MonotonicInstant) -> Bool {
        let held = holder.flatMap { now < $0.expiresAt ? $0.token : nil }
        return held == token
    }

    mutating func granted(_ grant: SessionLockGrant) {
        if let holder, holder.token != grant.token { stale = [holder.token] }
        holder = grant
        fence = grant.fence
    }

    mutating func freed() {
        if let holder { stale = [holder.token] }
        holder = nil
    }
}

/// Clients that want a session for themselves.
extension ShapeRun {
    /// The token that some client shows: none, the holder's, or one of yesterday.
    func someToken(of session: ShapeSession) -> String? {
        guard usesLocks else { return nil }
        let known = [session.lock.holder?.token].compactMap(\.self) + session.lock.stale
        return dice.happens(50) ? dice.pick(known) : nil
    }

    /// Some client takes, renews or frees the lock.
    func useLock(of session: ShapeSession) {
        guard usesLocks, !session.isClosedSeen, !session.isCloseRequested else { return }
        let token = someToken(of: session)
        let now = clock.now()
        let mayUse = session.lock.admits(token, at: now)
        let name = "\(session.id.text): its lock"
        do throws(SubmitError) {
            if dice.happens(60) {
                let grant = try session.handle.takeLock(
                    token, fresh: "t\(dice.bits())", milliseconds: dice.number(in: 1...5_000),
                    at: now
                )
                expect(
                    grant.fence == session.lock.fence + (token == nil ? 1 : 0),
                    "\(name) has fence \(grant.fence) after \(session.lock.fence)")
                session.lock.granted(grant)
                count(token == nil ? "lock taken" : "lock renewed")
            } else {
                try session.handle.freeLock(token, at: now)
                session.lock.freed()
            }
            expect(mayUse, "\(name) was given to somebody else than its holder")
        } catch {
            checkLockRefusal(error, token, mayUse, name)
        }
    }

    /// A refusal for the lock's sake must have a reason, and the right one.
    func checkLockRefusal(
        _ error: SubmitError, _ token: String?, _ mayUse: Bool, _ name: String
    ) {
        switch error {
        case .locked:
            count("locked")
            expect(!mayUse && token == nil, "\(name) refuses who may use it")
        case .lockLost:
            count("lock lost")
            expect(!mayUse && token != nil, "\(name) is said to be lost, and is not")
        default: break
        }
    }
}
