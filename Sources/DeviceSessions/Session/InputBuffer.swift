/// The bytes of a stream that have arrived and that no entry has taken yet.
///
/// They come in order of arrival and leave only into an entry, or thrown away and counted. An
/// operation holds a place in the buffer, never bytes: that makes cancel and time-out lose nothing.
struct InputBuffer {
    private var storage: [UInt8] = []
    private var head = 0

    var count: Int { storage.count - head }
    var isEmpty: Bool { head == storage.count }

    /// The bytes, oldest first.
    var bytes: ArraySlice<UInt8> { storage[head...] }

    mutating func append(_ bytes: [UInt8]) {
        if isEmpty {
            storage = bytes
            head = 0
        } else {
            storage.append(contentsOf: bytes)
        }
    }

    /// Puts bytes back in front: they arrived before all that is here.
    mutating func prepend(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        storage = isEmpty ? bytes : bytes + storage[head...]
        head = 0
    }

    /// Takes the first `size` bytes, or all if there are fewer.
    mutating func take(_ size: Int) -> [UInt8] {
        if size >= count {
            defer { self = InputBuffer() }
            return head == 0 ? storage : Array(storage[head...])
        }
        let taken = Array(storage[head..<head + size])
        head += size
        // What has been taken is given back once it is worth the move.
        if head > 65_536 && head > storage.count / 2 {
            storage.removeFirst(head)
            head = 0
        }
        return taken
    }

    /// Where the first `delimiter` ends, counted from the front.
    ///
    /// `start`: bytes known to be before any beginning of one.
    func end(of delimiter: [UInt8], from start: Int) -> Int? {
        guard let first = delimiter.first, count >= delimiter.count else { return nil }
        var index = head + max(0, start)
        let lastStart = storage.count - delimiter.count
        while index <= lastStart {
            if storage[index] == first
                && storage[index..<index + delimiter.count].elementsEqual(delimiter)
            {
                return index + delimiter.count - head
            }
            index += 1
        }
        return nil
    }
}
