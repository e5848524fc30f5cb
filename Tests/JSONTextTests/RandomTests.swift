import JSONText
import Testing

/// SplitMix64: the same numbers for the same seed on every machine.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// The simplest possible JSON, to compare with.
private indirect enum Value: Equatable {
    case null, boolean(Bool), integer(Int), string([UInt8])
    case array([Value])
    case object([Member])

    struct Member: Equatable {
        var name: [UInt8]
        var value: Value
    }

    static func random(depth: Int, using generator: inout SeededGenerator) -> Value {
        switch Int.random(in: 0..<(depth > 0 ? 7 : 4), using: &generator) {
        case 0: return .null
        case 1: return .boolean(.random(using: &generator))
        case 2: return .integer(.random(in: .min ... .max, using: &generator))
        case 3, 4: return .string(Array(randomText(using: &generator).utf8))
        case 5:
            return .array(
                (0..<Int.random(in: 0...4, using: &generator)).map { _ in
                    random(depth: depth - 1, using: &generator)
                }
            )
        default:
            return .object(
                (0..<Int.random(in: 0...4, using: &generator)).map { index in
                    let name = randomText(using: &generator).replacing("\0", with: "0")
                    return Member(
                        name: Array("\(name)\(index)".utf8),
                        value: random(depth: depth - 1, using: &generator)
                    )
                }
            )
        }
    }

    static func randomText(using generator: inout SeededGenerator) -> String {
        let ranges: [ClosedRange<UInt32>] = [
            0...0x1F, 0x20...0x7F, 0x20...0x7F, 0x80...0x7FF, 0x800...0xD7FF, 0xE000...0xFFFF,
            0x1_0000...0x10_FFFF,
        ]
        var text = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 0...24, using: &generator) {
            let range = ranges[Int.random(in: 0..<ranges.count, using: &generator)]
            if let scalar = Unicode.Scalar(UInt32.random(in: range, using: &generator)) {
                text.append(scalar)
            }
        }
        return String(text)
    }

    init(_ node: JSONNode) {
        switch node.kind {
        case .null, .real: self = .null
        case .boolean: self = .boolean(node.boolean ?? false)
        case .integer: self = .integer(node.integer ?? 0)
        case .string: self = .string(Array((node.string ?? "").utf8))
        case .array:
            self = .array((0..<node.arrayCount).compactMap { node.element(at: $0).map(Value.init) })
        case .object:
            var members: [Member] = []
            node.forEachMember { name, value in
                members.append(Member(name: Array(name.utf8), value: Value(value)))
            }
            self = .object(members)
        }
    }

    func write(to writer: inout JSONWriter) {
        switch self {
        case .null: writer.raw("null")
        case .boolean(let value): writer.boolean(value)
        case .integer(let value): writer.integer(value)
        case .string(let value): writer.string(String(decoding: value, as: UTF8.self))
        case .array(let values):
            writer.array { writer in
                for value in values { value.write(to: &writer) }
            }
        case .object(let members):
            writer.object { writer in
                for member in members {
                    writer.member(named: String(decoding: member.name, as: UTF8.self))
                    member.value.write(to: &writer)
                }
            }
        }
    }
}

/// Base64 one bit string at a time, slow and plain.
private func referenceBase64(_ bytes: [UInt8]) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    var bits = bytes.flatMap { byte in (0..<8).map { byte >> (7 - $0) & 1 } }
    while bits.count % 6 != 0 { bits.append(0) }
    var text = ""
    for start in stride(from: 0, to: bits.count, by: 6) {
        text.append(alphabet[bits[start..<start + 6].reduce(0) { $0 * 2 + Int($1) }])
    }
    while text.utf8.count % 4 != 0 { text.append("=") }
    return text
}

@Suite struct RandomTests {
    private static let seeds: [UInt64] = (0..<8).map { _ in .random(in: 0...UInt64.max) } + [1, 2]

    @Test(arguments: seeds)
    func `what is written is read back the same`(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for step in 0..<200 {
            let value = Value.random(depth: 5, using: &generator)
            var writer = JSONWriter()
            value.write(to: &writer)
            let back = try JSONDocument.read(writer.bytes) { Value($0) }
            #expect(back == value, "seed \(seed) step \(step)")
        }
    }

    @Test(arguments: seeds)
    func `bytes in every encoding come back the same`(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for step in 0..<200 {
            let count = Int.random(in: 0...70, using: &generator)
            let top: UInt8 = Bool.random(using: &generator) ? 0x7F : 0xFF
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...top, using: &generator) }
            for wanted in ReplyEncoding.allCases {
                var writer = JSONWriter()
                let used = writer.data(bytes, as: wanted)
                let text = try JSONDocument.read(writer.bytes) { $0.string } ?? "?"
                #expect(used.decode(text) == bytes, "seed \(seed) step \(step) \(wanted)")
                if used == .base64 {
                    #expect(text == referenceBase64(bytes), "seed \(seed) step \(step)")
                }
            }
        }
    }

    @Test(arguments: seeds)
    func `base64 has one text for each value`(_ seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let characters = Array("ABCDQgwxyz019+/==\n -_".utf8)
        for step in 0..<2000 {
            let count = Int.random(in: 0...12, using: &generator)
            let text = String(
                decoding: (0..<count).map { _ in
                    characters[Int.random(in: 0..<characters.count, using: &generator)]
                },
                as: UTF8.self
            )
            guard let bytes = DataEncoding.base64.decode(text) else { continue }
            #expect(referenceBase64(bytes) == text, "seed \(seed) step \(step)")
        }
    }

    @Test(arguments: seeds)
    func `broken texts are refused or read, and never crash`(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var refused = 0
        for _ in 0..<500 {
            var writer = JSONWriter()
            Value.random(depth: 4, using: &generator).write(to: &writer)
            var bytes = writer.bytes
            for _ in 0..<Int.random(in: 1...3, using: &generator) where !bytes.isEmpty {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                bytes[place] = UInt8.random(in: 0...255, using: &generator)
            }
            do throws(JSONBodyError) {
                _ = try JSONBody.read(bytes) { $0.integer("n") ?? 0 }
            } catch {
                refused += 1
                guard case .faults(let faults) = error else { continue }
                #expect((1...FaultList.limit).contains(faults.count), "seed \(seed)")
            }
        }
        #expect(refused > 250, "seed \(seed)")
    }
}
