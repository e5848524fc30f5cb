public import EngineBase

/// Reads the members of one object by name, and collects what is wrong with them.
///
/// Each reading function answers nil both for a member that is not there and for one that is
/// wrong; in the second case the ``FaultList`` holds a fault that points at it, so a body may be
/// used only when the list is empty at the end. `null` is a fault for every member. Call
/// ``finish()`` after the last member: members that were never asked for are faults too.
///
/// Valid as long as the node that it was made from.
public struct ObjectReader {
    /// Nil after the fault that there is no object; then nothing else is reported.
    private let node: JSONNode?
    private let filter: NameFilter
    private let faults: FaultList
    private let path: BodyPath
    private var pathLink: BodyPathLink?
    /// Every name that was asked for, to tell unknown members and what they may have meant.
    private var askedNames: [StaticString]
    /// How many members were found under those names.
    private var foundCount = 0

    /// A reader of the value at the top of a body, which must be an object.
    public init(_ node: JSONNode, faults: FaultList) {
        self.init(node, faults: faults, path: .top)
    }

    @inline(__always)
    init(_ node: JSONNode, faults: FaultList, path: BodyPath) {
        do throws(WrongValue) {
            let object = try node.checkedObject()
            self.node = object
            filter = NameFilter(object)
        } catch {
            self.node = nil
            filter = NameFilter()
            faults.add(pointer: path.pointer, error.detail)
        }
        self.faults = faults
        self.path = path
        askedNames = faults.takeSpareNames()
    }

    // MARK: - Any member

    /// The member's value as it is, or nil when it is not there; it counts as known.
    public mutating func node(_ name: StaticString) -> JSONNode? { find(name) }

    /// The member's value as it is, or nil when it is not there, without making it known.
    @inline(__always)
    public func peek(_ name: StaticString) -> JSONNode? {
        filter.mayHave(name) ? node?.member(name) : nil
    }

    /// Whether the member is there, right or wrong; it counts as known.
    public mutating func has(_ name: StaticString) -> Bool { find(name) != nil }

    /// What kind of value the member has, or nil when it is not there; it counts as known.
    public mutating func kind(_ name: StaticString) -> JSONNode.Kind? { find(name)?.kind }

    /// A reader of the member whatever its kind, for members that may have several.
    public mutating func value(_ name: StaticString) -> ValueReader? {
        guard let found = find(name) else { return nil }
        return ValueReader(found, faults: faults, parent: link(), step: .member(name))
    }

    /// Makes it a fault that the member is not there; it counts as known.
    ///
    /// - Returns: whether it is there.
    @discardableResult
    public mutating func require(_ name: StaticString) -> Bool {
        if find(name) != nil { return true }
        fault(name, ObjectReader.requiredDetail)
        return false
    }

    // MARK: - Scalars

    /// The member as a string.
    ///
    /// - Parameters:
    ///   - name: the member.
    ///   - codePoints: how long the string may be, in Unicode code points.
    ///   - rule: what else it must obey; its wording is told for a wrong length as well.
    ///   - required: whether a member that is not there is a fault.
    /// - Returns: the string; nil when the member is not there or wrong.
    public mutating func string(
        _ name: StaticString,
        codePoints: ClosedRange<Int> = 0...Int.max,
        matching rule: TextRule? = nil,
        required: Bool = false
    ) -> String? {
        read(name, required) { (node) throws(WrongValue) in
            try node.checkedString(codePoints: codePoints, matching: rule)
        }
    }

    /// The member as a text that goes back to the client as it is.
    ///
    /// - Parameters:
    ///   - name: the member.
    ///   - codePoints: how long it may be, in Unicode code points.
    /// - Returns: the text; nil when the member is not there or wrong.
    public mutating func clientText(
        _ name: StaticString, codePoints: ClosedRange<Int>
    ) -> ClientText? {
        read(name, false) { (node) throws(WrongValue) in
            try node.checkedText(codePoints: codePoints, matching: nil) { ClientText(utf8: $0) }
        }
    }

    /// The member as an integer; `1.0` and `1e3` are integers.
    public mutating func integer(
        _ name: StaticString,
        in range: ClosedRange<Int> = 0...JSONNode.largestInteger,
        required: Bool = false
    ) -> Int? {
        read(name, required) { (node) throws(WrongValue) in try node.checkedInteger(in: range) }
    }

    /// The member as a boolean.
    public mutating func boolean(_ name: StaticString, required: Bool = false) -> Bool? {
        read(name, required) { (node) throws(WrongValue) in try node.checkedBoolean() }
    }

    /// The member as one case of an enumeration of strings.
    public mutating func choice<T: RawRepresentable & CaseIterable>(
        _ name: StaticString,
        as type: T.Type = T.self,
        required: Bool = false
    ) -> T? where T.RawValue == String {
        read(name, required) { (node) throws(WrongValue) in try node.checkedChoice(type) }
    }

    /// The member as one of the given strings, with what each of them means.
    public mutating func choice<T>(
        _ name: StaticString,
        from choices: KeyValuePairs<String, T>,
        required: Bool = false
    ) -> T? {
        read(name, required) { (node) throws(WrongValue) in try node.checkedChoice(from: choices) }
    }

    /// The bytes that the member gives in an encoding.
    public mutating func data(
        _ name: StaticString,
        as encoding: DataEncoding,
        bytes limits: ClosedRange<Int> = 0...Int.max,
        required: Bool = false
    ) -> [UInt8]? {
        read(name, required) { (node) throws(WrongValue) in
            try node.checkedData(encoding, bytes: limits)
        }
    }

    // MARK: - Objects and arrays

    /// A reader of the member, which must be an object; the caller calls its ``finish()``.
    public mutating func object(_ name: StaticString, required: Bool = false) -> ObjectReader? {
        let object = read(name, required) { (node) throws(WrongValue) in try node.checkedObject() }
        guard let object else { return nil }
        return ObjectReader(
            object,
            faults: faults,
            path: BodyPath(parent: link(), step: .member(name))
        )
    }

    /// Reads the member, which must be an object, with `body`, and finishes its reader.
    public mutating func object<T>(
        _ name: StaticString,
        required: Bool = false,
        _ body: (inout ObjectReader) -> T?
    ) -> T? {
        guard var reader = object(name, required: required) else { return nil }
        let value = body(&reader)
        reader.finish()
        return value
    }

    /// A reader of the member, which must be an array with that many elements.
    public mutating func array(
        _ name: StaticString,
        count: ClosedRange<Int> = 0...Int.max,
        required: Bool = false
    ) -> ArrayReader? {
        let array = read(name, required) { (node) throws(WrongValue) in
            try node.checkedArray(count: count)
        }
        guard let array else { return nil }
        return ArrayReader(
            array,
            faults: faults,
            path: BodyPath(parent: link(), step: .member(name))
        )
    }

    /// Calls `body` with each member, in the order of the text; all of them count as known.
    ///
    /// For objects whose members have names of the client's choice. Asking by name afterwards
    /// is allowed.
    public mutating func forEachMember(_ body: (String, ValueReader) -> Void) {
        guard let node else { return }
        let parent = link()
        node.forEachMember { name, value in
            body(name, ValueReader(value, faults: faults, parent: parent, step: .named(name)))
        }
        foundCount = ObjectReader.allFound
    }

    /// Whether the object has a member of that name, without making it known.
    public func contains(named name: String) -> Bool { node?.member(named: name) != nil }

    // MARK: - Faults

    /// Adds a fault that points at a member, whether it is there or not.
    public func fault(_ name: StaticString, _ detail: @autoclosure () -> String) {
        guard node != nil else { return }
        faults.add(pointer: path.pointer(to: .member(name)), detail())
    }

    /// Adds a fault that points at the object itself.
    public func fault(_ detail: @autoclosure () -> String) {
        guard node != nil else { return }
        faults.add(pointer: path.pointer, detail())
    }

    /// Ends the reading: every member that was never asked for becomes a fault.
    public mutating func finish() {
        if let node, foundCount != ObjectReader.allFound, foundCount != node.memberCount {
            UnknownMembers(known: askedNames, path: path).report(in: node, to: faults)
        }
        foundCount = ObjectReader.allFound
        // Moved, not copied: the list keeps the memory only if it has the sole reference.
        var names: [StaticString] = []
        swap(&names, &askedNames)
        faults.giveBack(names)
    }

    // MARK: - The common part

    /// Says in `foundCount` that no member is left to be unknown.
    private static let allFound = -1
    private static let requiredDetail = "is required"

    @inline(__always)
    private mutating func find(_ name: StaticString) -> JSONNode? {
        guard let found = peek(name) else {
            askedNames.append(name)
            return nil
        }
        // A name that is asked for twice must not be counted twice: it would hide an unknown one.
        if foundCount != ObjectReader.allFound, !askedNames.contains(where: { $0 === name }) {
            foundCount += 1
        }
        askedNames.append(name)
        return found
    }

    @inline(__always)
    private mutating func read<T>(
        _ name: StaticString,
        _ required: Bool,
        _ check: (JSONNode) throws(WrongValue) -> T
    ) -> T? {
        guard let found = find(name) else {
            if required { fault(name, ObjectReader.requiredDetail) }
            return nil
        }
        do throws(WrongValue) {
            return try check(found)
        } catch {
            fault(name, error.detail)
            return nil
        }
    }

    private mutating func link() -> BodyPathLink {
        if let pathLink { return pathLink }
        let link = BodyPathLink(path)
        pathLink = link
        return link
    }
}

extension StaticString {
    /// Whether two names have the same bytes.
    @inline(__always)
    static func === (left: StaticString, right: StaticString) -> Bool {
        guard left.utf8CodeUnitCount == right.utf8CodeUnitCount else { return false }
        if left.utf8Start == right.utf8Start { return true }
        for index in 0..<left.utf8CodeUnitCount
        where left.utf8Start[index] != right.utf8Start[index] {
            return false
        }
        return true
    }
}
