/// Numbers of entries that came back to the queue, smallest first.
///
/// An entry that is acked late stays here as a dead number: the owner skips it when it comes up, and
/// drops all dead ones when they are more than half.
struct SequenceHeap {
    private var numbers: [UInt64] = []
    private var dead = 0

    var first: UInt64? { numbers.first }

    /// Numbers kept, the dead ones included.
    var count: Int { numbers.count }

    mutating func insert(_ number: UInt64) {
        numbers.append(number)
        var child = numbers.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard numbers[child] < numbers[parent] else { return }
            numbers.swapAt(child, parent)
            child = parent
        }
    }

    mutating func removeFirst() {
        guard let last = numbers.popLast(), !numbers.isEmpty else { return }
        numbers[0] = last
        siftDown(from: 0)
    }

    /// Removes the smallest number, which turned out to be dead.
    mutating func removeDeadFirst() {
        dead = max(0, dead - 1)
        removeFirst()
    }

    /// Counts one number as dead.
    mutating func forgetOne(isLive: (UInt64) -> Bool) {
        dead += 1
        guard dead > 64, dead > numbers.count / 2 else { return }
        numbers.removeAll { !isLive($0) }
        dead = 0
        guard numbers.count > 1 else { return }
        for index in stride(from: numbers.count / 2 - 1, through: 0, by: -1) {
            siftDown(from: index)
        }
    }

    private mutating func siftDown(from start: Int) {
        var parent = start
        while true {
            let left = 2 * parent + 1
            guard left < numbers.count else { return }
            let right = left + 1
            let least = right < numbers.count && numbers[right] < numbers[left] ? right : left
            guard numbers[least] < numbers[parent] else { return }
            numbers.swapAt(parent, least)
            parent = least
        }
    }
}
