import EngineBase
import Testing

@testable import DeviceSessions

@Suite struct InputBufferTests {
    @Test func `bytes come out as they went in`() {
        var buffer = InputBuffer()
        buffer.append([1, 2, 3])
        buffer.append([4])
        #expect(buffer.take(2) == [1, 2])
        #expect(buffer.count == 2)
        #expect(buffer.take(9) == [3, 4])
        #expect(buffer.isEmpty)
        #expect(buffer.take(1) == [])
    }

    @Test func `what is put back stands in front`() {
        var buffer = InputBuffer()
        buffer.append([3, 4, 5])
        #expect(buffer.take(1) == [3])
        buffer.prepend([1, 2])
        buffer.prepend([])
        #expect(buffer.take(9) == [1, 2, 4, 5])
        buffer.prepend([7])
        #expect(buffer.take(9) == [7])
    }

    @Test func `a delimiter is found where it ends, not before the start`() {
        var buffer = InputBuffer()
        buffer.append([9, 9, 1, 2, 1, 2])
        #expect(buffer.take(2) == [9, 9])
        #expect(buffer.end(of: [1, 2], from: 0) == 2)
        #expect(buffer.end(of: [1, 2], from: 1) == 4)
        #expect(buffer.end(of: [1, 2], from: 3) == nil)
        #expect(buffer.end(of: [1, 2, 1, 2, 1], from: 0) == nil)
        #expect(buffer.end(of: [], from: 0) == nil)
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `it does what a plain array does`(_ seed: UInt64) {
        var dice = SeededGenerator(seed: seed)
        var buffer = InputBuffer()
        var model: [UInt8] = []
        for step in 0..<200 {
            let note: Comment = "seed \(seed) step \(step)"
            switch Int.random(in: 0..<10, using: &dice) {
            case 0..<4:
                // Now and then so much that the buffer gives back what was taken.
                let size = [0, 1, 3, 50, 40_000].randomElement(using: &dice) ?? 0
                let some = (0..<min(size, 50)).map { _ in UInt8.random(in: 0...3, using: &dice) }
                let bytes = some + [UInt8](repeating: 9, count: size - some.count)
                buffer.append(bytes)
                model += bytes
            case 4:
                let bytes = (0..<Int.random(in: 0...5, using: &dice)).map { UInt8($0) }
                buffer.prepend(bytes)
                model = bytes + model
            case 5..<8:
                let size = [0, 1, 7, 1_000, 39_999].randomElement(using: &dice) ?? 0
                #expect(buffer.take(size) == Array(model.prefix(size)), note)
                model.removeFirst(min(size, model.count))
            default:
                let length = Int.random(in: 1...4, using: &dice)
                let delimiter = (0..<length).map { _ in UInt8.random(in: 0...3, using: &dice) }
                let start = Int.random(in: 0...max(1, min(model.count, 40)), using: &dice)
                let found = buffer.end(of: delimiter, from: start)
                // The search by hand is slow: it looks at the beginning only.
                let early = Array(model.prefix(1_000))
                let expected = InputBufferTests.end(of: delimiter, in: early, from: start)
                #expect(found.flatMap { $0 <= 1_000 ? $0 : nil } == expected, note)
            }
            #expect(buffer.count == model.count, note)
            #expect(buffer.isEmpty == model.isEmpty, note)
        }
        #expect(buffer.take(Int.max) == model, "seed \(seed)")
    }

    private static func end(of delimiter: [UInt8], in bytes: [UInt8], from start: Int) -> Int? {
        guard start + delimiter.count <= bytes.count else { return nil }
        for index in start...(bytes.count - delimiter.count)
        where Array(bytes[index..<index + delimiter.count]) == delimiter {
            return index + delimiter.count
        }
        return nil
    }
}
