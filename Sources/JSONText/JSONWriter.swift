/// Writes compact JSON to a growing buffer of bytes.
///
/// Commas are put by the writer; that members and values alternate and that brackets match is the
/// caller's business. Strings are escaped only where RFC 8259 asks for it.
public struct JSONWriter {
    /// What was written so far, in UTF-8.
    public private(set) var bytes: [UInt8] = []

    /// Whether the next value or member follows another one.
    private var needsComma = false

    /// An empty writer with room for that many bytes.
    public init(reservingCapacity capacity: Int = 256) { bytes.reserveCapacity(capacity) }

    /// Gives the bytes away without copying them, and starts anew.
    public mutating func takeBytes() -> [UInt8] {
        var taken: [UInt8] = []
        swap(&taken, &bytes)
        needsComma = false
        return taken
    }

    /// Ends the text with a line feed, as every reply does.
    public mutating func finishLine() {
        bytes.append(UInt8(ascii: "\n"))
        needsComma = false
    }

    // MARK: - Objects and arrays

    /// Starts an object.
    public mutating func beginObject() { open(UInt8(ascii: "{")) }

    /// Ends the object that was started last.
    public mutating func endObject() { close(UInt8(ascii: "}")) }

    /// Starts an array.
    public mutating func beginArray() { open(UInt8(ascii: "[")) }

    /// Ends the array that was started last.
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
    public mutating func member(_ name: StaticString) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        bytes.append(
            contentsOf: UnsafeBufferPointer(
                start: name.utf8Start,
                count: name.utf8CodeUnitCount
            )
        )
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    /// Writes a member's name, whatever it is; its value comes next.
    public mutating func member(named name: String) {
        string(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    // MARK: - Values

    /// Writes a string.
    public mutating func string(_ value: String) {
        var value = value
        value.withUTF8 { string(utf8: $0) }
    }

    /// Writes an integer.
    public mutating func integer(_ value: Int) {
        separate()
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        digits(UInt64(value.magnitude))
        needsComma = true
    }

    /// Writes an integer without sign.
    public mutating func unsigned(_ value: UInt64) {
        separate()
        digits(value)
        needsComma = true
    }

    /// Writes an integer without sign as a string of decimal digits, for values beyond 2^53 - 1.
    public mutating func decimalString(_ value: UInt64) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        digits(value)
        bytes.append(UInt8(ascii: "\""))
        needsComma = true
    }

    /// Writes a number, which must be finite: JSON has no other ones.
    public mutating func number(_ value: Double) {
        precondition(value.isFinite, "JSON has no infinity")
        separate()
        bytes.append(contentsOf: value.description.utf8)
        needsComma = true
    }

    /// Writes `true` or `false`.
    public mutating func boolean(_ value: Bool) { raw(value ? "true" : "false") }

    /// Writes a value that is JSON already.
    public mutating func raw(_ fragment: [UInt8]) {
        separate()
        bytes.append(contentsOf: fragment)
        needsComma = true
    }

    /// Writes a value that is JSON already.
    public mutating func raw(_ fragment: StaticString) {
        separate()
        bytes.append(
            contentsOf: UnsafeBufferPointer(
                start: fragment.utf8Start,
                count: fragment.utf8CodeUnitCount
            )
        )
        needsComma = true
    }

    // MARK: - The common part

    /// Writes a string from its UTF-8 bytes, which must be valid.
    mutating func string(utf8 text: UnsafeBufferPointer<UInt8>) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        appendEscaped(text, to: &bytes)
        bytes.append(UInt8(ascii: "\""))
        needsComma = true
    }

    /// Writes a string of `count` characters that need no escapes, which `fill` puts in place.
    mutating func string(
        count: Int,
        filledBy fill: (UnsafeMutableBufferPointer<UInt8>) -> Void
    ) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        let start = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: count))
        bytes.withUnsafeMutableBufferPointer { buffer in
            fill(UnsafeMutableBufferPointer(rebasing: buffer[start...]))
        }
        bytes.append(UInt8(ascii: "\""))
        needsComma = true
    }

    @inline(__always)
    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
    }

    private mutating func open(_ bracket: UInt8) {
        separate()
        bytes.append(bracket)
        needsComma = false
    }

    private mutating func close(_ bracket: UInt8) {
        bytes.append(bracket)
        needsComma = true
    }

    private mutating func digits(_ value: UInt64) {
        if value < 10 {
            bytes.append(UInt8(ascii: "0") + UInt8(value))
            return
        }
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { scratch in
            var rest = value
            var start = 20
            while rest > 0 {
                start -= 1
                let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
                scratch[start] = UInt8(ascii: "0") + UInt8(digit)
                rest = quotient
            }
            bytes.append(contentsOf: UnsafeBufferPointer(rebasing: scratch[start...]))
        }
    }
}
