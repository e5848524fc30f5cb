/// A text that a client gave and gets back untouched: a key or a context.
///
/// Up to 14 bytes of UTF-8 stand in the value itself, so that for most texts nothing is allocated,
/// counted or freed.
public struct ClientText: Hashable, Sendable {
    @usableFromInline
    enum Form: Hashable, Sendable {
        /// The bytes, the first of them the lowest of the first number, blanks behind them, and how
        /// many there are. With the mark that tells the cases apart they fill 16 bytes.
        case short(UInt64, UInt32, UInt16, count: UInt8)
        /// More bytes than stand in place.
        case long([UInt8])
    }

    @usableFromInline let form: Form

    /// The most bytes that stand in the value.
    @inlinable static var mostInPlace: Int { 14 }

    @inlinable static var blanks: UInt64 { 0x2020_2020_2020_2020 }

    /// The text with these bytes, which must be UTF-8.
    @inlinable
    @inline(__always)
    public init(utf8 text: UnsafeBufferPointer<UInt8>) {
        guard text.count <= ClientText.mostInPlace else {
            form = .long(Array(text))
            return
        }
        var words = (ClientText.blanks, ClientText.blanks)
        withUnsafeMutableBytes(of: &words) { $0.copyMemory(from: UnsafeRawBufferPointer(text)) }
        let (first, second) = (UInt64(littleEndian: words.0), UInt64(littleEndian: words.1))
        form = .short(
            first, UInt32(truncatingIfNeeded: second), UInt16(truncatingIfNeeded: second >> 32),
            count: UInt8(truncatingIfNeeded: text.count))
    }

    /// The text of a string.
    @inlinable
    public init(_ text: String) {
        var text = text
        self = text.withUTF8 { ClientText(utf8: $0) }
    }

    /// The text as a string.
    public var text: String { withUTF8 { String(decoding: $0, as: UTF8.self) } }

    /// Whether bytes stand outside of the value, which have to be freed with it.
    ///
    /// Asked so and not by an attribute, `text?.holdsMemory` would copy the text to look at it.
    @inlinable
    @inline(__always)
    public static func holdsMemory(_ text: ClientText?) -> Bool {
        if case .some(let text) = text, case .long = text.form { true } else { false }
    }

    /// The bytes if they stand in the value: the first of them the lowest of the first word, blanks
    /// behind them.
    @inlinable
    @inline(__always)
    public var inPlace: (words: (UInt64, UInt64), count: Int)? {
        guard case .short(let first, let second, let third, let count) = form else { return nil }
        return (ClientText.words(first, second, third), Int(count))
    }

    @inlinable
    @inline(__always)
    static func words(_ first: UInt64, _ second: UInt32, _ third: UInt16) -> (UInt64, UInt64) {
        (first, UInt64(second) | UInt64(third) << 32 | blanks & 0xFFFF << 48)
    }

    /// Calls `body` with the bytes, which are UTF-8.
    @inlinable
    public func withUTF8<R>(_ body: (UnsafeBufferPointer<UInt8>) -> R) -> R {
        switch form {
        case .short(let first, let second, let third, let count):
            let words = ClientText.words(first, second, third)
            return withUnsafeBytes(of: (words.0.littleEndian, words.1.littleEndian)) { bytes in
                bytes.withMemoryRebound(to: UInt8.self) {
                    body(UnsafeBufferPointer(start: $0.baseAddress, count: Int(count)))
                }
            }
        case .long(let bytes):
            return bytes.withUnsafeBufferPointer(body)
        }
    }
}

extension ClientText: ExpressibleByStringLiteral {
    /// The text of a literal.
    @inlinable
    @inline(__always)
    public init(stringLiteral text: StaticString) {
        self = text.withUTF8Buffer { ClientText(utf8: $0) }
    }
}

extension ClientText: CustomStringConvertible {
    /// The text as a string.
    public var description: String { text }
}
