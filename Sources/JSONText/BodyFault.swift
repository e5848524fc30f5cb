/// One thing that is wrong with a body, and where.
public struct BodyFault: Sendable, Equatable {
    /// The place, as a JSON pointer (RFC 6901) into the body; empty for the body itself.
    public var pointer: String
    /// What is wrong, as the end of a sentence that starts with the place, without a full stop.
    public var detail: String

    /// A fault at a place.
    public init(pointer: String, detail: String) {
        self.pointer = pointer
        self.detail = detail
    }
}

/// Collects the faults of one body, up to ``limit``.
///
/// Used by one thread, while the body's document is open.
public final class FaultList {
    /// The most faults that are kept; further ones are dropped.
    public static let limit = 16

    /// The faults, in the order in which they were found.
    public private(set) var faults: [BodyFault] = []

    /// An array that the last finished reader left, so that reading a long list of objects does
    /// not allocate for each of them.
    private var spareNames: [StaticString] = []

    /// An empty list.
    public init() {}

    /// Whether nothing is wrong.
    public var isEmpty: Bool { faults.isEmpty }

    /// Whether further faults would be dropped.
    public var isFull: Bool { faults.count >= FaultList.limit }

    /// Adds a fault at a place that the caller names.
    public func add(pointer: @autoclosure () -> String, _ detail: @autoclosure () -> String) {
        guard !isFull else { return }
        faults.append(BodyFault(pointer: pointer(), detail: detail()))
    }

    @inline(__always)
    func takeSpareNames() -> [StaticString] {
        var names: [StaticString] = []
        swap(&names, &spareNames)
        // No object of ours has more members.
        names.reserveCapacity(16)
        return names
    }

    @inline(__always)
    func giveBack(_ names: consuming [StaticString]) {
        names.removeAll(keepingCapacity: true)
        spareNames = names
    }
}
