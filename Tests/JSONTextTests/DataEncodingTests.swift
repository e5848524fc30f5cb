import JSONText
import Testing

@Suite struct DataEncodingTests {
    @Test(
        arguments: [
            ("", []), ("AA==", [0]), ("AAE=", [0, 1]), ("AAEC", [0, 1, 2]), ("/+8=", [0xFF, 0xEF]),
            ("//79", [0xFF, 0xFE, 0xFD]), ("TWFueQ==", [0x4D, 0x61, 0x6E, 0x79]),
            ("YWJjZGVmZ2g=", Array("abcdefgh".utf8)), ("YWJjZGVmZ2hp", Array("abcdefghi".utf8)),
            ("YWJjZGVmZ2hpamtsbW4=", Array("abcdefghijklmn".utf8)),
            ("MTIzNDU2Nzg5MDEyMzQ1Njc4OTA=", Array("12345678901234567890".utf8)),
        ] as [(String, [UInt8])]
    )
    func `base64 is decoded and encoded`(_ text: String, _ bytes: [UInt8]) {
        #expect(DataEncoding.base64.decode(text) == bytes)
        var writer = JSONWriter()
        #expect(writer.data(bytes, as: .base64) == .base64)
        #expect(writer.bytes == Array("\"\(text)\"".utf8))
    }

    @Test(arguments: [
        "A", "AA", "AAA", "AA=", "A===", "====", "=", "AB==", "AP==", "AAF=", "AAB=", "AA==AA==",
        "AAA=AAAA", "=AAA", "A=AA", "AA=A", " AA==", "AA== ", "AA\n==", "AAAA\n", "AA-_", "AA.A",
        "AA\0A", "äAA", "AAAA====", "AA==\n   ",
    ])
    func `base64 that is not canonical is refused`(_ text: String) {
        #expect(DataEncoding.base64.decode(text) == nil)
    }

    @Test func `hex is read in either case and written in lower case`() {
        #expect(DataEncoding.hex.decode("00fFA5") == [0x00, 0xFF, 0xA5])
        #expect(DataEncoding.hex.decode("") == [])
        for text in ["0", "0g", "g0", "0x00", " 00", "00 ", "0\0", "ää", "@0", "`0", "/0", ":0"] {
            #expect(DataEncoding.hex.decode(text) == nil, "\(text)")
        }
        var writer = JSONWriter()
        #expect(writer.data([0x00, 0xFF, 0xA5], as: .hex) == .hex)
        #expect(writer.bytes == Array("\"00ffa5\"".utf8))
    }

    @Test func `utf8 gives the bytes of the string`() {
        #expect(DataEncoding.utf8.decode("aä\0\n") == [0x61, 0xC3, 0xA4, 0x00, 0x0A])
    }

    @Test(
        arguments: [
            (Array("*IDN?\r\n\t".utf8), .utf8, .utf8), (Array("ä😀\u{A0}".utf8), .utf8, .utf8),
            ([], .utf8, .utf8), ([0x00], .base64, .utf8), ([0x1B, 0x5B], .base64, .utf8),
            ([0x7F], .base64, .utf8), ([0x0B], .base64, .utf8), ([0xC2, 0x85], .base64, .utf8),
            ([0xC2, 0xA0], .utf8, .utf8), ([0xFF], .base64, .base64), ([0xC3], .base64, .base64),
            ([0xED, 0xA0, 0x80], .base64, .base64), ([0xC0, 0x80], .base64, .base64),
        ] as [([UInt8], DataEncoding, DataEncoding)]
    )
    func `auto and utf8 fall back to base64`(
        _ bytes: [UInt8],
        _ forAuto: DataEncoding,
        _ forUTF8: DataEncoding
    ) {
        #expect(ReplyEncoding.auto.encoding(for: bytes) == forAuto)
        #expect(ReplyEncoding.utf8.encoding(for: bytes) == forUTF8)
        #expect(ReplyEncoding.base64.encoding(for: bytes) == .base64)
        #expect(ReplyEncoding.hex.encoding(for: bytes) == .hex)
        var writer = JSONWriter()
        #expect(writer.data([1, 2] + bytes[...], as: .base64) == .base64)
        #expect(writer.data(bytes[...], as: .auto) == forAuto)
    }

    @Test func `reply members name the encoding that was used`() {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("bytes", 1)
            writer.dataMembers([0xFF], as: .utf8)
        }
        #expect(
            String(decoding: writer.bytes, as: UTF8.self)
                == #"{"bytes":1,"data":"/w==","encoding":"base64"}"#
        )
        var empty = JSONWriter()
        empty.object { writer in
            writer.dataMembers([], as: .auto)
            writer.dataMembers(nil, as: .auto)
        }
        #expect(String(decoding: empty.bytes, as: UTF8.self) == "{}")
    }
}

@Suite struct DataMemberTests {
    private func read(
        _ body: String,
        _ read: (inout ObjectReader) -> [UInt8]? = { $0.data() }
    ) throws -> ([UInt8]?, [String]) {
        try JSONDocument.read(Array(body.utf8)) { root in
            let list = FaultList()
            var reader = ObjectReader(root, faults: list)
            let data = read(&reader)
            reader.finish()
            return (data, list.faults.map { "\($0.pointer) \($0.detail)" })
        }
    }

    @Test func `data is read in the encoding that stands beside it`() throws {
        #expect(try read(#"{"data":"AAE="}"#) == ([0, 1], []))
        #expect(try read(#"{"data":"AAE=","encoding":"base64"}"#) == ([0, 1], []))
        #expect(try read(#"{"data":"0001","encoding":"hex"}"#) == ([0, 1], []))
        #expect(
            try read(#"{"data":"a\u0000\n","encoding":"utf8"}"#) == ([0x61, 0x00, 0x0A], [])
        )
        #expect(try read(#"{"data":""}"#) == ([], []))
        #expect(try read(#"{}"#) == (nil, []))
        #expect(try read(#"{"encoding":"hex"}"#) == (nil, []))
    }

    @Test func `faults of data point at it or at its encoding`() throws {
        let base64 = "must be base64: standard alphabet, padded, unused bits zero, no white space"
        let hex = "must be hexadecimal: two digits for each byte"
        let encoding = #"/encoding must be one of "base64", "utf8", "hex""#
        #expect(try read(#"{"data":"AB=="}"#) == (nil, ["/data \(base64)"]))
        #expect(try read(#"{"data":"0","encoding":"hex"}"#) == (nil, ["/data \(hex)"]))
        #expect(try read(#"{"data":"AA==","encoding":"Hex"}"#) == (nil, [encoding]))
        #expect(try read(#"{"data":"AA==","encoding":"auto"}"#) == (nil, [encoding]))
        #expect(try read(#"{"data":"AA==","encoding":1}"#) == (nil, [encoding]))
        #expect(try read(#"{"data":5}"#) == (nil, ["/data must be a string"]))
        #expect(try read(#"{"encoding":"x"}"#) { $0.data(required: true) }.1.count == 2)
    }

    @Test func `names, default and size are the caller's`() throws {
        let until: (inout ObjectReader) -> [UInt8]? = {
            $0.data("until", encodedBy: "until_encoding", default: .utf8, bytes: 1...3)
        }
        #expect(try read(#"{"until":"\n"}"#, until) == ([0x0A], []))
        #expect(try read(#"{"until":"0d0a","until_encoding":"hex"}"#, until) == ([13, 10], []))
        #expect(
            try read(#"{"until":""}"#, until)
                == (nil, ["/until must hold 1 to 3 bytes, and holds 0"])
        )
        #expect(
            try read(#"{"until":"éé"}"#, until)
                == (nil, ["/until must hold 1 to 3 bytes, and holds 4"])
        )
        #expect(
            try read(#"{"d":"00"}"#) { $0.data("d", as: .hex, bytes: 0...0) }
                == (nil, ["/d must hold at most 0 bytes, and holds 1"])
        )
    }
}
