/// Deadlines in order of time, with lazy removal.
///
/// Nothing is taken out when what a deadline stood for ends early: the owner counts it with
/// ``forgetOne()``, skips it when it comes up, and drops the dead ones all together as soon as they
/// are more than half. So each deadline costs O(log n) once, and memory follows the live ones.
public struct DeadlineHeap<Mark: Sendable>: Sendable {
    private struct Item: Sendable {
        var deadline: MonotonicInstant
        var mark: Mark
    }

    private var items: [Item] = []
    private var dead = 0

    /// A heap without deadlines.
    public init() {}

    /// How many deadlines are held, the forgotten ones included.
    public var count: Int { items.count }

    /// The earliest deadline held, which may be a forgotten one.
    public var earliest: MonotonicInstant? { items.first?.deadline }

    /// Adds a deadline.
    public mutating func insert(_ mark: Mark, at deadline: MonotonicInstant) {
        items.append(Item(deadline: deadline, mark: mark))
        siftUp(from: items.count - 1)
    }

    /// Removes and returns the earliest mark that is due at `now`.
    ///
    /// The owner says with ``popWasForgotten()`` if the mark turns out to be a forgotten one.
    public mutating func popDue(
        at now: MonotonicInstant
    ) -> (mark: Mark, deadline: MonotonicInstant)? {
        guard let first = items.first, first.deadline <= now else { return nil }
        let last = items.removeLast()
        if !items.isEmpty {
            items[0] = last
            siftDown(from: 0)
        }
        return (first.mark, first.deadline)
    }

    /// Counts one deadline as no longer needed.
    public mutating func forgetOne() { dead += 1 }

    /// Takes back one ``forgetOne()``: the forgotten mark has just been popped.
    public mutating func popWasForgotten() { dead = max(0, dead - 1) }

    /// Whether the forgotten ones are more than half of all, so that ``compact(isLive:)`` pays.
    public var isWorthCompacting: Bool { dead > 64 && dead > items.count / 2 }

    /// Drops forgotten deadlines; amortised O(1) when called only where it pays.
    public mutating func compact(isLive: (Mark, MonotonicInstant) -> Bool) {
        items.removeAll { !isLive($0.mark, $0.deadline) }
        dead = 0
        guard items.count > 1 else { return }
        for index in stride(from: items.count / 2 - 1, through: 0, by: -1) { siftDown(from: index) }
    }

    private mutating func siftUp(from start: Int) {
        var child = start
        while child > 0 {
            let parent = (child - 1) / 2
            guard items[child].deadline < items[parent].deadline else { return }
            items.swapAt(child, parent)
            child = parent
        }
    }

    private mutating func siftDown(from start: Int) {
        var parent = start
        while true {
            let left = 2 * parent + 1
            guard left < items.count else { return }
            let right = left + 1
            let smallest =
                right < items.count && items[right].deadline < items[left].deadline ? right : left
            guard items[smallest].deadline < items[parent].deadline else { return }
            items.swapAt(parent, smallest)
            parent = smallest
        }
    }
}
