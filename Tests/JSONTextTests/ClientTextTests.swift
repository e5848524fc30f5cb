import EngineBase
import JSONText
import Testing

/// Clients' own texts are written and read without a string between; both must look as if there
/// were one.
@Suite struct JSONClientTextTests {
    private func written(_ write: (inout JSONWriter) -> Void) -> String {
        var writer = JSONWriter(reservingCapacity: 16)
        writer.object { writer in
            writer.member("before", 1)
            write(&writer)
            writer.member("after", 2)
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    @Test func `a text is written as the string of its bytes, wherever one needs an escape`() {
        let signs: [Character] = ["a", "\"", "\\", "\n", "\u{0}", "\u{1F}", "\u{7F}", "ü", "€"]
        for count in 0...20 {
            for place in 0...count {
                for sign in signs {
                    var text = String(repeating: "x", count: count)
                    text.insert(sign, at: text.index(text.startIndex, offsetBy: place))
                    let expected = written { $0.member("text", text) }
                    #expect(written { $0.member("text", ClientText(text)) } == expected)
                }
            }
        }
        let none: ClientText? = nil
        #expect(written { $0.member("text", none) } == "{\"before\":1,\"after\":2}")
    }

    @Test func `a text is read as the string is, and refused as it is`() throws {
        let bodies = [
            "\"\"", "\"x\"", "\"exactly fourte\"", "\"fifteen bytes !\"", "\"\\u0000\\n\\\"ü\"",
            "\"four\"", "7", "null", "[]", "\"" + String(repeating: "ü", count: 31) + "\"",
        ]
        for body in bodies {
            let bytes = Array("{\"text\":\(body)}".utf8)
            func read<T>(_ reading: (inout ObjectReader) -> T?) -> Result<T, JSONBodyError> {
                do throws(JSONBodyError) {
                    return .success(try JSONBody.read(bytes, reading))
                } catch {
                    return .failure(error)
                }
            }
            let asString = read { $0.string("text", codePoints: 0...30, required: true) }
            let asText = read { $0.clientText("text", codePoints: 0...30)?.text }
            switch (asString, asText) {
            case (.success(let left), .success(let right)): #expect(left == right)
            case (.failure(let left), .failure(let right)):
                #expect("\(left)" == "\(right)")
            default: Issue.record("\(body): \(asString) and \(asText)")
            }
        }
    }
}
