import DequeModule

/// Values by numbers that only grow: one that is added has a number above all that ever were here.
///
/// They lie in order, so that nothing is moved to add one and one is found by halving. What is
/// removed leaves a gap; gaps go when they come to the front, or when they are more than half.
public struct NumberedTable<Value> {
    fileprivate struct Item {
        let number: UInt64
        var value: Value?
    }

    private var items = Deque<Item>()
    /// How many values are here.
    public private(set) var count = 0

    /// A table without values.
    public init() {}

    /// Items kept, the gaps included.
    public var itemCount: Int { items.count }

    /// The values, in the order of their numbers.
    public var values: some Sequence<Value> { items.lazy.compactMap(\.value) }

    /// The numbers that have a value, in their order.
    public var numbers: [UInt64] { items.compactMap { $0.value == nil ? nil : $0.number } }

    /// The value of a number, if it is here.
    public subscript(number: UInt64) -> Value? {
        guard let position = position(of: number) else { return nil }
        return items[position].value
    }

    /// Adds a value.
    public mutating func append(_ value: consuming Value, as number: UInt64) {
        items.append(Item(number: number, value: value))
        count += 1
    }

    /// Changes a value in its place; nothing happens if it is not here.
    public mutating func update(_ number: UInt64, _ change: (inout Value) -> Void) {
        guard let position = position(of: number), var value = items[position].value.take() else {
            return
        }
        change(&value)
        items[position].value = value
    }

    /// Takes a value out.
    @discardableResult
    public mutating func remove(_ number: UInt64) -> Value? {
        guard let position = position(of: number) else { return nil }
        if position == 0 {
            let value = items.removeFirst().value
            while !items.isEmpty && items[0].value == nil { items.removeFirst() }
            count -= 1
            return value
        }
        guard let value = items[position].value.take() else { return nil }
        count -= 1
        let gaps = items.count - count
        if gaps > 32 && gaps > count { items.removeAll { $0.value == nil } }
        return value
    }

    /// The value with the highest number up to `number`; `nil` if that has been removed.
    public func last(upTo number: UInt64) -> Value? {
        let position = firstPosition(above: number)
        return position == 0 ? nil : items[position - 1].value
    }

    /// Visits the values in order, from the one that `last(upTo: number)` asks for, until `visit`
    /// says false.
    public func walk(fromLastUpTo number: UInt64, _ visit: (Value) -> Bool) {
        var position = max(firstPosition(above: number) - 1, 0)
        while position < items.count {
            if let value = items[position].value, !visit(value) { return }
            position += 1
        }
    }

    private func position(of number: UInt64) -> Int? {
        // What is oldest is mostly what ends first.
        guard let first = items.first else { return nil }
        if first.number == number { return 0 }
        let position = firstPosition(above: number) - 1
        return position >= 0 && items[position].number == number ? position : nil
    }

    private func firstPosition(above number: UInt64) -> Int {
        items.partitioningIndex(where: { $0.number > number })
    }
}

extension NumberedTable: Sendable where Value: Sendable {}
extension NumberedTable.Item: Sendable where Value: Sendable {}
