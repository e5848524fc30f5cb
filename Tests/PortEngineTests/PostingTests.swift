import PortEngine
import TestKit
import Testing

@Suite struct PostingTests {
    @Test func `O01 packets leave in the order in which they came`() throws {
        let port = try PortBench().port()
        try port.post("a", "b")
        try port.post("c")
        #expect(try port.take().contexts == ["a", "b", "c"])
    }
}
