/// What bytes are as text.
struct TextTraits {
    private let bytes: UnsafeBufferPointer<UInt8>
    private let isASCII: Bool

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
        var all: UInt8 = 0
        for byte in bytes { all |= byte }
        isASCII = all < 0x80
    }

    /// Whether the bytes are valid UTF-8.
    var isUTF8: Bool {
        if isASCII { return true }
        return (try? UTF8Span(validating: bytes.span)) != nil
    }

    /// Whether the bytes are valid UTF-8 without control characters but those of plain text.
    var isReadable: Bool {
        // No early way out of the loop, so that the compiler can take many bytes at once.
        var hasControl = false
        for byte in bytes {
            let isPlain = byte >= 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D
            hasControl = hasControl || !isPlain || byte == 0x7F
        }
        if hasControl { return false }
        return isASCII || isUTF8 && !hasHighControl
    }

    /// Whether one of U+0080 to U+009F, which UTF-8 writes as C2 80 to C2 9F, is in valid UTF-8.
    private var hasHighControl: Bool {
        for index in bytes.indices.dropFirst()
        where bytes[index - 1] == 0xC2 && bytes[index] < 0xA0 {
            return true
        }
        return false
    }
}
