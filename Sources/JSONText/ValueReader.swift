/// Reads one value whose kind is not settled by its place, and reports faults at that place.
///
/// The elements of an array, members of several kinds, and members with names of the client's
/// choice are read so. As with ``ObjectReader``, nil means a fault in the list. Valid as long as
/// the node that it was made from.
public struct ValueReader {
    /// The value itself.
    public let node: JSONNode
    private let faults: FaultList
    private let parent: BodyPathLink
    private let step: BodyPath.Step

    @inline(__always)
    init(_ node: JSONNode, faults: FaultList, parent: BodyPathLink, step: BodyPath.Step) {
        self.node = node
        self.faults = faults
        self.parent = parent
        self.step = step
    }

    private var path: BodyPath { BodyPath(parent: parent, step: step) }

    /// What the value is.
    public var kind: JSONNode.Kind { node.kind }

    /// The value as a string, as ``ObjectReader/string(_:codePoints:matching:required:)``.
    public func string(
        codePoints: ClosedRange<Int> = 0...Int.max,
        matching rule: TextRule? = nil
    ) -> String? {
        read { (node) throws(WrongValue) in
            try node.checkedString(codePoints: codePoints, matching: rule)
        }
    }

    /// The value as an integer; `1.0` and `1e3` are integers.
    public func integer(in range: ClosedRange<Int> = 0...JSONNode.largestInteger) -> Int? {
        read { (node) throws(WrongValue) in try node.checkedInteger(in: range) }
    }

    /// The value as a boolean.
    public func boolean() -> Bool? {
        read { (node) throws(WrongValue) in try node.checkedBoolean() }
    }

    /// The value as one case of an enumeration of strings.
    public func choice<T: RawRepresentable & CaseIterable>(
        as type: T.Type = T.self
    ) -> T? where T.RawValue == String {
        read { (node) throws(WrongValue) in try node.checkedChoice(type) }
    }

    /// The value as one of the given strings, with what each of them means.
    public func choice<T>(from choices: KeyValuePairs<String, T>) -> T? {
        read { (node) throws(WrongValue) in try node.checkedChoice(from: choices) }
    }

    /// The bytes that the value gives in an encoding.
    public func data(
        as encoding: DataEncoding,
        bytes limits: ClosedRange<Int> = 0...Int.max
    ) -> [UInt8]? {
        read { (node) throws(WrongValue) in try node.checkedData(encoding, bytes: limits) }
    }

    /// A reader of the value, which must be an object; the caller calls its `finish()`.
    public func object() -> ObjectReader? {
        let object = read { (node) throws(WrongValue) in try node.checkedObject() }
        guard let object else { return nil }
        return ObjectReader(object, faults: faults, path: path)
    }

    /// Reads the value, which must be an object, with `body`, and finishes its reader.
    @inline(__always)
    public func object<T>(_ body: (inout ObjectReader) -> T?) -> T? {
        guard var reader = object() else { return nil }
        let value = body(&reader)
        reader.finish()
        return value
    }

    /// A reader of the value, which must be an array with that many elements.
    public func array(count: ClosedRange<Int> = 0...Int.max) -> ArrayReader? {
        let array = read { (node) throws(WrongValue) in try node.checkedArray(count: count) }
        guard let array else { return nil }
        return ArrayReader(array, faults: faults, path: path)
    }

    /// Adds a fault that points at the value.
    public func fault(_ detail: @autoclosure () -> String) {
        faults.add(pointer: path.pointer, detail())
    }

    @inline(__always)
    private func read<T>(_ check: (JSONNode) throws(WrongValue) -> T) -> T? {
        do throws(WrongValue) {
            return try check(node)
        } catch {
            fault(error.detail)
            return nil
        }
    }
}
