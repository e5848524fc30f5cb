import EngineBase
public import PortEngine

/// A fetch that waits and keeps what it is told.
public final class RecordingWaiter: FetchWaiter {
    private struct Record {
        var answers: [FetchAnswer] = []
        var ticket: WaitTicket?
    }

    private let record = Guarded(Record())

    /// Somebody who has been told nothing yet.
    public init() {}

    /// Keeps the answer.
    public func finish(with answer: FetchAnswer) {
        record.withLock { $0.answers.append(answer) }
    }

    /// The answers so far; a right engine gives one.
    public var answers: [FetchAnswer] { record.withLock { $0.answers } }

    /// The one answer, if it has come.
    public var answer: FetchAnswer? { answers.count == 1 ? answers.first : nil }

    /// Whether it has been told nothing.
    public var isWaiting: Bool { answers.isEmpty }

    /// What ends the wait from outside; `nil` if the fetch was answered at once.
    public var ticket: WaitTicket? {
        get { record.withLock { $0.ticket } }
        set { record.withLock { $0.ticket = newValue } }
    }
}

/// Somebody who waits for room and counts how often room was said to have come.
public final class RecordingRoomWaiter: RoomWaiter {
    private let count = Guarded(0)

    /// Somebody who has been told nothing yet.
    public init() {}

    /// Counts.
    public func roomMayHaveCome() { count.withLock { $0 += 1 } }

    /// How often room was said to have come.
    public var calls: Int { count.withLock { $0 } }
}
