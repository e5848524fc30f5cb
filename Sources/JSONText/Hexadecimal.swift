/// Two digits for each byte: either case is read, lower case is written.
enum Hexadecimal {
    private static let digits = Array("0123456789abcdef".utf8)

    /// The four bits of each digit; other characters have a bit above those.
    private static let values: [UInt8] = {
        var table = [UInt8](repeating: 0x80, count: 256)
        for (value, digit) in digits.enumerated() { table[Int(digit)] = UInt8(value) }
        for (value, digit) in "ABCDEF".utf8.enumerated() { table[Int(digit)] = UInt8(10 + value) }
        return table
    }()

    /// The bytes of a text, or nil when it has an odd length or other characters.
    static func decode(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        guard text.count % 2 == 0 else { return nil }
        var seen: UInt8 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: text.count / 2) { output, initialized in
            values.withUnsafeBufferPointer { table in
                for index in 0..<text.count / 2 {
                    let high = table[Int(text[2 * index])]
                    let low = table[Int(text[2 * index + 1])]
                    seen |= high | low
                    output[index] = high << 4 | low & 0x0F
                }
            }
            initialized = text.count / 2
        }
        return seen & 0x80 == 0 ? bytes : nil
    }

    /// Writes the digits of `bytes` to `output`, which has room for two each.
    static func encode(
        _ bytes: UnsafeBufferPointer<UInt8>,
        into output: UnsafeMutableBufferPointer<UInt8>
    ) {
        digits.withUnsafeBufferPointer { digits in
            for index in 0..<bytes.count {
                output[2 * index] = digits[Int(bytes[index] >> 4)]
                output[2 * index + 1] = digits[Int(bytes[index] & 0x0F)]
            }
        }
    }
}
