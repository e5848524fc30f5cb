import JSONText
import Testing

private func written(_ write: (inout JSONWriter) -> Void) -> String {
    var writer = JSONWriter()
    write(&writer)
    return String(decoding: writer.bytes, as: UTF8.self)
}

private enum Mode: String { case lease, consume }

@Suite struct JSONWriterTests {
    @Test func `objects and arrays get their commas`() {
        let text = written { writer in
            writer.object { writer in
                writer.member("a", 1)
                writer.array("b") { writer in
                    writer.integer(-1)
                    writer.object { _ in }
                    writer.array { _ in }
                    writer.string("x")
                    writer.boolean(false)
                }
                writer.object("c") { writer in writer.member("d", true) }
                writer.member(named: "e\"/")
                writer.raw("null")
                writer.member("f")
                writer.raw(Array("[1]".utf8))
            }
            writer.finishLine()
        }
        #expect(
            text == #"{"a":1,"b":[-1,{},[],"x",false],"c":{"d":true},"e\"/":null,"f":[1]}"# + "\n"
        )
    }

    @Test func `members that are nil are left out`() {
        let text = written { writer in
            writer.object { writer in
                writer.member("a", nil as String?)
                writer.member("b", nil as Int?)
                writer.member("c", nil as Bool?)
                writer.member("d", nil as UInt64?)
                writer.member("e", nil as Mode?)
                writer.member("f", nil as [String]?)
                writer.member("g", "")
                writer.member("h", Mode.lease)
                writer.member("i", ["x", "y"])
                writer.member("j", UInt64.max)
            }
        }
        #expect(text == #"{"g":"","h":"lease","i":["x","y"],"j":18446744073709551615}"#)
    }

    @Test(arguments: [
        (0, "0"), (9, "9"), (10, "10"), (-1, "-1"), (Int.max, "9223372036854775807"),
        (Int.min, "-9223372036854775808"), (1_000_000, "1000000"),
    ])
    func `integers are decimal`(_ value: Int, _ text: String) {
        #expect(written { $0.integer(value) } == text)
    }

    @Test func `large integers may be strings, and doubles keep their fraction`() {
        #expect(written { $0.decimalString(.max) } == "\"18446744073709551615\"")
        #expect(written { $0.decimalString(0) } == "\"0\"")
        #expect(written { $0.number(0.25) } == "0.25")
        #expect(written { $0.number(1e-7) } == "1e-07")
        #expect(written { $0.number(3) } == "3.0")
    }

    @Test func `strings are escaped only where they must be`() {
        let plain = "/ äé€😀 \u{7F} \u{2028} 'x' <&>"
        #expect(written { $0.string(plain) } == "\"\(plain)\"")
        #expect(
            written { $0.string("\"\\\u{8}\u{C}\n\r\t\u{0}\u{1}\u{B}\u{1F}") }
                == #""\"\\\b\f\n\r\t\u0000\u0001\u000b\u001f""#
        )
    }

    @Test func `every byte that needs an escape gets it at every place`() {
        for code in (0..<0x80 as Range<UInt8>) {
            let scalar = Unicode.Scalar(code)
            let single = written { $0.string(String(scalar)) }.dropFirst().dropLast()
            for place in 0..<20 {
                let before = String(repeating: "é", count: place / 2) + (place % 2 == 0 ? "" : "x")
                let text = before + String(scalar) + "tail of the text"
                let expected = "\"" + before + single + "tail of the text\""
                #expect(written { $0.string(text) } == expected)
            }
        }
    }

    @Test(arguments: [0, 1, 15, 16, 17, 100, 4_096])
    func `a text is the same whatever room it was given`(room: Int) {
        let text = JSONWriter.text(reserving: room) { writer in
            writer.array { writer in
                for number in 0..<200 { writer.integer(number) }
            }
            writer.finishLine()
        }
        let expected = "[" + (0..<200).map(String.init).joined(separator: ",") + "]\n"
        #expect(String(decoding: text, as: UTF8.self) == expected)
    }

    @Test func `a number is written to its last digit`() {
        var values: [UInt64] = [0, .max]
        var power: UInt64 = 1
        for _ in 0..<20 {
            values += [power - 1, power, power + 1, power &* 9 / 2]
            power = power.multipliedReportingOverflow(by: 10).partialValue
        }
        for value in values {
            #expect(written { $0.unsigned(value) } == "\(value)")
            #expect(written { $0.decimalString(value) } == "\"\(value)\"")
        }
    }

    @Test(arguments: [0, 9, 10, 123_456_789, UInt64.max])
    func `a number behind a text is told by itself too`(number: UInt64) {
        let text = written { writer in
            writer.object { writer in
                writer.member("first", 1)
                writer.members("id", Array("cmp_a_".utf8), "seq", number)
                writer.member("last", 2)
            }
        }
        #expect(text == #"{"first":1,"id":"cmp_a_\#(number)","seq":\#(number),"last":2}"#)
    }

    @Test func `errors pass through closures`() {
        struct Stop: Error {}
        var writer = JSONWriter()
        #expect(throws: Stop.self) {
            try writer.object { (writer) throws(Stop) in throw Stop() }
        }
    }
}
