/// A growing run of bytes that is written through a bare pointer.
///
/// An array asks at each append whether it is shared and has room; a reply is thousands of appends.
/// What is short is inlined into whoever writes, so that a literal becomes a few stores.
@usableFromInline
struct TextBuffer: ~Copyable {
    // SAFETY: `count` bytes of `capacity` are set; nobody else uses the memory while this lives.
    @usableFromInline var start: UnsafeMutablePointer<UInt8>
    @usableFromInline var capacity: Int
    /// How many bytes there are.
    @usableFromInline var count = 0
    /// Whether the memory is the buffer's own.
    @usableFromInline private(set) var isOwner: Bool

    @usableFromInline
    init(capacity: Int) {
        self.capacity = max(capacity, 16)
        start = .allocate(capacity: self.capacity)
        isOwner = true
    }

    /// A buffer in somebody's memory, which must outlive it, until that is too small.
    init(in memory: UnsafeMutableBufferPointer<UInt8>) {
        let given = memory.isEmpty ? nil : memory.baseAddress
        isOwner = given == nil
        capacity = isOwner ? 16 : memory.count
        start = given ?? .allocate(capacity: capacity)
    }

    @inlinable
    deinit { if isOwner { start.deallocate() } }

    /// A copy of the bytes.
    var bytes: [UInt8] { Array(UnsafeBufferPointer(start: start, count: count)) }

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
        if isOwner { start.deallocate() }
        start = larger
        isOwner = true
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
    @inlinable
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
        let digits = TextBuffer.digits(of: value)
        reserve(digits)
        var place = start + count + digits
        var rest = value
        while rest >= 10 {
            let pair = TextBuffer.pairs.utf8Start + 2 * Int(truncatingIfNeeded: rest % 100)
            place -= 2
            place[0] = pair[0]
            place[1] = pair[1]
            rest /= 100
        }
        // One digit is left where their number is odd.
        if digits % 2 == 1 { place[-1] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest) }
        count += digits
    }

    /// How many decimal digits a number has.
    @inline(__always)
    private static func digits(of value: UInt64) -> Int {
        var (digits, rest) = (1, value)
        while rest >= 10_000 {
            digits += 4
            rest /= 10_000
        }
        if rest >= 1_000 { return digits + 3 }
        if rest >= 100 { return digits + 2 }
        return rest >= 10 ? digits + 1 : digits
    }

    /// Appends bytes that are there already, once more.
    @inline(__always)
    mutating func appendAgain(_ bytes: Range<Int>) {
        reserve(bytes.count)
        (start + count).update(from: start + bytes.lowerBound, count: bytes.count)
        count += bytes.count
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
