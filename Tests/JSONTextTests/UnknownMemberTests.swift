import JSONText
import Testing

private func faults(_ text: String, _ read: (inout ObjectReader) -> Void) throws -> [BodyFault] {
    try JSONDocument.read(Array(text.utf8)) { root in
        let list = FaultList()
        var reader = ObjectReader(root, faults: list)
        read(&reader)
        reader.finish()
        return list.faults
    }
}

private let unknown = "is not a member that this request has"

@Suite struct UnknownMemberTests {
    @Test func `an unknown member is a fault that points at it`() throws {
        let found = try faults(#"{"packets":[{"key":"a"},{"key":"b","color":1}],"zzz":null}"#) {
            _ = $0.array("packets")?.objects { $0.string("key") }
        }
        #expect(
            found == [
                BodyFault(pointer: "/packets/1/color", detail: unknown),
                BodyFault(pointer: "/zzz", detail: unknown),
            ]
        )
    }

    @Test(arguments: [
        ("wait_sm", "wait_ms"), ("waitms", "wait_ms"), ("wait_mss", "wait_ms"),
        ("Wait_Ms", "wait_ms"), ("kye", "key"), ("ke", "key"),
    ])
    func `a near miss is told what it may have meant`(_ name: String, _ meant: String) throws {
        let found = try faults("{\"\(name)\":1}") { reader in
            _ = reader.integer("wait_ms")
            _ = reader.string("key")
            _ = reader.string("op")
        }
        #expect(
            found == [
                BodyFault(pointer: "/\(name)", detail: "\(unknown); did you mean \"\(meant)\"?")
            ]
        )
    }

    @Test(arguments: ["w", "wait", "xyz", "kxyey", ""])
    func `a far miss gets no guess`(_ name: String) throws {
        let found = try faults("{\"\(name)\":1}") { reader in
            _ = reader.integer("wait_ms")
            _ = reader.string("key")
            _ = reader.string("op")
        }
        #expect(found == [BodyFault(pointer: "/\(name)", detail: unknown)])
    }

    @Test func `pointers escape tilde and slash and nothing else`() throws {
        let found = try faults(#"{"a/b":1,"c~d":1,"~1":1,"":1,"e\"\\\n ä":1,"%2F":1}"#) { _ in }
        #expect(
            found.map(\.pointer) == ["/a~1b", "/c~0d", "/~01", "/", "/e\"\\\n ä", "/%2F"]
        )
    }

    @Test func `at most sixteen faults are kept`() throws {
        let members = (0..<40).map { "\"m\($0)\":1" }.joined(separator: ",")
        let found = try faults("{\(members)}") { _ in }
        #expect(found.count == FaultList.limit)
        #expect(found.first?.pointer == "/m0")
        #expect(found.last?.pointer == "/m15")
        let made = try faults("{}") { reader in
            for number in 0..<40 { reader.fault("is odd \(number)") }
        }
        #expect(made.map(\.detail) == (0..<16).map { "is odd \($0)" })
        let elements = Array(repeating: "1", count: 4096).joined(separator: ",")
        #expect(
            try faults("{\"ids\":[\(elements)]}") { _ = $0.array("ids")?.strings() }
                == (0..<16).map { BodyFault(pointer: "/ids/\($0)", detail: "must be a string") }
        )
    }

    @Test func `a name that is asked for twice does not hide an unknown one`() throws {
        let found = try faults(#"{"a":1,"b":2}"#) { reader in
            _ = reader.has("a")
            _ = reader.integer("a")
        }
        #expect(found == [BodyFault(pointer: "/b", detail: unknown)])
    }

    @Test func `a long name is counted and not repeated`() throws {
        let name = String(repeating: "x", count: 5000)
        let found = try faults("{\"\(name)\":1}") { _ in }
        #expect(
            found == [
                BodyFault(
                    pointer: "",
                    detail: "has a member with a name of 5000 bytes, which this request does not"
                        + " have"
                )
            ]
        )
    }

    @Test func `members of the client's choice are all known and have their places`() throws {
        var names: [String] = []
        let found = try faults(#"{"options":{"c/a":"x","key":1,"n":null}}"#) { reader in
            _ = reader.object("options") { options -> Int? in
                options.forEachMember { name, value in
                    names.append(name)
                    _ = value.string()
                }
                #expect(options.contains(named: "key"))
                #expect(!options.contains(named: "other"))
                return 0
            }
        }
        #expect(names == ["c/a", "key", "n"])
        #expect(
            found == [
                BodyFault(pointer: "/options/key", detail: "must be a string"),
                BodyFault(
                    pointer: "/options/n",
                    detail: "must not be null: leave it out, or make it a string"
                ),
            ]
        )
    }

    @Test func `readers of nested objects do not mix up their names`() throws {
        let found = try faults(#"{"a":{"x":1,"q":1},"b":{"y":1},"x":1}"#) { reader in
            var a = reader.object("a")
            var b = reader.object("b")
            _ = a?.integer("x")
            _ = b?.integer("y")
            a?.finish()
            b?.finish()
        }
        #expect(found.map(\.pointer) == ["/a/q", "/x"])
    }

    @Test func `a fault in a list makes the list nil and the rest is still read`() throws {
        let found = try faults(#"{"l":[{"n":1},{"n":"x"},5,{"n":2,"z":0}]}"#) { reader in
            #expect(reader.array("l")?.objects { $0.integer("n") } == nil)
        }
        #expect(found.map(\.pointer) == ["/l/1/n", "/l/2", "/l/3/z"])
    }

    @Test func `lists of lists have their places`() throws {
        let found = try faults(#"{"l":[[1,2],[3,"x"]]}"#) { reader in
            _ = reader.array("l")?.map { $0.array(count: 2...2)?.map { $0.integer() } }
        }
        #expect(found.map(\.pointer) == ["/l/1/1"])
    }
}
