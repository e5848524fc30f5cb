import DeviceSessions
import EngineBase
import PortEngine
import Testing

@Suite struct FileLockTests {
    private let lab = FileLab(3)
    private let refused = "failed(lock_violation) 0"

    @Test func `a lock on a free range is ok once the kernel has it too`() {
        lab[0].submit(.lock(5, 10))
        #expect(lab[0].lockSteps == [FileLockStep(FileRange(start: 5, length: 10), .exclusive)])
        #expect(lab[0].told().isEmpty)
        lab[0].locks()
        #expect(lab[0].told() == ["lock#1 ok 0"])
    }

    @Test func `a conflict among sessions is told without the kernel`() {
        lab[0].submit(.lock(0, 10))
        lab[0].locks()
        lab[1].submit(.lock(9, 1, exclusive: false), .lock(10, 1))
        lab[1].locks()
        #expect(lab[1].told() == ["lock#1 \(refused)", "lock#2 ok 0"])
        #expect(lab[1].lastEntries[1]?.details?.error?.win32 == 33)
    }

    @Test func `a lock that waits is granted by the unlock, after the kernel has let go`() {
        lab[0].submit(.lock(0, 10))
        lab[0].locks()
        lab[1].submit(.lock(5, 1, wait: true), .readAt(100))
        // It is not in the way of what was accepted behind it.
        lab[1].answer("readAt", .text("x"))
        #expect(lab[1].pending == ["lock#1 running"])
        lab[0].submit(.unlock(0, 10))
        lab.tellGrants()
        #expect(lab[1].stepNames.isEmpty)
        lab[0].unlocks()
        lab.tellGrants()
        lab[1].locks()
        #expect(lab[0].told() == ["lock#1 ok 0", "unlock#2 ok 0"])
        #expect(lab[1].told() == ["read#2 ok 1 'x'", "lock#1 ok 0"])
    }

    @Test func `unlocking what is not held fails`() {
        lab[0].submit(.lock(0, 10), .unlock(0, 9), .unlock(0, 10), .unlock(0, 10))
        lab[0].locks()
        lab[0].unlocks()
        #expect(
            lab[0].told() == [
                "lock#1 ok 0", "unlock#2 failed(not_locked) 0", "unlock#3 ok 0",
                "unlock#4 failed(not_locked) 0",
            ])
        #expect(lab[0].lastEntries[2]?.details?.error?.win32 == 158)
    }

    @Test func `an exclusive and a shared lock on one range need two unlocks`() {
        let range = FileRange(start: 0, length: 4)
        lab[0].submit(.lock(0, 4), .lock(0, 4, exclusive: false))
        lab[0].locks()
        // The kernel holds more already.
        #expect(lab[0].told() == ["lock#1 ok 0", "lock#2 ok 0"])
        lab[1].submit(.lock(0, 4, exclusive: false, wait: true))
        lab[2].submit(.lock(0, 4, exclusive: true, wait: true))

        lab[0].submit(.unlock(0, 4))
        #expect(lab[0].lockSteps == [FileLockStep(range, .shared)])
        lab[0].unlocks()
        lab.tellGrants()
        lab[1].locks()
        #expect(lab[1].told() == ["lock#1 ok 0"])

        lab[0].submit(.unlock(0, 4))
        #expect(lab[0].lockSteps == [FileLockStep(range, .none)])
        lab[0].unlocks()
        lab[1].submit(.unlock(0, 4))
        lab[1].unlocks()
        lab.tellGrants()
        lab[2].locks()
        #expect(lab[2].told() == ["lock#1 ok 0"])
    }

    @Test func `reads and writes meet the locks of others when they start`() {
        lab[0].submit(.lock(0, 5), .lock(10, 5, exclusive: false))
        lab[0].locks()
        lab[0].locks()
        lab[1].submit(
            .readAt(4, .available(limit: 1)), .readAt(5, .available(limit: 7)),
            .writeAt(9, "ab"), .writeAt(4, "a"), .writeAt(5, "abcde"), .readAt(0, .readiness))
        lab[1].answer("readAt", .text("x"))
        lab[1].answer("writeAt", .sent(5))
        #expect(
            lab[1].told() == [
                "read#1 \(refused)", "read#2 ok 1 'x'", "write#3 \(refused)", "write#4 \(refused)",
                "write#5 ok 5", "read#6 ok 0",
            ])
        lab[0].submit(.readAt(0), .writeAt(0, "ab"), .writeAt(10, "ab"))
        lab[0].answer("readAt", .text("y"))
        lab[0].answer("writeAt", .sent(2))
        lab[0].answer("writeAt", .sent(2))
        #expect(lab[0].told().suffix(3) == ["read#3 ok 1 'y'", "write#4 ok 2", "write#5 ok 2"])
    }

    @Test func `a write to the end meets locks that lie there`() {
        lab[1].submit(.writeAt(nil, "a"))
        #expect(lab[1].stepNames == ["writeAt"])
        lab[1].answer("writeAt", .sent(1))
        lab[0].submit(.lock(10, 5))
        lab[0].locks()
        lab[1].submit(.writeAt(nil, "abc"), .writeAt(nil, "abc"), .writeAt(nil, "abc"))
        lab[1].answer("size", .control(.number(8)))
        lab[1].answer("size", .control(.number(7)))
        guard case .writeAt(_, offset: nil, _)? = lab[1].steps.first?.step else {
            Issue.record("out is \(lab[1].steps)")
            return
        }
        lab[1].answer("writeAt", .sent(3))
        lab[1].answer("size", .failed(Errno(5)))
        #expect(
            lab[1].told() == [
                "write#1 ok 1", "write#2 \(refused)", "write#3 ok 3", "write#4 failed(io_error) 0",
            ])
    }

    // MARK: - Other programs

    @Test func `another program's lock ends one that does not wait`() {
        lab[0].submit(.lock(0, 5))
        lab[0].locks(false)
        #expect(lab[0].told() == ["lock#1 \(refused)"])
        #expect(lab.locks.count == 0)
    }

    @Test func `while another program has it, the lock is tried ever later`() {
        lab[0].submit(.lock(0, 5, wait: true), .size)
        for pause in [50, 100, 200, 400, 500, 500] {
            lab[0].locks(false)
            if lab[0].has("size") { lab[0].answer("size", .control(.number(0))) }
            lab[0].pass(pause - 1)
            #expect(lab[0].stepNames.isEmpty)
            lab[0].pass(1)
            #expect(lab[0].stepNames == ["take"])
        }
        lab[1].submit(.lock(0, 1, wait: true))
        lab[0].locks()
        #expect(lab[0].told() == ["control#2 ok 0", "lock#1 ok 0"])
        #expect(lab[1].stepNames.isEmpty)
    }

    @Test func `an error of the kernel ends a lock, waiting or not`() {
        lab[0].submit(.lock(0, 5, wait: true))
        lab[0].answer("take", .failed(Errno(37)))
        #expect(lab[0].told() == ["lock#1 failed(too_many_locks) 0"])
        #expect(lab.locks.count == 0)
    }

    @Test func `a kernel that does not let go leaves the lock held`() {
        lab[0].submit(.lock(0, 5), .unlock(0, 5), .unlock(0, 5))
        lab[0].locks()
        lab[0].answer("release", .failed(Errno(5)))
        lab[0].unlocks()
        #expect(lab[0].told() == ["lock#1 ok 0", "unlock#2 failed(io_error) 0", "unlock#3 ok 0"])
    }

    // MARK: - Ends

    @Test func `a lock in line is cancelled at once and lets those behind it in`() {
        lab[0].submit(.lock(0, 5, exclusive: false))
        lab[0].locks()
        lab[1].submit(.lock(0, 5, wait: true))
        lab[2].submit(.lock(0, 5, exclusive: false, wait: true))
        lab[1].cancel(1)
        lab.tellGrants()
        lab[2].locks()
        #expect(lab[1].told() == ["lock#1 cancelled(operation_aborted) 0"])
        #expect(lab[2].told() == ["lock#1 ok 0"])
    }

    @Test func `a lock in line, or waiting for another program, ends with its time-out`() {
        lab[0].submit(.lock(0, 5))
        lab[0].locks()
        lab[1].submit(.lock(0, 5, wait: true), timeout: 70)
        lab[2].submit(.lock(7, 5, wait: true), timeout: 70)
        lab[2].locks(false)
        lab[1].pass(70)
        lab[2].pass(49)
        #expect(lab[2].stepNames.isEmpty)
        lab[2].pass(1)
        lab[2].locks(false)
        lab[2].pass(20)
        for index in [1, 2] {
            #expect(lab[index].told() == ["lock#1 timed_out(timed_out) 0"])
        }
        lab[2].pass(1_000)
        #expect(lab[2].stepNames.isEmpty)
        #expect(lab.locks.count == 1)
    }

    @Test func `a lock whose grant was on its way is cancelled all the same`() {
        lab[0].submit(.lock(0, 5))
        lab[0].locks()
        lab[1].submit(.lock(0, 5, wait: true))
        lab[0].submit(.unlock(0, 5))
        lab[0].unlocks()
        lab[1].cancel(1)
        lab.tellGrants()
        #expect(lab[1].stepNames.isEmpty)
        #expect(lab[1].told() == ["lock#1 cancelled(operation_aborted) 0"])
        #expect(lab.locks.count == 0)
    }

    @Test func `a lock that the kernel gives after a cancel is held`() {
        lab[0].submit(.lock(0, 5, wait: true))
        lab[0].cancel(1)
        lab[0].locks()
        #expect(lab[0].told() == ["lock#1 ok 0"])

        lab[0].submit(.lock(7, 5, wait: true))
        lab[0].cancel(2)
        lab[0].locks(false)
        #expect(lab[0].told() == ["lock#2 cancelled(operation_aborted) 0"])
        #expect(lab.locks.count == 1)
    }

    @Test func `a lock that the kernel gives after its time-out is undone`() {
        lab[0].submit(.lock(0, 5), timeout: 10)
        lab[0].pass(11)
        #expect(lab[0].told() == ["lock#1 timed_out(timed_out) 0"])
        lab[1].submit(.lock(0, 5, wait: true))
        lab[0].locks()
        #expect(lab[0].lockSteps == [FileLockStep(FileRange(start: 0, length: 5), .none)])
        lab.tellGrants()
        #expect(lab[1].stepNames.isEmpty)
        lab[0].unlocks()
        lab.tellGrants()
        lab[1].locks()
        #expect(lab[1].told() == ["lock#1 ok 0"])
    }

    @Test func `an unlock that is stuck is indeterminate, and takes effect`() {
        lab[0].submit(.lock(0, 5))
        lab[0].locks()
        lab[0].submit(.unlock(0, 5), timeout: 10)
        lab[0].pass(11)
        #expect(lab[0].told() == ["lock#1 ok 0", "unlock#2 indeterminate(outcome_unknown) 0"])
        lab[0].unlocks()
        #expect(lab.locks.count == 0)
    }

    @Test func `a close lets go first, then grants, then ends`() {
        lab[0].submit(.lock(0, 5), .lock(10, 5, exclusive: false))
        lab[0].locks()
        lab[0].locks()
        lab[1].submit(.lock(0, 20, wait: true))
        lab[0].close()
        #expect(lab[0].lockSteps == [FileLockStep(.everything, .none)])
        lab.tellGrants()
        #expect(lab[1].stepNames.isEmpty)
        lab[0].unlocks()
        lab.tellGrants()
        #expect(lab[0].stepNames == ["close"])
        lab[1].locks()
        lab[0].answer("close", .done)
        #expect(lab[0].told().last == "session_closed ok")
        #expect(lab[1].told() == ["lock#1 ok 0"])
    }

    @Test func `a close cancels locks that wait, in line or for another program`() {
        lab[0].submit(.lock(0, 5))
        lab[0].locks()
        lab[1].submit(.lock(0, 5, wait: true), .lock(7, 1, wait: true))
        lab[1].locks(false)
        lab[1].close()
        #expect(lab.locks.count == 1)
        lab[1].answer("close", .done)
        #expect(
            lab[1].told() == [
                "lock#1 cancelled(operation_aborted) 0", "lock#2 cancelled(operation_aborted) 0",
                "session_closed ok",
            ])
        lab[1].pass(1_000)
    }

    @Test func `a lock that the kernel gives during the close is ok, and let go`() {
        lab[0].submit(.lock(0, 5))
        lab[0].close()
        lab[0].locks()
        lab[0].unlocks()
        lab[0].answer("close", .done)
        #expect(lab[0].told() == ["lock#1 ok 0", "session_closed ok"])
        #expect(lab.locks.count == 0)
    }

    @Test func `a lock without an entry shows its failure in the session`() {
        lab[0].submit(.lock(0, 5))
        lab[0].locks()
        lab[1].submit([.lock(0, 5), .unlock(0, 5)], delivery: .none)
        #expect(lab[1].told() == ["lock#1 silently", "unlock#2 silently"])
        #expect(lab[1].session.view.lastError?.code == "not_locked")
        #expect(lab[1].session.view.counters.operationsFailed == 2)
    }

    @Test func `a file takes so many locks`() {
        let lab = FileLab(2, limit: 1)
        lab[0].submit(.lock(0, 5))
        lab[0].locks()
        lab[1].submit(.lock(7, 5, wait: true))
        #expect(lab[1].told() == ["lock#1 failed(too_many_locks) 0"])
    }
}
