/// A growing run of bytes that is written through a bare pointer.
///
/// An array asks at each append whether it is shared and has room; a reply is thousands of appends.
struct TextBuffer: ~Copyable {
    // SAFETY: `count` bytes of `capacity` are set; nobody else has the pointer.
    private var start: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    /// How many bytes there are.
    private(set) var count = 0

    init(capacity: Int) {
        self.capacity = max(capacity, 16)
        start = .allocate(capacity: self.capacity)
    }

    deinit { start.deallocate() }

    /// A copy of the bytes.
    var bytes: [UInt8] { Array(UnsafeBufferPointer(start: start, count: count)) }

    /// Starts anew, in the same memory.
    mutating func removeAll() { count = 0 }

    /// Makes room for so many bytes more.
    @inline(__always)
    mutating func reserve(_ more: Int) {
        if capacity - count < more { grow(more) }
    }

    @inline(never)
    private mutating func grow(_ more: Int) {
        capacity = max(2 * capacity, count + more)
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        larger.update(from: start, count: count)
        start.deallocate()
        start = larger
    }

    @inline(__always)
    mutating func append(_ byte: UInt8) {
        reserve(1)
        start[count] = byte
        count += 1
    }

    @inline(__always)
    mutating func append(_ text: UnsafeBufferPointer<UInt8>) {
        guard let source = text.baseAddress else { return }
        reserve(text.count)
        (start + count).update(from: source, count: text.count)
        count += text.count
    }

    @inline(__always)
    mutating func append(_ text: StaticString) {
        append(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Appends so many bytes, which `fill` must set.
    @inline(__always)
    mutating func append(
        count more: Int,
        filledBy fill: (UnsafeMutableBufferPointer<UInt8>) -> Void
    ) {
        reserve(more)
        fill(UnsafeMutableBufferPointer(start: start + count, count: more))
        count += more
    }

    /// Appends a number in decimal digits, with zeros in front up to `width`.
    mutating func appendDecimal(_ value: UInt64, width: Int = 1) {
        var digits = 1
        var rest = value / 10
        while rest > 0 {
            digits += 1
            rest /= 10
        }
        append(count: max(digits, width)) { text in
            var rest = value
            for index in text.indices.reversed() {
                text[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            }
        }
    }
}
