import DeviceSessions
import Workers

/// Makes the frames of a device, and knows where in its stream each of them ends.
struct FrameSource {
    let form: Framing.Form?
    /// Every byte that the device has made.
    private(set) var bytes: [UInt8] = []
    /// Where frames end, in order.
    private(set) var ends: [Int] = []
    private let key: UInt64

    init(_ form: Framing.Form?, key: UInt64) {
        self.form = form
        self.key = key
    }

    /// Makes one more frame of about `size` bytes.
    mutating func make(_ size: Int) -> ArraySlice<UInt8> {
        let start = bytes.count
        switch form {
        case .delimiter(let delimiter): bytes += body(size) + delimiter
        case .fixed(let fixed): bytes += body(fixed)
        case .lengthPrefix(let prefix): bytes += prefixed(prefix, size)
        case .gap, nil: bytes += body(max(1, size))
        }
        ends.append(bytes.count)
        return bytes[start...]
    }

    /// Letters, so that no delimiter is among them.
    private func body(_ size: Int) -> [UInt8] {
        let start = key &+ UInt64(bytes.count)
        return (0..<size).map { UInt8(65 + scramble(start &+ UInt64($0)) % 26) }
    }

    private func prefixed(_ prefix: LengthPrefix, _ size: Int) -> [UInt8] {
        // The field tells the bytes behind it, less the adjustment.
        let following = max(size, prefix.adjustment, 0)
        let most = prefix.size == 1 ? 255 : 60_000
        let number = UInt64(max(0, min(following - prefix.adjustment, most)))
        let real = max(0, Int(number) + prefix.adjustment)
        var field = (0..<prefix.size).map { UInt8(truncatingIfNeeded: number >> UInt64(8 * $0)) }
        if prefix.isBigEndian { field.reverse() }
        return body(prefix.offset) + field + body(real)
    }

    /// Whether a frame begins at an index.
    func isStart(_ index: Int) -> Bool { index == 0 || ends.contains(index) }

    /// The end of the frame that holds the byte at an index; `nil` if it has not been made yet.
    func end(behind index: Int) -> Int? {
        guard case .delimiter(let delimiter) = form else { return ends.first { $0 > index } }
        // What was too long may have been cut in the middle of its delimiter.
        var place = index
        while place + delimiter.count <= bytes.count {
            if bytes[place..<place + delimiter.count].elementsEqual(delimiter) {
                return place + delimiter.count
            }
            place += 1
        }
        return nil
    }

    /// A form as a client might ask for.
    static func randomForm(_ dice: ScriptedDice) -> Framing.Form {
        switch dice.below(4) {
        case 0: .delimiter(dice.happens(50) ? [10] : [13, 10])
        case 1: .fixed(dice.number(in: 1...12))
        case 2:
            .lengthPrefix(
                LengthPrefix(
                    offset: dice.below(3), size: dice.pick([1, 2, 4, 8]) ?? 1,
                    isBigEndian: dice.happens(50), adjustment: dice.number(in: -1...3)))
        default: .gap(milliseconds: dice.number(in: 1...20))
        }
    }
}
