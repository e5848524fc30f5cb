import DequeModule

/// What has ended lately: remembered for a while, and never more than so many.
public struct ExpiringSet<Element: Hashable & Sendable>: Sendable {
    private var order = Deque<(element: Element, until: MonotonicInstant)>()
    private var members: [Element: MonotonicInstant] = [:]
    private let lifetimeMilliseconds: Int
    private let limit: Int

    /// A memory of `limit` elements, each kept for `lifetimeMilliseconds`.
    public init(lifetimeMilliseconds: Int, limit: Int) {
        self.lifetimeMilliseconds = lifetimeMilliseconds
        self.limit = limit
    }

    /// Remembers an element, anew if it is there.
    public mutating func insert(_ element: Element, at now: MonotonicInstant) {
        forgetOld(at: now)
        let until = now.advanced(milliseconds: lifetimeMilliseconds)
        members[element] = until
        order.append((element, until))
    }

    /// Forgets an element: it exists again.
    public mutating func remove(_ element: Element) { members[element] = nil }

    /// Whether the element is remembered.
    public mutating func contains(_ element: Element, at now: MonotonicInstant) -> Bool {
        forgetOld(at: now)
        return members[element] != nil
    }

    private mutating func forgetOld(at now: MonotonicInstant) {
        while let first = order.first, first.until <= now || order.count > limit {
            order.removeFirst()
            if members[first.element] == first.until { members[first.element] = nil }
        }
    }
}
