/// Where each byte went that a device sent: into which entry, in which order.
///
/// A transact's answer may be taken from behind a frame that a standing read has not finished: then
/// there are bytes that were taken further on than the first one that was not.
struct InputLedger {
    let pattern: BytePattern
    /// Bytes that the driver has told the engine.
    var told = 0
    /// The first byte that no entry has.
    private(set) var front = 0
    /// What was taken from behind `front`, in order.
    private var taken: [Range<Int>] = []

    init(pattern: BytePattern) { self.pattern = pattern }

    /// Bytes told that no entry has.
    var remaining: Int { told - front - taken.reduce(0) { $0 + $1.count } }

    /// Takes `data` from the front; says whether these are the bytes there.
    mutating func takeFront(_ data: [UInt8]) -> Bool {
        guard data.count <= remaining else { return false }
        var position = front
        var ranges = taken[...]
        for byte in data {
            InputLedger.skip(&position, &ranges)
            guard pattern[position] == byte else { return false }
            position += 1
        }
        InputLedger.skip(&position, &ranges)
        front = position
        taken = Array(ranges)
        return true
    }

    /// Drops `count` bytes from the front.
    mutating func dropFront(_ count: Int) -> Bool {
        guard count <= remaining else { return false }
        var ranges = taken[...]
        for _ in 0..<count {
            InputLedger.skip(&front, &ranges)
            front += 1
        }
        InputLedger.skip(&front, &ranges)
        taken = Array(ranges)
        return true
    }

    /// Takes `data` from `start` on; says whether these are the bytes there, and free.
    mutating func take(_ data: [UInt8], at start: Int) -> Bool {
        guard start > front else { return start == front && takeFront(data) }
        let range = start..<start + data.count
        guard range.upperBound <= told, !taken.contains(where: { $0.overlaps(range) }) else {
            return false
        }
        for (offset, byte) in data.enumerated() where pattern[start + offset] != byte {
            return false
        }
        guard !data.isEmpty else { return true }
        let index = taken.firstIndex { $0.lowerBound > start } ?? taken.count
        taken.insert(range, at: index)
        return true
    }

    private static func skip(_ position: inout Int, _ ranges: inout ArraySlice<Range<Int>>) {
        while let next = ranges.first, next.lowerBound == position {
            position = next.upperBound
            ranges.removeFirst()
        }
    }
}
