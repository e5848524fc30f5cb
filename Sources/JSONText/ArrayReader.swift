/// Reads the elements of one array, and reports faults at their places.
///
/// Valid as long as the node that it was made from.
public struct ArrayReader {
    private let node: JSONNode
    private let faults: FaultList
    /// The way to the array, shared by all its elements.
    private let link: BodyPathLink

    init(_ node: JSONNode, faults: FaultList, path: BodyPath) {
        self.node = node
        self.faults = faults
        link = BodyPathLink(path)
    }

    /// How many elements there are.
    public var count: Int { node.arrayCount }

    /// A reader of an element, or nil when the index is out of range.
    public func element(at index: Int) -> ValueReader? {
        guard let element = node.element(at: index) else { return nil }
        return ValueReader(element, faults: faults, parent: link, step: .element(index))
    }

    /// Reads every element with `body`.
    ///
    /// - Returns: what `body` made of the elements, in order; nil when it gave nil for one of
    ///   them. The rest is read all the same, until the list of faults is full.
    public func map<T>(_ body: (ValueReader) -> T?) -> [T]? {
        let count = count
        var values: [T] = []
        values.reserveCapacity(count)
        for index in 0..<count {
            guard let element = element(at: index) else { break }
            if let value = body(element) { values.append(value) }
            if faults.isFull { break }
        }
        return values.count == count ? values : nil
    }

    /// Reads every element, which must be an object, with `body`, and finishes its reader.
    ///
    /// - Returns: as ``map(_:)``.
    public func objects<T>(_ body: (inout ObjectReader) -> T?) -> [T]? {
        map { $0.object(body) }
    }

    /// Reads every element, which must be an object, with `body`, and finishes its reader.
    ///
    /// - Returns: whether all were read and all were objects; the list of faults may have been full.
    public func forEachObject(_ body: (inout ObjectReader) -> Void) -> Bool {
        objects(body) != nil
    }

    /// The elements as strings.
    ///
    /// - Returns: as ``map(_:)``.
    public func strings(
        codePoints: ClosedRange<Int> = 0...Int.max,
        matching rule: TextRule? = nil
    ) -> [String]? {
        map { $0.string(codePoints: codePoints, matching: rule) }
    }

    /// Adds a fault that points at the array itself.
    public func fault(_ detail: @autoclosure () -> String) {
        faults.add(pointer: link.path.pointer, detail())
    }
}
