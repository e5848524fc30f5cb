import Glibc

/// The names of the header fields that are kept, shared by all requests of a listener.
final class FieldNames: Sendable {
    let names: [String]
    private let bytes: [[UInt8]]
    /// The places of the names of each length; those of 63 and more are together.
    private let places: [[UInt8]]

    // What the listener itself looks for. Not static: that would be a call for each look.
    let host = Array("host".utf8)
    let expect = Array("expect".utf8)
    let contentType = Array("content-type".utf8)
    let requestID = Array("x-request-id".utf8)
    let contentLength = Array("content-length".utf8)
    let transferEncoding = Array("transfer-encoding".utf8)
    let chunked = Array("chunked".utf8)
    let continues = Array("100-continue".utf8)

    init(_ names: [String]) {
        precondition(names.count < Int(UInt8.max), "too many fields to keep")
        self.names = names.map { $0.lowercased() }
        bytes = self.names.map { Array($0.utf8) }
        var places = [[UInt8]](repeating: [], count: 64)
        for (place, name) in bytes.enumerated() { places[min(name.count, 63)].append(UInt8(place)) }
        self.places = places
    }

    /// The place of a field, by a name in any case that is known to be a token.
    func place(of name: UnsafeBufferPointer<UInt8>) -> Int? {
        for place in places[min(name.count, 63)] where isSameName(name, bytes[Int(place)]) {
            return Int(place)
        }
        return nil
    }

    func place(of lowercasedName: StaticString) -> Int? {
        place(
            of: UnsafeBufferPointer(
                start: lowercasedName.utf8Start,
                count: lowercasedName.utf8CodeUnitCount
            )
        )
    }
}

/// Whether a token equals a name in lower case, letters in any case.
func isSameName(_ token: UnsafeBufferPointer<UInt8>, _ lowercased: [UInt8]) -> Bool {
    let count = token.count
    guard count == lowercased.count else { return false }
    guard count >= 8 else {
        // Among the bytes of tokens this folds letters only, and makes nothing into a hyphen.
        return (0..<count).allSatisfy { token[$0] | 0x20 == lowercased[$0] }
    }
    let token = UnsafeRawBufferPointer(token)
    return lowercased.withUnsafeBytes { name in
        /// The same for eight bytes.
        func isSame(from start: Int) -> Bool {
            token.loadUnaligned(fromByteOffset: start, as: UInt64.self) | 0x2020_2020_2020_2020
                == name.loadUnaligned(fromByteOffset: start, as: UInt64.self)
        }
        for start in stride(from: 0, through: count - 8, by: 8) where !isSame(from: start) {
            return false
        }
        // The last eight, some of them once more.
        return isSame(from: count - 8)
    }
}

/// The kept header fields of one request, as bytes: a value becomes a string when it is asked for.
struct KeptFields: Sendable {
    /// The place of `Host`, which is kept whether it is asked to or not.
    private static let host = UInt8.max

    let names: FieldNames
    /// Field after field: the place of its name, the value's length in two bytes, the value.
    private var records: [UInt8] = []
    /// Which of the first 64 names came: most that are asked for did not.
    private var present: UInt64 = 0

    init(names: FieldNames) {
        self.names = names
        // What most heads need.
        records.reserveCapacity(160)
    }

    subscript(_ lowercasedName: StaticString) -> String? {
        guard let place = names.place(of: lowercasedName), mayHave(place) else { return nil }
        return value(UInt8(place))
    }

    var host: String? { value(Self.host) }

    /// Whether a field came once with exactly this value.
    func has(_ lowercasedName: StaticString, _ value: StaticString) -> Bool {
        guard let place = names.place(of: lowercasedName), mayHave(place) else { return false }
        var count = 0
        var isSame = false
        forEachValue(UInt8(place)) { bytes in
            count += 1
            isSame =
                bytes.count == value.utf8CodeUnitCount
                && memcmp(bytes.baseAddress ?? value.utf8Start, value.utf8Start, bytes.count) == 0
        }
        return count == 1 && isSame
    }

    private func mayHave(_ place: Int) -> Bool { place >= 64 || present >> UInt64(place) & 1 == 1 }

    mutating func keepHost(_ value: UnsafeBufferPointer<UInt8>) { append(Self.host, value) }

    mutating func keep(
        _ value: UnsafeBufferPointer<UInt8>,
        of name: UnsafeBufferPointer<UInt8>
    ) {
        guard let place = names.place(of: name) else { return }
        if place < 64 { present |= 1 << UInt64(place) }
        append(UInt8(place), value)
    }

    private mutating func append(_ place: UInt8, _ value: UnsafeBufferPointer<UInt8>) {
        // No value is longer than the connection's memory; a longer one would lose its end.
        let length = UInt16(clamping: value.count)
        if records.isEmpty { records.reserveCapacity(128) }
        records.append(place)
        records.append(UInt8(truncatingIfNeeded: length))
        records.append(UInt8(length >> 8))
        records.append(contentsOf: value.prefix(Int(length)))
    }

    private func value(_ place: UInt8) -> String? {
        var found: String?
        forEachValue(place) { bytes in
            let value = String(decoding: bytes, as: UTF8.self)
            found = found.map { $0 + ", " + value } ?? value
        }
        return found
    }

    private func forEachValue(
        _ place: UInt8,
        _ body: (UnsafeBufferPointer<UInt8>) -> Void
    ) {
        records.withUnsafeBufferPointer { records in
            var index = 0
            while index + 3 <= records.count {
                let end = index + 3 + Int(records[index + 1]) + Int(records[index + 2]) << 8
                if records[index] == place {
                    body(UnsafeBufferPointer(rebasing: records[(index + 3)..<end]))
                }
                index = end
            }
        }
    }
}
