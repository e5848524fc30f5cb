import EngineBase

/// Names one waiting fetch; a later use of the same node has another generation.
struct WaiterHandle: Hashable {
    fileprivate let index: Int
    fileprivate let generation: UInt64
}

/// A fetch that waits.
struct Waiter {
    let request: FetchRequest
    let deadline: MonotonicInstant
    let sink: any FetchWaiter
    /// What became of its `settle`, to be told with whatever answer it gets.
    let settled: SettleAnswer?
}

/// The waiting fetches, newest on top; any one can be taken out by its handle in O(1).
struct WaiterStack {
    private struct Node {
        var waiter: Waiter?
        var generation: UInt64 = 0
        /// The next older and next newer node, or -1.
        var below = -1
        var above = -1
    }

    private var nodes: [Node] = []
    private var free: [Int] = []
    /// The first generation of new nodes: above all that earlier, larger stacks have used.
    private var firstGeneration: UInt64 = 0
    private var topIndex = -1
    private(set) var count = 0

    /// Nodes in use or kept for later use.
    var nodeCount: Int { nodes.count }

    var top: WaiterHandle? {
        topIndex < 0
            ? nil : WaiterHandle(index: topIndex, generation: nodes[topIndex].generation)
    }

    subscript(handle: WaiterHandle) -> Waiter? {
        guard handle.index < nodes.count else { return nil }
        let node = nodes[handle.index]
        return node.generation == handle.generation ? node.waiter : nil
    }

    mutating func push(_ waiter: Waiter) -> WaiterHandle {
        let index = free.popLast() ?? nodes.count
        if index == nodes.count { nodes.append(Node(generation: firstGeneration)) }
        nodes[index].waiter = waiter
        nodes[index].below = topIndex
        nodes[index].above = -1
        if topIndex >= 0 { nodes[topIndex].above = index }
        topIndex = index
        count += 1
        return WaiterHandle(index: index, generation: nodes[index].generation)
    }

    mutating func remove(_ handle: WaiterHandle) -> Waiter? {
        guard let waiter = self[handle] else { return nil }
        let node = nodes[handle.index]
        if node.above >= 0 { nodes[node.above].below = node.below } else { topIndex = node.below }
        if node.below >= 0 { nodes[node.below].above = node.above }
        nodes[handle.index] = Node(waiter: nil, generation: node.generation &+ 1)
        free.append(handle.index)
        count -= 1
        if count == 0 && nodes.count > 1_024 {
            // Nobody waits: give the memory of the crowd back. Old handles must stay unknown.
            firstGeneration = (nodes.lazy.map(\.generation).max() ?? 0) &+ 1
            nodes = []
            free = []
        }
        return waiter
    }

    /// Takes all out, newest first.
    mutating func removeAll() -> [Waiter] {
        var waiters: [Waiter] = []
        waiters.reserveCapacity(count)
        while let handle = top, let waiter = remove(handle) { waiters.append(waiter) }
        return waiters
    }
}
