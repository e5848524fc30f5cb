import JSONText
import Testing

/// The syntax error of a text, or nil when it is taken.
private func syntaxError(_ text: String, maxDepth: Int = 32) -> JSONSyntaxError? {
    syntaxError(Array(text.utf8), maxDepth: maxDepth)
}

private func syntaxError(_ bytes: [UInt8], maxDepth: Int = 32) -> JSONSyntaxError? {
    do throws(JSONSyntaxError) {
        _ = try JSONDocument(parsing: bytes, maxDepth: maxDepth)
        return nil
    } catch {
        return error
    }
}

private func read<R>(_ text: String, _ body: (JSONNode) throws -> R) throws -> R {
    try JSONDocument.read(Array(text.utf8), body)
}

@Suite struct SyntaxTests {
    @Test(arguments: [
        (#"{"a":1,"a":2}"#, "has a member twice in one object"),
        (#"{"a":1,"\u0061":2}"#, "has a member twice in one object"),
        (#"[{"x":{"b":1,"b":1}}]"#, "has a member twice in one object"),
        (#"{"a\u0000b":1}"#, "has the character U+0000 in the name of a member"),
        ("9223372036854775808", "has a number out of range"),
        ("-9223372036854775809", "has a number out of range"),
        ("[1e400]", "has a number out of range"),
        ("", "is empty"),
        (" \n", "ends before the JSON value is complete"),
        ("{\"a\":", "ends before the JSON value is complete"),
        ("[1, 2", "ends before the JSON value is complete"),
        ("\"abc", "ends before the JSON value is complete"),
        ("{} {}", "goes on after the end of the JSON value"),
        ("{}x", "goes on after the end of the JSON value"),
        ("{}\0", "goes on after the end of the JSON value"),
        ("\u{FEFF}{}", "starts with a byte order mark, which JSON does not allow"),
        (#"["\ud800"]"#, "is not valid JSON"),
        (#"["\udc00"]"#, "is not valid JSON"),
        (#"["\ud800\u0041"]"#, "is not valid JSON"),
        ("// x\n{}", "is not valid JSON"),
        ("[1,]", "is not valid JSON"),
        ("{'a':1}", "is not valid JSON"),
        ("[01]", "is not valid JSON"),
        ("[NaN]", "is not valid JSON"),
        ("[\"a\tb\"]", "is not valid JSON"),
    ])
    func `texts that are not JSON are refused with the reason`(_ text: String, _ reason: String) {
        #expect(syntaxError(text)?.reason == reason)
    }

    @Test(
        arguments: [
            [0x22, 0xFF, 0x22],  // no UTF-8 byte
            [0x22, 0xC3, 0x22],  // cut short
            [0x22, 0xC0, 0xAF, 0x22],  // overlong
            [0x22, 0xED, 0xA0, 0x80, 0x22],  // a surrogate
            [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22],  // beyond U+10FFFF
            [0x7B, 0x7D, 0xFF],  // after the end
        ] as [[UInt8]]
    )
    func `invalid UTF-8 is refused`(_ bytes: [UInt8]) {
        #expect(syntaxError(bytes)?.reason == "is not valid UTF-8")
    }

    @Test func `a fault names its line and column`() {
        let error = syntaxError("{\n  \"ä\": 1,\n  \"ä\": 2 }")
        #expect(error?.line == 3)
        #expect(error?.column == 5)
        #expect(syntaxError("[1,\n\n x]")?.line == 3)
        #expect(syntaxError("")?.line == 1)
    }

    @Test func `a reason never quotes the text`() {
        for text in ["[secret]", "{\"secret\":1,\"secret\":2}", "{\"secret\" secret}", "\"secret"] {
            #expect(syntaxError(text)?.reason.contains("secret") == false)
        }
    }

    @Test func `the deepest nesting is taken and one level more is not`() {
        func nested(_ levels: Int) -> String {
            String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
        }
        #expect(syntaxError(nested(32)) == nil)
        #expect(
            syntaxError(nested(33))
                == JSONSyntaxError(
                    line: 1,
                    column: 33,
                    reason: "is nested more than 32 levels deep"
                )
        )
        #expect(syntaxError(nested(100_000))?.reason == "is nested more than 32 levels deep")
        #expect(syntaxError("1", maxDepth: 0) == nil)
        #expect(syntaxError("{}", maxDepth: 0)?.reason == "is nested more than 0 levels deep")
        #expect(syntaxError(#"{"a":{"b":[]}}"#, maxDepth: 3) == nil)
        #expect(syntaxError(#"{"a":[{"b":[]}]}"#, maxDepth: 3) != nil)
        #expect(syntaxError(#"[[],[],[[]],{}]"#, maxDepth: 2) != nil)
        #expect(syntaxError(#"[[],[],"[[[",{}]"#, maxDepth: 2) == nil)
    }

    @Test func `the place of nesting that is too deep skips brackets in strings`() {
        let error = syntaxError("{\"[{\\\"[\":\n [[1]]}", maxDepth: 2)
        #expect(error?.line == 2)
        #expect(error?.column == 3)
    }
}

@Suite struct NodeTests {
    @Test func `every kind is told`() throws {
        let kinds = try read(#"[{},[],"",1,1.5,true,false,null]"#) { root in
            (0..<root.arrayCount).map { root.element(at: $0)?.kind }
        }
        #expect(
            kinds == [.object, .array, .string, .integer, .real, .boolean, .boolean, .null]
        )
    }

    @Test(
        arguments: [
            ("0", 0), ("-0", 0), ("-0.0", 0), ("1.0", 1), ("1e3", 1000), ("1E+2", 100),
            ("-2.50e1", -25),
            ("9007199254740991", 9_007_199_254_740_991),
            ("9007199254740991.0", 9_007_199_254_740_991),
            ("9223372036854775807", Int.max), ("-9223372036854775808", Int.min), ("1e-400", 0),
            ("9007199254740992.0", nil), ("-9007199254740992.0", nil), ("1e300", nil), ("1.5", nil),
            ("\"1\"", nil), ("true", nil), ("null", nil), ("[1]", nil),
        ] as [(String, Int?)]
    )
    func `numbers without fraction are integers`(_ text: String, _ value: Int?) throws {
        #expect(try read(text) { $0.integer } == value)
    }

    @Test func `numbers with fraction are doubles`() throws {
        #expect(try read("[1.5, 2, \"x\"]") { $0.element(at: 0)?.number } == 1.5)
        #expect(try read("[1.5, 2, \"x\"]") { $0.element(at: 1)?.number } == 2)
        #expect(try read("[1.5, 2, \"x\"]") { $0.element(at: 2)?.number } == nil)
    }

    @Test func `strings keep NUL, pairs of surrogates and every character`() throws {
        let text = #""a\u0000b\ud83d\ude00\/\"\\\b\f\n\r\té€""#
        let value = try read(text) { $0.string }
        #expect(value == "a\u{0}b😀/\"\\\u{8}\u{C}\n\r\té€")
        #expect(try read(text) { $0.codePointCount } == 14)
        #expect(try read(#""""#) { $0.string } == "")
        #expect(try read(#""""#) { $0.codePointCount } == 0)
        #expect(try read("1") { $0.string } == nil)
        #expect(try read("1") { $0.codePointCount } == nil)
    }

    @Test func `members are found by name and length`() throws {
        try read(#"{"":0,"a":1,"ab":2,"ä":3}"#) { root in
            #expect(root.memberCount == 4)
            #expect(root.member("a")?.integer == 1)
            #expect(root.member("ab")?.integer == 2)
            #expect(root.member("abc") == nil)
            #expect(root.member("")?.integer == 0)
            #expect(root.member(named: "")?.integer == 0)
            #expect(root.member(named: "ä")?.integer == 3)
            #expect(root.member(named: "a\u{308}") == nil)
            #expect(root.member(named: "a\u{0}") == nil)
        }
    }

    @Test func `members are listed in the order of the text`() throws {
        let names = try read(#"{"z":1,"a":2,"m":[3]}"#) { root in
            var names: [String] = []
            root.forEachMember { name, _ in names.append(name) }
            return names
        }
        #expect(names == ["z", "a", "m"])
    }

    @Test func `questions to the wrong kind answer nothing`() throws {
        try read("[1]") { root in
            #expect(root.member("a") == nil)
            #expect(root.member(named: "a") == nil)
            #expect(root.memberCount == 0)
            #expect(root.element(at: 1) == nil)
            #expect(root.element(at: -1) == nil)
            #expect(root.boolean == nil)
            root.forEachMember { _, _ in Issue.record("an array has no members") }
        }
        try read("{}") { root in
            #expect(root.arrayCount == 0)
            #expect(root.element(at: 0) == nil)
        }
    }

    @Test func `errors of the closure pass through`() throws {
        struct Stop: Error {}
        #expect(throws: Stop.self) { try read("{}") { _ in throw Stop() } }
        #expect(throws: JSONSyntaxError.self) { try read("{") { _ in 1 } }
        let document = try JSONDocument(parsing: Array(#"{"a":[true]}"#.utf8))
        #expect(document.withRoot { $0.member("a")?.element(at: 0)?.boolean } == true)
        #expect(document.withRoot { $0.memberCount } == 1)
    }

    @Test func `documents that live side by side keep what they hold`() throws {
        // The second needs several blocks of memory, and one larger than all of them.
        let large = (0..<40_000).map { "\"entry number \($0)\"" }.joined(separator: ",")
        let long = String(repeating: "x", count: 3 << 20)
        for round in 0..<3 {
            try JSONDocument.read(Array("{\"first\": [\"one\", \"two\", \(round)]}".utf8)) {
                first in
                try JSONDocument.read(Array("[\(large),\"\(long)\"]".utf8)) { second in
                    #expect(second.arrayCount == 40_001)
                    #expect(second.element(at: 39_999)?.string == "entry number 39999")
                }
                // What ends in the middle leaves nothing behind.
                #expect(throws: JSONSyntaxError.self) {
                    try JSONDocument.read(Array("[\(large),".utf8)) { _ in }
                }
                try JSONDocument.read(Array("[\"another\"]".utf8)) { _ in }
                let list = first.member("first")
                #expect(list?.element(at: 0)?.string == "one")
                #expect(list?.element(at: 2)?.integer == round)
            }
        }
    }
}
