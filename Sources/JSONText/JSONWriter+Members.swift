public import EngineBase

/// Whole members in one call. A value that is nil leaves the member out.
extension JSONWriter {
    /// Writes a member that is a string.
    @inlinable
    @inline(__always)
    public mutating func member(_ name: StaticString, _ value: String?) {
        guard let value else { return }
        member(name)
        string(value)
    }

    /// Writes a member that is a client's own text.
    @inlinable
    @inline(__always)
    public mutating func member(_ name: StaticString, _ text: ClientText?) {
        guard case .some(let text) = text else { return }
        member(name)
        string(text)
    }

    /// Writes a member that is a string, a text without need of escapes and a number in decimal
    /// digits, and one that is the number itself.
    public mutating func members(
        _ name: StaticString,
        _ prefix: [UInt8],
        _ numberName: StaticString,
        _ number: UInt64
    ) {
        member(name)
        let most = 20
        buffer.reserve(prefix.count + numberName.utf8CodeUnitCount + 2 * most + 6)
        buffer.put("\"")
        prefix.withUnsafeBufferPointer { buffer.append($0) }
        let first = buffer.count
        buffer.appendDecimal(number)
        let digits = first..<buffer.count
        buffer.put("\",\"")
        buffer.put(numberName)
        buffer.put("\":")
        buffer.appendAgain(digits)
        needsComma = true
    }

    /// Writes a member that is an integer.
    @inlinable
    @inline(__always)
    public mutating func member(_ name: StaticString, _ value: Int?) {
        guard let value else { return }
        member(name)
        integer(value)
    }

    /// Writes a member that is an integer without sign.
    @inlinable
    @inline(__always)
    public mutating func member(_ name: StaticString, _ value: UInt64?) {
        guard let value else { return }
        member(name)
        unsigned(value)
    }

    /// Writes a member that is `true` or `false`.
    @inlinable
    @inline(__always)
    public mutating func member(_ name: StaticString, _ value: Bool?) {
        guard let value else { return }
        member(name)
        boolean(value)
    }

    /// Writes a member that is a case of an enumeration of strings.
    @inlinable
    @inline(__always)
    public mutating func member<T: RawRepresentable>(
        _ name: StaticString,
        _ value: T?
    ) where T.RawValue == String {
        member(name, value?.rawValue)
    }

    /// Writes a member that is an array of strings.
    public mutating func member(_ name: StaticString, _ values: [String]?) {
        guard let values else { return }
        member(name)
        array { writer in
            for value in values { writer.string(value) }
        }
    }

    /// Writes a member that is an object, whose members `body` writes.
    public mutating func object<E: Error>(
        _ name: StaticString,
        _ body: (inout JSONWriter) throws(E) -> Void
    ) throws(E) {
        member(name)
        try object(body)
    }

    /// Writes a member that is an array, whose elements `body` writes.
    public mutating func array<E: Error>(
        _ name: StaticString,
        _ body: (inout JSONWriter) throws(E) -> Void
    ) throws(E) {
        member(name)
        try array(body)
    }
}
