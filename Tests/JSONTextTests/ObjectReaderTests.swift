import JSONText
import Testing

/// The faults of a body when `read` reads it; none when it is fine.
private func faults(
    _ text: String,
    _ read: (inout ObjectReader) -> Void
) throws -> [BodyFault] {
    do throws(JSONBodyError) {
        try JSONBody.read(Array(text.utf8)) { (reader: inout ObjectReader) -> Void? in
            read(&reader)
            return ()
        }
        return []
    } catch {
        guard case .faults(let faults) = error else { throw error }
        return faults
    }
}

private func fault(_ pointer: String, _ detail: String) -> BodyFault {
    BodyFault(pointer: pointer, detail: detail)
}

private enum Mode: String, CaseIterable { case lease, consume }

private enum Scale: String, CaseIterable { case kelvin = "K" }

@Suite struct ObjectReaderTests {
    private static let names: [StaticString] = [
        "", "a", "b", "k", "op", "po", "id", "key", "yek", "max", "data", "date", "mode", "wait",
        "until", "exactly", "context", "content", "max_bytes", "wait_ms", "timeout_ms", "total_ms",
        "interval_ms", "encoding", "reply_encoding", "until_encoding", "answer_timeout_ms", "µ",
        "λs",
    ]

    @Test(arguments: UInt64(1)...50)
    func `members are found among any others, and no others`(seed: UInt64) throws {
        var dice = SeededGenerator(seed: seed)
        let present = Self.names.filter { _ in dice.next().isMultiple(of: 3) }
        let body = present.map { "\"\($0)\":true" }.joined(separator: ",")
        let found = try JSONBody.read(Array("{\(body)}".utf8)) { reader -> [Bool]? in
            let seen = Self.names.map { reader.peek($0) != nil }
            for (name, isThere) in zip(Self.names, seen) {
                #expect(reader.has(name) == isThere, "seed \(seed), \(name)")
                #expect(reader.boolean(name) == (isThere ? true : nil), "seed \(seed), \(name)")
            }
            return seen
        }
        let wanted = Self.names.map { name in present.contains { "\($0)" == "\(name)" } }
        #expect(found == wanted, "seed \(seed)")
    }

    @Test func `a look makes no member known`() throws {
        let found = try faults(#"{"exactly":1}"#) { reader in
            #expect(reader.peek("exactly")?.integer == 1)
        }
        #expect(found.map(\.pointer) == ["/exactly"])
    }

    @Test func `good members come as values`() throws {
        struct Values: Equatable {
            var text: String?
            var number: Int?
            var flag: Bool?
            var mode: String?
            var meaning: Int?
            var missing: String?
        }
        let body = #"{"text":"a\u0000b","number":1e2,"flag":true,"mode":"consume","ack":"all"}"#
        let values = try JSONBody.read(Array(body.utf8)) { reader in
            Values(
                text: reader.string("text", codePoints: 3...3),
                number: reader.integer("number", in: 1...100),
                flag: reader.boolean("flag", required: true),
                mode: reader.choice("mode", as: Mode.self)?.rawValue,
                meaning: reader.choice("ack", from: ["none": 1, "all": 2]),
                missing: reader.string("missing")
            )
        }
        #expect(
            values
                == Values(
                    text: "a\0b",
                    number: 100,
                    flag: true,
                    mode: "consume",
                    meaning: 2,
                    missing: nil
                )
        )
    }

    @Test(arguments: [
        ("0", "must be an integer from 1 to 4096"), ("4097", "must be an integer from 1 to 4096"),
        ("1.5", "must be an integer from 1 to 4096"),
        ("\"1\"", "must be an integer from 1 to 4096"),
        ("9223372036854775807", "must be an integer from 1 to 4096"),
        ("1e300", "must be an integer from 1 to 4096"),
        ("null", "must not be null: leave it out, or make it an integer from 1 to 4096"),
    ])
    func `wrong integers are faults`(_ value: String, _ detail: String) throws {
        let found = try faults("{\"max\":\(value)}") { _ = $0.integer("max", in: 1...4096) }
        #expect(found == [fault("/max", detail)])
    }

    @Test(arguments: ["1", "1.0", "4096", "4.096e3"])
    func `integers at the ends of the range are fine`(_ value: String) throws {
        #expect(try faults("{\"max\":\(value)}") { _ = $0.integer("max", in: 1...4096) } == [])
    }

    @Test func `the default range of integers ends at the largest safe one`() throws {
        let read: (inout ObjectReader) -> Void = { _ = $0.integer("n") }
        #expect(try faults(#"{"n":9007199254740991}"#, read) == [])
        #expect(try faults(#"{"n":9007199254740992}"#, read).count == 1)
        #expect(try faults(#"{"n":-1}"#, read).count == 1)
    }

    @Test func `wrong kinds are faults, and null is told to be left out`() throws {
        let body = #"{"a":1,"b":"x","c":[],"d":{},"e":true,"f":null,"g":null}"#
        let found = try faults(body) { reader in
            _ = reader.string("a")
            _ = reader.boolean("b")
            _ = reader.object("c")
            _ = reader.array("d")
            _ = reader.choice("e", as: Mode.self)
            _ = reader.object("f")
            _ = reader.data("g")
        }
        #expect(
            found == [
                fault("/a", "must be a string"),
                fault("/b", "must be true or false"),
                fault("/c", "must be an object"),
                fault("/d", "must be an array"),
                fault("/e", #"must be one of "lease", "consume""#),
                fault("/f", "must not be null: leave it out, or make it an object"),
                fault("/g", "must not be null: leave it out, or make it a string"),
            ]
        )
    }

    @Test func `choices compare bytes and tell what there is`() throws {
        let read: (inout ObjectReader) -> Void = { _ = $0.choice("m", from: ["K": 1]) }
        #expect(try faults(#"{"m":"K"}"#, read) == [])
        // The Kelvin sign is canonically the letter K.
        #expect(try faults(#"{"m":"\u212a"}"#, read) == [fault("/m", #"must be "K""#)])
        let readScale: (inout ObjectReader) -> Void = { _ = $0.choice("m", as: Scale.self) }
        #expect(try faults(#"{"m":"K"}"#, readScale) == [])
        #expect(try faults(#"{"m":"\u212a"}"#, readScale) == [fault("/m", #"must be "K""#)])
        let found = try faults(#"{"m":"LEASE"}"#) { _ = $0.choice("m", as: Mode.self) }
        #expect(found == [fault("/m", #"must be one of "lease", "consume""#)])
    }

    @Test func `lengths of strings are code points`() throws {
        func found(_ count: Int, _ range: ClosedRange<Int>) throws -> [String] {
            let text = String(repeating: "é", count: count)
            return try faults("{\"s\":\"\(text)\"}") { _ = $0.string("s", codePoints: range) }
                .map(\.detail)
        }
        #expect(try found(256, 0...256) == [])
        #expect(try found(257, 0...256) == ["must be a string of at most 256 characters"])
        #expect(try found(0, 0...256) == [])
        #expect(try found(0, 1...256) == ["must be a string of 1 to 256 characters"])
        #expect(try found(1, 2...3) == ["must be a string of 2 to 3 characters"])
        #expect(try found(2, 2...3) == [])
        #expect(try found(3, 1...1) == ["must be a string of 1 character"])
        #expect(try found(3, 4...Int.max) == ["must be a string of at least 4 characters"])
    }

    @Test func `rules tell their wording`() throws {
        let rule = TextRule("must be a name of 1 to 3 small letters") { text in
            text.utf8.allSatisfy { (0x61...0x7A).contains($0) }
        }
        let found = try faults(#"{"a":"abc","b":"aBc","c":"abcd","d":1}"#) { reader in
            #expect(reader.string("a", codePoints: 1...3, matching: rule) == "abc")
            _ = reader.string("b", codePoints: 1...3, matching: rule)
            _ = reader.string("c", codePoints: 1...3, matching: rule)
            _ = reader.string("d", codePoints: 1...3, matching: rule)
        }
        #expect(
            found == [
                fault("/b", "must be a name of 1 to 3 small letters"),
                fault("/c", "must be a name of 1 to 3 small letters"),
                fault("/d", "must be a string"),
            ]
        )
    }

    @Test func `required members that are missing are faults at their place`() throws {
        let found = try faults(#"{"inner":{}}"#) { reader in
            _ = reader.string("uri", required: true)
            reader.require("port")
            _ = reader.object("inner") { inner in inner.integer("bytes", required: true) }
            _ = reader.data(required: true)
        }
        #expect(
            found == [
                fault("/uri", "is required"), fault("/port", "is required"),
                fault("/inner/bytes", "is required"), fault("/data", "is required"),
            ]
        )
    }

    @Test(arguments: ["[]", "1", "\"x\"", "true"])
    func `a body that is no object is one fault`(_ body: String) throws {
        let found = try faults(body) { reader in
            _ = reader.string("a", required: true)
            reader.fault("b", "is odd")
            reader.fault("is odd")
        }
        #expect(found == [fault("", "must be an object")])
    }

    @Test func `cross-member faults point at a member or the object`() throws {
        let found = try faults(#"{"items":[{"a":1,"b":2}]}"#) { reader in
            _ = reader.array("items")?.objects { item -> Int? in
                if item.has("a") && item.has("b") { item.fault("b", "excludes \"a\"") }
                item.fault("is odd")
                return 1
            }
        }
        #expect(
            found == [fault("/items/0/b", "excludes \"a\""), fault("/items/0", "is odd")]
        )
    }

    @Test func `an empty body stands for no members only where it may`() throws {
        let count = try JSONBody.read([], emptyMeansNoMembers: true) { $0.integer("n") ?? 7 }
        #expect(count == 7)
        #expect(throws: JSONBodyError.syntax(.init(line: 1, column: 0, reason: "is empty"))) {
            try JSONBody.read([]) { $0.integer("n") ?? 7 }
        }
    }

    @Test func `members of several kinds are read by their kind`() throws {
        func ack(_ value: String) throws -> [String]? {
            try JSONBody.read(Array("{\"ack\":\(value)}".utf8)) { reader -> [String]? in
                guard let ack = reader.value("ack") else { return [] }
                if ack.kind == .array { return ack.array(count: 1...2)?.strings() }
                return ack.choice(from: ["all": ["*"]])
            }
        }
        #expect(try ack("\"all\"") == ["*"])
        #expect(try ack(#"["x","y"]"#) == ["x", "y"])
        #expect(throws: JSONBodyError.faults([fault("/ack", "must be \"all\"")])) {
            try ack("1")
        }
        #expect(throws: JSONBodyError.faults([fault("/ack/1", "must be a string")])) {
            try ack(#"["x",2]"#)
        }
        #expect(
            throws: JSONBodyError.faults([
                fault("/ack", "must have 1 to 2 elements, and has 3")
            ])
        ) {
            try ack(#"["x","y","z"]"#)
        }
    }
}
