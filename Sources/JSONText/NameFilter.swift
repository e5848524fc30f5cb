/// Which names the members of an object may have: one bit each, by length and both ends.
///
/// A reader asks for many more members than most objects have. What is not there is mostly told by
/// this alone, without the object's own search, which hashes all of the name.
struct NameFilter {
    private var bits: UInt64 = 0

    /// The filter of no members: it lets nothing through.
    init() {}

    /// The filter of an object's members.
    init(_ node: JSONNode) {
        node.forEachRawMember { name, _ in bits |= NameFilter.bit(name.baseAddress, name.count) }
    }

    /// Whether there may be a member of that name; false is certain.
    @inline(__always)
    func mayHave(_ name: StaticString) -> Bool {
        bits & NameFilter.bit(name.utf8Start, name.utf8CodeUnitCount) != 0
    }

    @inline(__always)
    private static func bit(_ start: UnsafePointer<UInt8>?, _ count: Int) -> UInt64 {
        guard let start, count > 0 else { return 1 }
        let mixed = 5 &* count &+ 3 &* Int(start[0]) &+ Int(start[count - 1])
        return 1 << UInt64(truncatingIfNeeded: mixed & 63)
    }
}
