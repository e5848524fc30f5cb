import EngineBase
import Testing

@Suite struct ClientTextTests {
    @Test func `a text of any length is told as it came`() {
        for count in 0...40 {
            let ascii = String("abcdefghijklmnopqrstuvwxyz0123456789-_.:".prefix(count))
            let zeros = String(repeating: "\0", count: count)
            let umlauts = String(repeating: "ü", count: count)
            for text in [ascii, zeros, umlauts] {
                let kept = ClientText(text)
                #expect(kept.text == text)
                #expect(kept.description == text)
                #expect(kept.withUTF8 { Array($0) } == Array(text.utf8))
                #expect(ClientText.holdsMemory(kept) == (text.utf8.count > 14), "\(count)")
            }
        }
        #expect(!ClientText.holdsMemory(nil))
    }

    @Test func `texts are equal when their bytes are`() {
        // A zero at the end, a byte more, a byte changed at each place; with and without memory.
        for count in 0...20 {
            let bytes = (0..<count).map { UInt8(ascii: "a") + UInt8($0) }
            let text = ClientText(String(decoding: bytes, as: UTF8.self))
            #expect(text == ClientText(String(decoding: bytes, as: UTF8.self)))
            #expect(text != ClientText(String(decoding: bytes + [0], as: UTF8.self)))
            for place in bytes.indices {
                var other = bytes
                other[place] = UInt8(ascii: "z")
                #expect(text != ClientText(String(decoding: other, as: UTF8.self)), "\(place)")
            }
        }
        #expect(Set(["a", "b", "a" as ClientText]).count == 2)
        // One sign for readers, two for the client that gave them.
        #expect(ClientText("\u{E9}") != ClientText("e\u{301}"))
    }

    @Test func `a literal is a text`() {
        #expect(("" as ClientText).text == "")
        #expect(("x" as ClientText).text == "x")
        #expect(("reading-000123" as ClientText).text == "reading-000123")
        #expect(("a text that is longer" as ClientText).text == "a text that is longer")
    }

    @Test func `a text takes two words, an optional one too`() {
        #expect(MemoryLayout<ClientText>.size == 16)
        #expect(MemoryLayout<ClientText?>.size == 16)
    }
}
