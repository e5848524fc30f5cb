internal import CJansson

/// One value inside a parsed JSON text, looked at in place: nothing is copied before it is asked.
///
/// A node is a bare reference into its ``JSONDocument``. It is valid only inside the closure that
/// was given the document's root, and must not be stored beyond it.
public struct JSONNode {
    /// What a JSON value can be; a number written without fraction and exponent is `.integer`.
    public enum Kind: Sendable {
        case object, array, string, integer, real, boolean, null
    }

    /// The largest integer that every JSON program holds exactly, 2^53 - 1.
    public static let largestInteger = 9_007_199_254_740_991

    let json: UnsafeMutablePointer<json_t>

    @inline(__always)
    init(_ json: UnsafeMutablePointer<json_t>) { self.json = json }

    @inline(__always)
    init?(_ json: UnsafeMutablePointer<json_t>?) {
        guard let json else { return nil }
        self.json = json
    }

    /// What this value is.
    public var kind: Kind {
        switch json.pointee.type {
        case JSON_OBJECT: .object
        case JSON_ARRAY: .array
        case JSON_STRING: .string
        case JSON_INTEGER: .integer
        case JSON_REAL: .real
        case JSON_TRUE, JSON_FALSE: .boolean
        default: .null
        }
    }

    /// Whether this is the value `null`.
    public var isNull: Bool { json.pointee.type == JSON_NULL }

    /// The boolean, or nil for another kind.
    public var boolean: Bool? {
        switch json.pointee.type {
        case JSON_TRUE: true
        case JSON_FALSE: false
        default: nil
        }
    }

    /// The integer, or nil for another kind.
    ///
    /// A number with a zero fraction (`1.0`, `1e3`) is an integer as long as it lies within
    /// ±``largestInteger``; one without fraction and exponent may be any 64-bit integer.
    public var integer: Int? {
        switch json.pointee.type {
        case JSON_INTEGER:
            return Int(json_integer_value(json))
        case JSON_REAL:
            let value = json_real_value(json)
            guard abs(value) <= Double(JSONNode.largestInteger) else { return nil }
            return Int(exactly: value)
        default:
            return nil
        }
    }

    /// The number, rounded to a `Double`, or nil for another kind.
    public var number: Double? {
        switch json.pointee.type {
        case JSON_INTEGER, JSON_REAL: json_number_value(json)
        default: nil
        }
    }

    // MARK: - Strings

    /// The string, which may hold U+0000, or nil for another kind.
    public var string: String? {
        withUTF8 { String(decoding: $0, as: UTF8.self) }
    }

    /// How many Unicode code points the string has, or nil for another kind.
    public var codePointCount: Int? {
        withUTF8 { text in
            // Every byte but the continuation bytes starts a code point. No early way out, so that
            // the compiler can take many bytes at once.
            var count = 0
            for byte in text where byte & 0xC0 != 0x80 { count &+= 1 }
            return count
        }
    }

    /// Calls `body` with the string's UTF-8 bytes in place; nil for another kind.
    @inline(__always)
    func withUTF8<R, E: Error>(
        _ body: (UnsafeBufferPointer<UInt8>) throws(E) -> R
    ) throws(E) -> R? {
        guard json.pointee.type == JSON_STRING, let start = json_string_value(json) else {
            return nil
        }
        let bytes = UnsafeRawPointer(start).assumingMemoryBound(to: UInt8.self)
        return try body(UnsafeBufferPointer(start: bytes, count: json_string_length(json)))
    }

    // MARK: - Objects

    /// How many members the object has; 0 for another kind.
    public var memberCount: Int { json_object_size(json) }

    /// The member of that name, or nil when there is none or this is no object.
    @inline(__always)
    public func member(_ name: StaticString) -> JSONNode? {
        guard json.pointee.type == JSON_OBJECT else { return nil }
        return name.utf8Start.withMemoryRebound(to: CChar.self, capacity: 1) { start in
            JSONNode(json_object_getn(json, start, name.utf8CodeUnitCount))
        }
    }

    /// The member of that name, or nil when there is none or this is no object.
    public func member(named name: String) -> JSONNode? {
        guard json.pointee.type == JSON_OBJECT else { return nil }
        var name = name
        return name.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) { start in
                // An empty string may come without an address.
                guard let address = start.baseAddress else {
                    return JSONNode(json_object_getn(json, "", 0))
                }
                return JSONNode(json_object_getn(json, address, start.count))
            }
        }
    }

    /// Calls `body` with each member, in the order of the text; does nothing for another kind.
    public func forEachMember<E: Error>(
        _ body: (String, JSONNode) throws(E) -> Void
    ) throws(E) {
        try forEachRawMember { (name, node) throws(E) in
            try body(String(decoding: name, as: UTF8.self), node)
        }
    }

    /// As ``forEachMember(_:)``, with the name's UTF-8 bytes in place.
    func forEachRawMember<E: Error>(
        _ body: (UnsafeBufferPointer<UInt8>, JSONNode) throws(E) -> Void
    ) throws(E) {
        var iterator = json_object_iter(json)
        while let member = iterator {
            if let name = json_object_iter_key(member),
                let value = JSONNode(json_object_iter_value(member))
            {
                let bytes = UnsafeRawPointer(name).assumingMemoryBound(to: UInt8.self)
                let count = json_object_iter_key_len(member)
                try body(UnsafeBufferPointer(start: bytes, count: count), value)
            }
            iterator = json_object_iter_next(json, member)
        }
    }

    // MARK: - Arrays

    /// How many elements the array has; 0 for another kind.
    public var arrayCount: Int { json_array_size(json) }

    /// The element at an index, or nil when there is none or this is no array.
    public func element(at index: Int) -> JSONNode? {
        guard index >= 0 else { return nil }
        return JSONNode(json_array_get(json, index))
    }
}
