import DeviceSessions
import EngineBase
import HTTPListener
import JSONText

/// `/v1/sessions/{session}/lock`: one client's exclusive use of a session.
enum LockHandlers {
    static func put(_ call: APICall) throws(Problem) -> HTTPReply? {
        let (milliseconds, token) = try call.body { reader -> (Int, String?)? in
            let milliseconds = reader.integer("ttl_ms", in: 1...43_200_000, required: true)
            let token = reader.string("lock_token", codePoints: 1...128)
            return milliseconds.map { ($0, token) }
        }
        let session = try call.session()
        let grant: SessionLockGrant
        do {
            grant = try session.takeLock(
                token, fresh: freshToken(), milliseconds: milliseconds,
                at: call.service.clock.now())
        } catch {
            throw Problem(error, session: session)
        }
        return call.json { writer in
            writer.object { writer in
                writer.member("session", session.id.text)
                writer.member("lock_token", grant.token)
                writer.member("fence", grant.fence)
                writer.member("expires_at", grant.expiresAt, call.times)
            }
        }
    }

    static func delete(_ call: APICall) throws(Problem) -> HTTPReply? {
        let session = try call.session()
        do {
            try session.freeLock(call.lockToken, at: call.service.clock.now())
        } catch {
            throw Problem(error, session: session)
        }
        return call.json { writer in
            writer.object { writer in writer.member("session", session.id.text) }
        }
    }

    /// 128 random bits: a token is a capability, and is never shown again.
    private static func freshToken() -> String {
        let digits = [UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max)].map {
            number in
            let short = String(number, radix: 36)
            return String(repeating: "0", count: 13 - short.utf8.count) + short
        }
        return "lck_" + digits.joined()
    }
}

extension APICall {
    /// The lock's token that the request shows.
    var lockToken: String? { request.header("iocpd-lock") }

    /// Refuses what would use a session that somebody else has locked.
    func refuseIfLocked(_ session: SessionHandle) throws(Problem) {
        do {
            try session.checkLock(lockToken, at: service.clock.now())
        } catch {
            throw Problem(error, session: session)
        }
    }
}
