/// Finds the members of an object that nobody asked for, and guesses what they were meant to be.
struct UnknownMembers {
    let known: [StaticString]
    let path: BodyPath

    /// A longer name is not repeated in the reply.
    private static let longestQuotedName = 128

    func report(in node: JSONNode, to faults: FaultList) {
        node.forEachRawMember { name, _ in
            if faults.isFull || known.contains(where: { UnknownMembers.equal($0, name) }) { return }
            guard name.count <= UnknownMembers.longestQuotedName else {
                faults.add(
                    pointer: path.pointer,
                    "has a member with a name of \(name.count) bytes, which this request does not"
                        + " have"
                )
                return
            }
            let text = String(decoding: name, as: UTF8.self)
            faults.add(
                pointer: path.pointer(to: .named(text)),
                "is not a member that this request has" + suggestion(for: Array(name))
            )
        }
    }

    private static func equal(_ known: StaticString, _ name: UnsafeBufferPointer<UInt8>) -> Bool {
        guard known.utf8CodeUnitCount == name.count else { return false }
        return name.elementsEqual(UnsafeBufferPointer(start: known.utf8Start, count: name.count))
    }

    /// The nearest known name, when it is near enough to be a slip of the fingers.
    private func suggestion(for name: [UInt8]) -> String {
        var best: (name: StaticString, distance: Int)?
        for candidate in known {
            let bytes = candidate.withUTF8Buffer { Array($0) }
            // Two letters make any short name out of another one.
            let limit = min(2, bytes.count / 2)
            guard abs(bytes.count - name.count) <= limit else { continue }
            let distance = editDistance(from: name, to: bytes)
            guard distance <= limit, distance < best?.distance ?? .max else { continue }
            best = (candidate, distance)
        }
        return best.map { "; did you mean \"\($0.name)\"?" } ?? ""
    }
}

/// How many letters must be put in, left out, replaced, or swapped with their neighbour.
func editDistance(from source: [UInt8], to target: [UInt8]) -> Int {
    var beforeLast: [Int] = []
    var last = Array(0...target.count)
    for (row, letter) in source.enumerated() {
        var current = [row + 1]
        for (column, wanted) in target.enumerated() {
            var cost = min(
                last[column] + (letter == wanted ? 0 : 1),
                last[column + 1] + 1,
                current[column] + 1
            )
            if row > 0, column > 0, letter == target[column - 1], source[row - 1] == wanted {
                cost = min(cost, beforeLast[column - 1] + 1)
            }
            current.append(cost)
        }
        (beforeLast, last) = (last, current)
    }
    return last[target.count]
}
