/// A request target, taken apart.
struct RequestTarget: Sendable {
    /// The authority of an absolute target.
    var authority: String?
    var path = ""
    var segments: [String] = []
    var rawQuery = ""
    var query: [QueryItem] = []
    /// Whether the path begins with a slash, as all but `*` and an authority do.
    var isPath = true

    /// How much of a refused target is kept to be logged.
    private static let keptOfRefused = 256

    /// Takes a target apart, as far as its first fault.
    ///
    /// - Returns: the target, or what is known of it, and the fault if there is one.
    static func parse(
        _ bytes: UnsafeBufferPointer<UInt8>,
        byteLimit: Int,
        itemLimit: Int
    ) -> (RequestTarget, ListenerRefusal?) {
        var target = RequestTarget()
        var rest = bytes[...]
        let isTooLong = rest.count > byteLimit
        if isTooLong { rest = rest.prefix(byteLimit) }
        target.takeAuthority(from: &rest)
        let questionMark = rest.firstIndex(of: UInt8(ascii: "?"))
        let path = rest[..<(questionMark ?? rest.endIndex)]
        let query = questionMark.map { rest[($0 + 1)...] }
        if isTooLong {
            target.path = String(decoding: path.prefix(keptOfRefused), as: UTF8.self)
            return (target, .targetTooLong(limit: byteLimit))
        }
        // An absolute target may leave out the path.
        target.path =
            path.isEmpty && target.authority != nil
            ? "/" : String(decoding: UnsafeBufferPointer(rebasing: path), as: UTF8.self)
        if let fault = fault(of: rest, authority: target.authority) { return (target, fault) }
        if let query {
            target.rawQuery = String(decoding: UnsafeBufferPointer(rebasing: query), as: UTF8.self)
            if query.count(where: { $0 == UInt8(ascii: "&") }) >= itemLimit {
                return (target, .tooManyQueryItems(limit: itemLimit))
            }
        }
        let fault = target.decode(path: path, query: query)
        return (target, fault)
    }

    /// Moves `http://authority` off the front.
    private mutating func takeAuthority(from rest: inout Slice<UnsafeBufferPointer<UInt8>>) {
        // Nearly every target begins with a slash.
        guard rest.first != UInt8(ascii: "/") else { return }
        for scheme in ["http://", "https://"] where rest.count >= scheme.utf8.count {
            let front = rest.prefix(scheme.utf8.count)
            guard front.elementsEqual(scheme.utf8, by: { asciiLowercased($0) == $1 }) else {
                continue
            }
            let tail = rest.dropFirst(scheme.utf8.count)
            let end = tail.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") }
            authority = String(decoding: tail[..<(end ?? tail.endIndex)], as: UTF8.self)
            rest = tail[(end ?? tail.endIndex)...]
            return
        }
        isPath = false
    }

    /// What no target may hold, wherever it stands.
    private static func fault(
        of rest: Slice<UnsafeBufferPointer<UInt8>>,
        authority: String?
    ) -> ListenerRefusal? {
        for byte in rest where byte <= 0x20 || byte == 0x7F || byte == UInt8(ascii: "#") {
            return .targetInvalid(
                detail: "it holds a blank, a control character or a number sign that is not escaped"
            )
        }
        if let authority {
            guard !authority.isEmpty else { return .targetInvalid(detail: "it names no host") }
            let isClean = authority.utf8.allSatisfy {
                $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "@") && $0 != UInt8(ascii: "#")
            }
            guard isClean else { return .targetInvalid(detail: "its authority is not a host") }
        }
        return nil
    }

    private mutating func decode(
        path: Slice<UnsafeBufferPointer<UInt8>>,
        query: Slice<UnsafeBufferPointer<UInt8>>?
    ) -> ListenerRefusal? {
        if isPath {
            var rest = path.dropFirst()
            segments.reserveCapacity(8)
            while !(rest.isEmpty && segments.isEmpty) {
                let slash = rest.firstIndex(of: UInt8(ascii: "/"))
                guard
                    let segment = percentDecoded(
                        rest[..<(slash ?? rest.endIndex)],
                        plusIsBlank: false
                    )
                else {
                    segments = []
                    return .targetInvalid(
                        detail: "a part of the path has a bad escape or is not UTF-8"
                    )
                }
                segments.append(segment)
                guard let slash else { break }
                rest = rest[(slash + 1)...]
            }
        } else {
            segments = [self.path]
        }
        guard let query else { return nil }
        for part in query.split(separator: UInt8(ascii: "&")) {
            let equals = part.firstIndex(of: UInt8(ascii: "="))
            let name = percentDecoded(part[..<(equals ?? part.endIndex)], plusIsBlank: true)
            let value =
                equals.map { percentDecoded(part[($0 + 1)...], plusIsBlank: true) } ?? ""
            guard let name, let value else {
                self.query = []
                return .targetInvalid(detail: "the query has a bad escape or is not UTF-8")
            }
            self.query.append(QueryItem(name: name, value: value, hasValue: equals != nil))
        }
        return nil
    }
}

/// Decodes `%XX` once; `nil` for a bad escape, or if the bytes are not UTF-8.
func percentDecoded(
    _ bytes: Slice<UnsafeBufferPointer<UInt8>>,
    plusIsBlank: Bool
) -> String? {
    let needsWork = bytes.contains {
        $0 == UInt8(ascii: "%") || (plusIsBlank && $0 == UInt8(ascii: "+"))
    }
    guard needsWork else { return validText(UnsafeBufferPointer(rebasing: bytes)) }
    var decoded: [UInt8] = []
    decoded.reserveCapacity(bytes.count)
    var index = bytes.startIndex
    while index < bytes.endIndex {
        let byte = bytes[index]
        index += 1
        guard byte == UInt8(ascii: "%") else {
            decoded.append(plusIsBlank && byte == UInt8(ascii: "+") ? 0x20 : byte)
            continue
        }
        guard bytes.endIndex - index >= 2, let high = hexDigit(bytes[index]),
            let low = hexDigit(bytes[index + 1])
        else { return nil }
        decoded.append(high << 4 | low)
        index += 2
    }
    return decoded.withUnsafeBufferPointer(validText)
}

private func validText(_ bytes: UnsafeBufferPointer<UInt8>) -> String? {
    // Nearly all of it is ASCII, for which the decoder is much quicker than the validator.
    bytes.allSatisfy { $0 < 0x80 }
        ? String(decoding: bytes, as: UTF8.self) : String(validating: bytes, as: UTF8.self)
}

private func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}

func asciiLowercased(_ byte: UInt8) -> UInt8 {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
}
