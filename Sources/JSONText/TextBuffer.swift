/// A growing run of bytes that is written through a bare pointer.
///
/// An array asks at each append whether it is shared and has room; a reply is thousands of appends.
/// What is short is inlined into whoever writes, so that a literal becomes a few stores.
@usableFromInline
struct TextBuffer: ~Copyable {
    // SAFETY: `count` bytes of `capacity` are set; nobody else has the pointer.
    @usableFromInline var start: UnsafeMutablePointer<UInt8>
    @usableFromInline var capacity: Int
    /// How many bytes there are.
    @usableFromInline var count = 0

    @usableFromInline
    init(capacity: Int) {
        self.capacity = max(capacity, 16)
        start = .allocate(capacity: self.capacity)
    }

    @inlinable
    deinit { start.deallocate() }

    /// A copy of the bytes.
    var bytes: [UInt8] { Array(UnsafeBufferPointer(start: start, count: count)) }

    /// Starts anew, in the same memory.
    mutating func removeAll() { count = 0 }

    /// Makes room for so many bytes more.
    @inlinable
    @inline(__always)
    mutating func reserve(_ more: Int) {
        if capacity - count < more { grow(more) }
    }

    @usableFromInline
    @inline(never)
    mutating func grow(_ more: Int) {
        capacity = max(2 * capacity, count + more)
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        larger.update(from: start, count: count)
        start.deallocate()
        start = larger
    }

    @inlinable
    @inline(__always)
    mutating func append(_ byte: UInt8) {
        reserve(1)
        start[count] = byte
        count += 1
    }

    @inlinable
    @inline(__always)
    mutating func append(_ text: UnsafeBufferPointer<UInt8>) {
        guard let source = text.baseAddress else { return }
        reserve(text.count)
        (start + count).update(from: source, count: text.count)
        count += text.count
    }

    @inlinable
    @inline(__always)
    mutating func append(_ text: StaticString) {
        append(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Appends so many bytes, which `fill` must set.
    @inlinable
    @inline(__always)
    mutating func append(
        count more: Int,
        filledBy fill: (UnsafeMutableBufferPointer<UInt8>) -> Void
    ) {
        reserve(more)
        fill(UnsafeMutableBufferPointer(start: start + count, count: more))
        count += more
    }

    /// Appends a literal for which there is room already.
    @inlinable
    @inline(__always)
    mutating func put(_ text: StaticString) {
        (start + count).update(from: text.utf8Start, count: text.utf8CodeUnitCount)
        count += text.utf8CodeUnitCount
    }

    /// Appends the first bytes of two words, the lowest first; there must be room for all 16.
    @inline(__always)
    mutating func put(_ words: (UInt64, UInt64), count more: Int) {
        let place = UnsafeMutableRawPointer(start + count)
        place.storeBytes(of: words.0.littleEndian, as: UInt64.self)
        place.storeBytes(of: words.1.littleEndian, toByteOffset: 8, as: UInt64.self)
        count += more
    }

    /// Appends a number in decimal digits.
    @usableFromInline
    mutating func appendDecimal(_ value: UInt64) {
        let most = 20
        reserve(2 * most)
        // The last digit comes first: they are written behind their place and moved there.
        let end = start + count + 2 * most
        var first = end
        var rest = value
        while rest >= 10 {
            let pair = TextBuffer.pairs.utf8Start + 2 * Int(truncatingIfNeeded: rest % 100)
            first -= 2
            first[0] = pair[0]
            first[1] = pair[1]
            rest /= 100
        }
        if rest > 0 || first == end {
            first -= 1
            first[0] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest)
        }
        (start + count).update(from: first, count: end - first)
        count += end - first
    }

    /// `00` to `99`.
    private static let pairs: StaticString = """
        0001020304050607080910111213141516171819\
        2021222324252627282930313233343536373839\
        4041424344454647484950515253545556575859\
        6061626364656667686970717273747576777879\
        8081828384858687888990919293949596979899
        """
}
