/// The bytes that a device sends: each follows from the device and its place in the stream, so that
/// a byte that is lost, doubled or moved shows.
struct BytePattern {
    let key: UInt64

    /// The byte at `index`; some are line ends, with and without a carriage return.
    subscript(index: Int) -> UInt8 {
        if index > 0 && mixed(index - 1) % 29 == 0 { return 10 }
        let value = mixed(index)
        if value % 29 == 0 { return 13 }
        if value % 11 == 0 { return 10 }
        return UInt8(truncatingIfNeeded: 32 + value % 220)
    }

    /// `count` bytes from `start` on.
    func bytes(from start: Int, count: Int) -> [UInt8] {
        (start..<start + count).map { self[$0] }
    }

    /// How many bytes from `start` on make up the line there, at most `limit`.
    func lineLength(from start: Int, limit: Int) -> Int {
        var length = 1
        while length < limit && self[start + length - 1] != 10 { length += 1 }
        return length
    }

    private func mixed(_ index: Int) -> UInt64 { scramble(key &+ UInt64(index)) }
}

/// A number that looks like chance.
func scramble(_ number: UInt64) -> UInt64 {
    var mixed = number &* 0x9E37_79B9_7F4A_7C15
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
}

/// What operation `number` of a session writes: its number, then bytes that follow from it.
func writtenBytes(of number: UInt64, count: Int) -> [UInt8] {
    (0..<count).map { index in
        switch index {
        case 0: UInt8(truncatingIfNeeded: number)
        case 1: UInt8(truncatingIfNeeded: number >> 8)
        default: UInt8(truncatingIfNeeded: scramble(number &* 4_099 &+ UInt64(index)))
        }
    }
}
