/// What a ``BatchList`` holds.
public protocol BatchElement: Sendable {
    /// Whether memory has to be given back when this value ends.
    ///
    /// Where this says no and it has, the memory is lost.
    var holdsMemory: Bool { get }
}

/// Values that come and go together, in order; they end at no cost where none of them holds memory.
///
/// At its end an array asks each element, at each reference in it, whether it is the last one to
/// hold something. A list has asked once, when the element came.
///
/// Copies of a list share their memory until one of them changes.
public struct BatchList<Element: BatchElement>: @unchecked Sendable {
    // SAFETY: the storage is changed only by a list that alone refers to it.
    @usableFromInline var storage: BatchStorage<Element>?

    /// A list of none.
    @inlinable
    public init() { storage = nil }

    /// A list of none, with room for so many.
    @inlinable
    public init(reservingCapacity capacity: Int) {
        storage = capacity > 0 ? BatchStorage<Element>.make(capacity) : nil
    }

    /// A list of so many elements, of which `make` makes one for each place.
    @inlinable
    @inline(__always)
    public init(count: Int, _ make: (Int) -> Element) {
        guard count > 0 else {
            storage = nil
            return
        }
        let storage = BatchStorage<Element>.make(count)
        for index in 0..<count { storage.append(make(index)) }
        self.storage = storage
    }

    /// Adds an element at the end.
    @inlinable
    @inline(__always)
    public mutating func append(_ element: __owned Element) {
        if !hasOwnRoom() { makeRoom() }
        storage?.append(element)
    }

    /// Takes the first elements out, of which there must be so many.
    @inlinable
    public mutating func takeFirst(_ number: Int) -> BatchList {
        precondition(number >= 0 && number <= count, "\(number) of \(count) elements")
        if number == count {
            let all = self
            storage = nil
            return all
        }
        guard isKnownUniquelyReferenced(&storage), let storage else {
            let taken = BatchList(count: number) { self[$0] }
            self = BatchList(count: count - number) { self[number + $0] }
            return taken
        }
        let taken = BatchList(reservingCapacity: number)
        taken.storage?.append(firstOf: storage, number)
        return taken
    }

    @inlinable
    @inline(__always)
    mutating func hasOwnRoom() -> Bool {
        guard isKnownUniquelyReferenced(&storage), let storage else { return false }
        return storage.header.end < storage.header.capacity
    }

    /// Brings the elements to memory that is this list's alone and has room for one more.
    @inlinable
    @inline(never)
    mutating func makeRoom() {
        let larger = BatchStorage<Element>.make(Swift.max(4, 2 * count))
        if isKnownUniquelyReferenced(&storage), let storage {
            larger.append(firstOf: storage, storage.header.count)
        } else {
            for index in indices { larger.append(self[index]) }
        }
        storage = larger
    }
}

extension BatchList: RandomAccessCollection {
    /// The place of the first element.
    @inlinable public var startIndex: Int { 0 }
    /// The place after the last one.
    @inlinable public var endIndex: Int {
        storage == nil ? 0 : storage.unsafelyUnwrapped.header.count
    }

    /// An element, which is not copied to be looked at.
    @inlinable
    public subscript(position: Int) -> Element {
        @inline(__always)
        _read {
            precondition(position >= 0 && position < count, "no element at that place")
            // Not by a name of its own: the storage would be counted once more for each look.
            yield storage.unsafelyUnwrapped.first[position]
        }
    }
}

/// Where the elements of a ``BatchStorage`` are.
@usableFromInline
struct BatchHeader {
    /// How many elements there is memory for.
    @usableFromInline let capacity: Int
    /// The place of the first element.
    @usableFromInline var start = 0
    /// The place behind the last one.
    @usableFromInline var end = 0
    /// Whether an element may hold memory.
    @usableFromInline var holdsMemory = false

    @inlinable
    init(capacity: Int) { self.capacity = capacity }

    @inlinable var count: Int { end - start }
}

/// The memory of a ``BatchList``.
@usableFromInline
final class BatchStorage<Element: BatchElement>: ManagedBuffer<BatchHeader, Element> {
    // SAFETY: the elements from `start` to `end` are set, and no others.

    @inlinable
    @inline(__always)
    static func make(_ capacity: Int) -> BatchStorage {
        let made = create(minimumCapacity: capacity) { _ in BatchHeader(capacity: capacity) }
        return unsafeDowncast(made, to: BatchStorage.self)
    }

    @inlinable
    deinit {
        if header.holdsMemory { first.deinitialize(count: header.count) }
    }

    @inlinable
    @inline(__always)
    var elements: UnsafeMutablePointer<Element> { withUnsafeMutablePointerToElements { $0 } }

    @inlinable
    @inline(__always)
    var first: UnsafeMutablePointer<Element> { elements + header.start }

    /// Adds an element, for which there must be room.
    @inlinable
    @inline(__always)
    func append(_ element: __owned Element) {
        if element.holdsMemory { header.holdsMemory = true }
        (elements + header.end).initialize(to: element)
        header.end &+= 1
    }

    /// Moves the first elements of another storage to the end of this one.
    @inlinable
    func append(firstOf other: BatchStorage, _ number: Int) {
        (elements + header.end).moveInitialize(from: other.first, count: number)
        header.end += number
        if other.header.holdsMemory { header.holdsMemory = true }
        other.header.start += number
    }
}
