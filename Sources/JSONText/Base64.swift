/// Base64 with the standard alphabet and padding; decoding takes the canonical form only.
enum Base64 {
    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8
    )

    /// Two characters for each twelve bits, the first one below.
    private static let pairs: [UInt16] = (0..<4_096).map { bits in
        UInt16(alphabet[bits >> 6]) | UInt16(alphabet[bits & 63]) << 8
    }

    /// Marks in `values` what is no character of the alphabet, by a bit that no character has.
    private static let invalid: UInt32 = 0x8000_0000

    /// The six bits of each character, four times: shifted to its place within a group of four.
    private static let values: [UInt32] = [18, 12, 6, 0].flatMap { (shift: UInt32) -> [UInt32] in
        var table = [UInt32](repeating: invalid, count: 256)
        for (bits, character) in alphabet.enumerated() {
            table[Int(character)] = UInt32(bits) << shift
        }
        return table
    }

    /// The bytes of a text, or nil when it is not canonical base64.
    static func decode(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        guard !text.isEmpty else { return [] }
        var padding = 0
        if text[text.count - 1] == UInt8(ascii: "=") {
            padding = text[text.count - 2] == UInt8(ascii: "=") ? 2 : 1
        }
        let count = text.count / 4 * 3 - padding
        var isValid = true
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { output, initialized in
            isValid = values.withUnsafeBufferPointer { table in
                decode(text, padding: padding, table: table, into: output)
            }
            initialized = isValid ? count : 0
        }
        return isValid ? bytes : nil
    }

    private static func decode(
        _ text: UnsafeBufferPointer<UInt8>,
        padding: Int,
        table: UnsafeBufferPointer<UInt32>,
        into output: UnsafeMutableBufferPointer<UInt8>
    ) -> Bool {
        var (read, written) = (0, 0)
        let end = padding == 0 ? text.count : text.count - 4
        var seen: UInt32 = 0
        while read < end {
            let group =
                table[Int(text[read])] | table[256 + Int(text[read + 1])]
                | table[512 + Int(text[read + 2])] | table[768 + Int(text[read + 3])]
            seen |= group
            output[written] = UInt8(truncatingIfNeeded: group >> 16)
            output[written + 1] = UInt8(truncatingIfNeeded: group >> 8)
            output[written + 2] = UInt8(truncatingIfNeeded: group)
            read += 4
            written += 3
        }
        guard seen & invalid == 0 else { return false }
        guard padding > 0 else { return true }
        let third = padding == 1 ? table[512 + Int(text[read + 2])] : 0
        let group = table[Int(text[read])] | table[256 + Int(text[read + 1])] | third
        let unused: UInt32 = padding == 1 ? 0xFF : 0xFFFF
        guard group & (invalid | unused) == 0 else { return false }
        output[written] = UInt8(truncatingIfNeeded: group >> 16)
        if padding == 1 { output[written + 1] = UInt8(truncatingIfNeeded: group >> 8) }
        return true
    }

    /// How many characters `count` bytes need.
    static func encodedCount(_ count: Int) -> Int { (count + 2) / 3 * 4 }

    /// Writes the base64 of `bytes` to `output`, which has room for ``encodedCount(_:)``.
    static func encode(
        _ bytes: UnsafeBufferPointer<UInt8>,
        into output: UnsafeMutableBufferPointer<UInt8>
    ) {
        guard let source = UnsafeRawPointer(bytes.baseAddress),
            let target = UnsafeMutableRawPointer(output.baseAddress)
        else { return }
        pairs.withUnsafeBufferPointer { pairs in
            var (read, written) = (0, 0)
            // Six bytes at a time, of eight that are there to be looked at.
            while read + 8 <= bytes.count {
                let word = UInt64(
                    bigEndian: source.loadUnaligned(fromByteOffset: read, as: UInt64.self))
                put(
                    pair(word >> 52) | pair(word >> 40) << 16 | pair(word >> 28) << 32
                        | pair(word >> 16) << 48)
                read += 6
                written += 8
            }
            while read + 3 <= bytes.count {
                put(group(bytes[read], bytes[read + 1], bytes[read + 2]))
                read += 3
                written += 4
            }
            let left = bytes.count - read
            guard left > 0 else { return }
            put(group(bytes[read], left == 2 ? bytes[read + 1] : 0, 0))
            output[written + 3] = UInt8(ascii: "=")
            if left == 1 { output[written + 2] = UInt8(ascii: "=") }

            /// The two characters of the lowest twelve bits.
            @inline(__always)
            func pair(_ bits: UInt64) -> UInt64 { UInt64(pairs[Int(bits & 0xFFF)]) }

            @inline(__always)
            func group(_ first: UInt8, _ second: UInt8, _ third: UInt8) -> UInt32 {
                let bits = UInt64(first) << 16 | UInt64(second) << 8 | UInt64(third)
                return UInt32(pair(bits >> 12) | pair(bits) << 16)
            }

            @inline(__always)
            func put<Characters: FixedWidthInteger>(_ characters: Characters) {
                target.storeBytes(
                    of: characters.littleEndian, toByteOffset: written, as: Characters.self)
            }
        }
    }
}
