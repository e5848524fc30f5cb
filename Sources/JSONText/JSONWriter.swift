public import EngineBase

/// Writes compact JSON to a growing buffer of bytes.
///
/// Commas are put by the writer; that members and values alternate and that brackets match is the
/// caller's business. Strings are escaped only where RFC 8259 asks for it.
public struct JSONWriter: ~Copyable {
    @usableFromInline var buffer: TextBuffer

    /// Whether the next value or member follows another one.
    @usableFromInline var needsComma = false

    /// An empty writer with room for that many bytes.
    public init(reservingCapacity capacity: Int = 256) { buffer = TextBuffer(capacity: capacity) }

    private init(in memory: UnsafeMutableBufferPointer<UInt8>) { buffer = TextBuffer(in: memory) }

    /// Makes a text.
    ///
    /// - Parameters:
    ///   - capacity: how many bytes to expect; they are written where they stay if no more come.
    ///   - write: writes the text.
    /// - Returns: what was written, in UTF-8.
    public static func text(
        reserving capacity: Int = 256,
        _ write: (inout JSONWriter) -> Void
    ) -> [UInt8] {
        var grown: [UInt8]?
        let text = [UInt8](unsafeUninitializedCapacity: capacity) { memory, count in
            var writer = JSONWriter(in: memory)
            write(&writer)
            if writer.buffer.isOwner { grown = writer.bytes } else { count = writer.buffer.count }
        }
        return grown ?? text
    }

    /// What was written so far, in UTF-8.
    public var bytes: [UInt8] { buffer.bytes }

    /// Ends the text with a line feed, as every reply does.
    public mutating func finishLine() {
        buffer.append(UInt8(ascii: "\n"))
        needsComma = false
    }

    // MARK: - Objects and arrays

    /// Starts an object.
    @inlinable
    public mutating func beginObject() { open(UInt8(ascii: "{")) }

    /// Ends the object that was started last.
    @inlinable
    public mutating func endObject() { close(UInt8(ascii: "}")) }

    /// Starts an array.
    @inlinable
    public mutating func beginArray() { open(UInt8(ascii: "[")) }

    /// Ends the array that was started last.
    @inlinable
    public mutating func endArray() { close(UInt8(ascii: "]")) }

    /// Writes an object whose members `body` writes.
    public mutating func object<E: Error>(
        _ body: (inout JSONWriter) throws(E) -> Void
    ) throws(E) {
        beginObject()
        try body(&self)
        endObject()
    }

    /// Writes an array whose elements `body` writes.
    public mutating func array<E: Error>(
        _ body: (inout JSONWriter) throws(E) -> Void
    ) throws(E) {
        beginArray()
        try body(&self)
        endArray()
    }

    /// Writes a member's name, which must need no escapes; its value comes next.
    @inlinable
    @inline(__always)
    public mutating func member(_ name: StaticString) {
        buffer.reserve(name.utf8CodeUnitCount + 4)
        if needsComma { buffer.put(",\"") } else { buffer.put("\"") }
        buffer.put(name)
        buffer.put("\":")
        needsComma = false
    }

    /// Writes a member's name, whatever it is; its value comes next.
    public mutating func member(named name: String) {
        string(name)
        buffer.append(UInt8(ascii: ":"))
        needsComma = false
    }

    // MARK: - Values

    /// Writes a string.
    public mutating func string(_ value: String) {
        // Without a copy where the bytes lie together, as they do but for strings of other systems.
        if value.utf8.withContiguousStorageIfAvailable({ string(utf8: $0) }) == nil {
            var copy = value
            copy.withUTF8 { string(utf8: $0) }
        }
    }

    /// Writes a client's own text.
    @inlinable
    @inline(__always)
    mutating func string(_ text: ClientText) {
        if let (words, count) = text.inPlace, !mayNeedEscape(words.0), !mayNeedEscape(words.1) {
            buffer.reserve(20)
            if needsComma { buffer.put(",\"") } else { buffer.put("\"") }
            buffer.put(words, count: count)
            buffer.put("\"")
            needsComma = true
        } else {
            stringWithCare(text)
        }
    }

    @usableFromInline
    @inline(never)
    mutating func stringWithCare(_ text: ClientText) {
        text.withUTF8 { string(utf8: $0) }
    }

    /// Writes an integer.
    public mutating func integer(_ value: Int) {
        separate()
        if value < 0 { buffer.append(UInt8(ascii: "-")) }
        buffer.appendDecimal(UInt64(value.magnitude))
        needsComma = true
    }

    /// Writes an integer without sign.
    public mutating func unsigned(_ value: UInt64) {
        separate()
        buffer.appendDecimal(value)
        needsComma = true
    }

    /// Writes an integer without sign as a string of decimal digits, for values beyond 2^53 - 1.
    public mutating func decimalString(_ value: UInt64) { string("", then: value) }

    /// Writes a string: a text that needs no escapes, and a number in decimal digits.
    public mutating func string(_ text: String, then number: UInt64) {
        var text = text
        quoted { buffer in
            text.withUTF8 { buffer.append($0) }
            buffer.appendDecimal(number)
        }
    }

    /// Writes a string that needs no escapes.
    @inlinable
    @inline(__always)
    public mutating func string(plain text: StaticString) {
        buffer.reserve(text.utf8CodeUnitCount + 3)
        separate()
        buffer.put("\"")
        buffer.put(text)
        buffer.put("\"")
        needsComma = true
    }

    /// Writes a number, which must be finite: JSON has no other ones.
    public mutating func number(_ value: Double) {
        precondition(value.isFinite, "JSON has no infinity")
        separate()
        var text = value.description
        text.withUTF8 { buffer.append($0) }
        needsComma = true
    }

    /// Writes `true` or `false`.
    public mutating func boolean(_ value: Bool) { raw(value ? "true" : "false") }

    /// Writes a value that is JSON already.
    public mutating func raw(_ fragment: [UInt8]) {
        separate()
        fragment.withUnsafeBufferPointer { buffer.append($0) }
        needsComma = true
    }

    /// Writes a value that is JSON already.
    public mutating func raw(_ fragment: StaticString) {
        separate()
        buffer.append(fragment)
        needsComma = true
    }

    /// Writes members that are JSON already: what stands between the brackets of an object.
    public mutating func members(raw fragment: [UInt8]) { raw(fragment) }

    // MARK: - The common part

    /// Writes a string from its UTF-8 bytes, which must be valid.
    @inline(__always)
    mutating func string(utf8 text: UnsafeBufferPointer<UInt8>) {
        buffer.reserve(text.count + 3)
        if needsComma { buffer.put(",\"") } else { buffer.put("\"") }
        appendEscaped(text, to: &buffer)
        buffer.append(UInt8(ascii: "\""))
        needsComma = true
    }

    /// Writes a string of `count` characters that need no escapes, which `fill` puts in place.
    public mutating func string(
        count: Int,
        filledBy fill: (UnsafeMutableBufferPointer<UInt8>) -> Void
    ) {
        quoted { $0.append(count: count, filledBy: fill) }
    }

    /// Writes a string whose inside `write` appends.
    @inline(__always)
    private mutating func quoted(_ write: (inout TextBuffer) -> Void) {
        separate()
        buffer.append(UInt8(ascii: "\""))
        write(&buffer)
        buffer.append(UInt8(ascii: "\""))
        needsComma = true
    }

    @inlinable
    @inline(__always)
    mutating func separate() {
        if needsComma { buffer.append(UInt8(ascii: ",")) }
    }

    @inlinable
    mutating func open(_ bracket: UInt8) {
        separate()
        buffer.append(bracket)
        needsComma = false
    }

    @inlinable
    mutating func close(_ bracket: UInt8) {
        buffer.append(bracket)
        needsComma = true
    }
}
