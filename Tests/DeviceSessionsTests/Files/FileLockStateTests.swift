import Testing

@testable import DeviceSessions

@Suite struct FileLockStateTests {
    private static let file = FileKey(device: 1, inode: 2)
    private let one = SessionID(1)
    private let two = SessionID(2)
    private let three = SessionID(3)
    private var state = FileLockState(limit: 100)

    private mutating func ask(
        _ owner: SessionID, _ number: UInt64, _ start: UInt64, _ length: UInt64,
        exclusive: Bool = false, wait: Bool = true
    ) -> LockAnswer {
        let answer = state.ask(
            LockRequest(
                FileRange(start: start, length: length), isExclusive: exclusive, waits: wait),
            owner: owner, number: number, of: Self.file)
        if answer == .granted { hold(owner, number) }
        return answer
    }

    private mutating func hold(_ owner: SessionID, _ number: UInt64) {
        #expect(state.hold(owner: owner, number: number, of: Self.file).isEmpty)
    }

    /// The numbers that are granted when a lock leaves.
    private mutating func remove(_ owner: SessionID, _ number: UInt64) -> [UInt64] {
        state.remove(owner: owner, number: number, of: Self.file).map(\.number)
    }

    private func release(_ owner: SessionID, _ number: UInt64) -> [FileLockStep] {
        state.stepsToRelease(owner: owner, number: number, of: Self.file)
    }

    private func range(_ start: UInt64, _ length: UInt64) -> FileRange {
        FileRange(start: start, length: length)
    }

    @Test mutating func `shared locks overlap, an exclusive one overlaps nothing`() {
        #expect(ask(one, 1, 0, 10) == .granted)
        #expect(ask(two, 1, 5, 10) == .granted)
        #expect(ask(three, 1, 9, 1, exclusive: true, wait: false) == .refused)
        #expect(ask(three, 2, 15, 1, exclusive: true) == .granted)
        #expect(ask(one, 2, 15, 1, wait: false) == .refused)
        // Not even a lock of its own session.
        #expect(ask(one, 3, 0, 1, exclusive: true, wait: false) == .refused)
    }

    @Test mutating func `a shared lock may lie on the session's own exclusive one`() {
        #expect(ask(one, 1, 0, 10, exclusive: true) == .granted)
        #expect(ask(one, 2, 5, 10) == .granted)
        #expect(ask(two, 1, 12, 1, wait: false) == .granted)
        #expect(ask(two, 2, 9, 1, wait: false) == .refused)
    }

    @Test mutating func `an unlock means a lock of exactly its range, the exclusive one first`() {
        #expect(ask(one, 1, 0, 10, exclusive: true) == .granted)
        #expect(ask(one, 2, 0, 10) == .granted)
        #expect(ask(one, 3, 0, 10) == .granted)
        #expect(state.find(range(0, 9), owner: one, of: Self.file) == nil)
        #expect(state.find(range(0, 10), owner: two, of: Self.file) == nil)
        for number in [1, 2, 3] as [UInt64] {
            #expect(state.find(range(0, 10), owner: one, of: Self.file) == number)
            #expect(remove(one, number).isEmpty)
        }
        #expect(state.find(range(0, 10), owner: one, of: Self.file) == nil)
    }

    @Test mutating func `those who wait are granted in order and not overtaken`() {
        #expect(ask(one, 1, 0, 10) == .granted)
        #expect(ask(two, 1, 0, 10, exclusive: true) == .waits)
        // It would fit beside the one that is held, but not before the one that waits.
        #expect(ask(three, 1, 0, 5) == .waits)
        #expect(ask(three, 2, 0, 5, wait: false) == .refused)
        #expect(ask(three, 3, 10, 5, wait: false) == .granted)
        #expect(remove(one, 1) == [1])
        hold(two, 1)
        #expect(remove(two, 1) == [1])
    }

    @Test mutating func `one that leaves the line lets those behind it in`() {
        #expect(ask(one, 1, 0, 10) == .granted)
        #expect(ask(two, 1, 0, 10, exclusive: true) == .waits)
        #expect(ask(three, 1, 0, 5) == .waits)
        #expect(ask(three, 2, 5, 5) == .waits)
        #expect(remove(two, 1) == [1, 2])
    }

    @Test mutating func `the end of a session lets all that wait for it in`() {
        #expect(ask(one, 1, 0, 5, exclusive: true) == .granted)
        #expect(ask(one, 2, 10, 5, exclusive: true) == .granted)
        #expect(ask(one, 3, 20, 5) == .granted)
        #expect(ask(two, 1, 0, 20) == .waits)
        #expect(ask(three, 9, 12, 1) == .waits)
        let grants = state.removeAll(owner: one, of: Self.file)
        #expect(grants == [LockGrant(owner: two, number: 1), LockGrant(owner: three, number: 9)])
        #expect(state.count == 2)
    }

    @Test mutating func `reads meet exclusive locks of others, writes any`() {
        #expect(ask(one, 1, 0, 10) == .granted)
        #expect(ask(one, 2, 20, 10, exclusive: true) == .granted)
        func bars(_ owner: SessionID, _ start: UInt64, isWrite: Bool) -> Bool {
            state.bars(range(start, 1), isWrite: isWrite, owner: owner, of: Self.file)
        }
        #expect(!bars(two, 9, isWrite: false) && bars(two, 9, isWrite: true))
        #expect(bars(two, 20, isWrite: false) && bars(two, 29, isWrite: true))
        #expect(!bars(two, 10, isWrite: true) && !bars(two, 30, isWrite: true))
        #expect(!bars(one, 9, isWrite: true) && !bars(one, 20, isWrite: false))
    }

    @Test mutating func `the kernel lets go only what no other lock of the session covers`() {
        #expect(ask(one, 1, 10, 10) == .granted)
        #expect(ask(one, 2, 15, 10) == .granted)
        #expect(release(one, 1) == [FileLockStep(range(10, 5), .none)])
        #expect(release(one, 2) == [FileLockStep(range(20, 5), .none)])
        #expect(ask(one, 3, 0, 12) == .granted)
        #expect(release(one, 1) == [FileLockStep(range(12, 3), .none)])
    }

    @Test mutating func `an exclusive lock that ends leaves the kernel a shared one under it`() {
        #expect(ask(one, 1, 0, 10, exclusive: true) == .granted)
        #expect(ask(one, 2, 2, 3) == .granted)
        #expect(
            release(one, 1) == [
                FileLockStep(range(0, 2), .none), FileLockStep(range(2, 3), .shared),
                FileLockStep(range(5, 5), .none),
            ])
        #expect(release(one, 2).isEmpty)
    }

    @Test mutating func `a lock takes of the kernel what its session does not have`() {
        #expect(ask(one, 1, 5, 5, exclusive: true) == .granted)
        let answer = state.ask(
            LockRequest(range(0, 20)), owner: one, number: 2, of: Self.file)
        #expect(answer == .granted)
        #expect(
            state.stepsToTake(owner: one, number: 2, of: Self.file) == [
                FileLockStep(range(0, 5), .shared), FileLockStep(range(10, 10), .shared),
            ])
    }

    @Test mutating func `a file has so many locks and no more`() {
        state = FileLockState(limit: 2)
        #expect(ask(one, 1, 0, 1, exclusive: true) == .granted)
        #expect(ask(two, 1, 0, 1, exclusive: true) == .waits)
        #expect(ask(two, 2, 7, 1) == .full)
        #expect(remove(two, 1).isEmpty)
        #expect(ask(two, 3, 7, 1) == .granted)
    }

    @Test mutating func `ranges reach to the largest offset and no further`() {
        let last = FileRange.largestOffset
        #expect(ask(one, 1, last, 1, exclusive: true) == .granted)
        #expect(ask(two, 1, last - 1, last, exclusive: true, wait: false) == .refused)
        #expect(ask(two, 2, 0, last, exclusive: true, wait: false) == .granted)
        #expect(state.removeAll(owner: one, of: Self.file).isEmpty)
        #expect(ask(three, 1, last, last, wait: false) == .granted)
        #expect(release(three, 1) == [FileLockStep(range(last, 1), .none)])
    }
}
