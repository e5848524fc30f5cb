import EngineBase
import PortEngine
import Testing

@testable import DeviceSessions

@Suite struct SessionLockTests {
    private let start = MonotonicInstant(nanoseconds: 5_000_000_000)

    private func taken(_ lock: inout SessionLock) throws -> SessionLockGrant {
        try lock.take(nil, fresh: "one", milliseconds: 100, at: start).get()
    }

    @Test func `the holder passes and others are told how long to wait`() throws {
        var lock = SessionLock()
        #expect(lock.refusal(of: nil, at: start) == nil)
        let grant = try taken(&lock)
        #expect(grant.fence == 1)
        #expect(lock.refusal(of: "one", at: start) == nil)
        #expect(lock.refusal(of: nil, at: start) == .locked(retryAfterMilliseconds: 100))
        #expect(lock.refusal(of: "two", at: start) == .lockLost)
        let later = start.advanced(milliseconds: 40)
        #expect(
            lock.take(nil, fresh: "two", milliseconds: 9, at: later)
                == .failure(.locked(retryAfterMilliseconds: 60)))
    }

    @Test func `it runs out, and a stale holder learns it even when nobody holds it`() throws {
        var lock = SessionLock()
        _ = try taken(&lock)
        let after = start.advanced(milliseconds: 100)
        #expect(lock.refusal(of: nil, at: after) == nil)
        #expect(lock.refusal(of: "one", at: after) == .lockLost)
        #expect(lock.free("one", at: after) == .lockLost)
        #expect(lock.free(nil, at: after) == nil)
        let next = try lock.take(nil, fresh: "two", milliseconds: 100, at: after).get()
        #expect(next.fence == 2)
        #expect(next.token == "two")
    }

    @Test func `its holder renews it and keeps its fence`() throws {
        var lock = SessionLock()
        let first = try taken(&lock)
        let later = start.advanced(milliseconds: 90)
        let renewed = try lock.take("one", fresh: "x", milliseconds: 100, at: later).get()
        #expect(renewed.token == "one")
        #expect(renewed.fence == first.fence)
        #expect(lock.refusal(of: "one", at: start.advanced(milliseconds: 150)) == nil)
    }

    @Test func `only its holder frees it`() throws {
        var lock = SessionLock()
        _ = try taken(&lock)
        #expect(lock.free(nil, at: start) == .locked(retryAfterMilliseconds: 100))
        #expect(lock.free("one", at: start) == nil)
        #expect(lock.held(at: start) == nil)
    }
}
