/// Appends the inside of a JSON string: `"`, `\` and U+0000 to U+001F are escaped, nothing else.
///
/// There must be room for the text as it is.
@inline(__always)
func appendEscaped(_ text: UnsafeBufferPointer<UInt8>, to bytes: inout TextBuffer) {
    // Most texts have nothing to escape: they are looked at and copied in one go.
    let plain = copyPlain(text, to: bytes.start + bytes.count)
    bytes.count += plain
    if plain < text.count { appendEscaped(text, from: plain, to: &bytes) }
}

@inline(never)
private func appendEscaped(
    _ text: UnsafeBufferPointer<UInt8>, from first: Int, to bytes: inout TextBuffer
) {
    var done = first
    while done < text.count {
        appendEscape(text[done], to: &bytes)
        done += 1
        bytes.reserve(text.count - done)
        let rest = UnsafeBufferPointer(rebasing: text[done...])
        let plain = copyPlain(rest, to: bytes.start + bytes.count)
        bytes.count += plain
        done += plain
    }
}

/// Copies as far as nothing has to be escaped, eight bytes at a time where it can.
///
/// - Returns: how many bytes were copied.
@inline(__always)
private func copyPlain(
    _ text: UnsafeBufferPointer<UInt8>, to target: UnsafeMutablePointer<UInt8>
) -> Int {
    guard let source = text.baseAddress else { return 0 }
    let count = text.count
    var done = 0
    while done + 8 <= count, copyWord(source + done, to: target + done) { done += 8 }
    if done == count { return count }
    // The last eight, some of them once more.
    if done + 8 > count, count >= 8, copyWord(source + count - 8, to: target + count - 8) {
        return count
    }
    if count < 8, count >= 4 {
        // The first four and the last four are looked at as one.
        let first = UnsafeRawPointer(source).loadUnaligned(as: UInt32.self)
        let last = UnsafeRawPointer(source + count - 4).loadUnaligned(as: UInt32.self)
        if !mayNeedEscape(UInt64(first) << 32 | UInt64(last)) {
            UnsafeMutableRawPointer(target).storeBytes(of: first, as: UInt32.self)
            UnsafeMutableRawPointer(target + count - 4).storeBytes(of: last, as: UInt32.self)
            return count
        }
    }
    while done < count, !needsEscape(source[done]) {
        target[done] = source[done]
        done += 1
    }
    return done
}

@inline(__always)
private func copyWord(
    _ source: UnsafePointer<UInt8>, to target: UnsafeMutablePointer<UInt8>
) -> Bool {
    let word = UnsafeRawPointer(source).loadUnaligned(as: UInt64.self)
    guard !mayNeedEscape(word) else { return false }
    UnsafeMutableRawPointer(target).storeBytes(of: word, as: UInt64.self)
    return true
}

@inline(__always)
private func needsEscape(_ byte: UInt8) -> Bool {
    byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
}

/// Whether one of eight bytes may need an escape: never no where one does.
@inlinable
@inline(__always)
func mayNeedEscape(_ word: UInt64) -> Bool {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let tops: UInt64 = 0x8080_8080_8080_8080
    // Subtracting borrows into the top bit of a byte that was smaller; a byte that had its top
    // bit set is no control character, quote or backslash and is masked out.
    let quotes = word ^ (ones &* 0x22)
    let backslashes = word ^ (ones &* 0x5C)
    let hits = (word &- ones &* 0x20) | (quotes &- ones) | (backslashes &- ones)
    return hits & ~word & tops != 0
}

private func appendEscape(_ byte: UInt8, to bytes: inout TextBuffer) {
    bytes.append(UInt8(ascii: "\\"))
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(byte)
    case 0x08: bytes.append(UInt8(ascii: "b"))
    case 0x09: bytes.append(UInt8(ascii: "t"))
    case 0x0A: bytes.append(UInt8(ascii: "n"))
    case 0x0C: bytes.append(UInt8(ascii: "f"))
    case 0x0D: bytes.append(UInt8(ascii: "r"))
    default:
        bytes.append("u00")
        let (high, low) = (byte >> 4, byte & 0x0F)
        bytes.append(UInt8(ascii: "0") + high)
        bytes.append(low < 10 ? UInt8(ascii: "0") + low : UInt8(ascii: "a") + low - 10)
    }
}
