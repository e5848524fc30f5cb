import DeviceSessions
import EngineBase
import PortEngine
import Testing

@Suite struct ReadTests {
    @Test func `T01 a read completes with what is there`() {
        let bench = SessionBench()
        bench.submit(.read(1_000))
        #expect(bench.told() == [])
        bench.arrives("0123456789")
        #expect(bench.told() == ["read#1 ok 10 '0123456789'"])
        #expect(bench.stepNames == [])
    }

    @Test func `T01 a read takes no more than its limit and the rest waits for the next`() {
        let bench = SessionBench()
        bench.submit(.read(4))
        bench.arrives("abcdefgh")
        bench.submit(.read(4), .read(4))
        #expect(bench.told() == ["read#1 ok 4 'abcd'", "read#2 ok 4 'efgh'"])
        #expect(bench.pending == ["read#3 running"])
    }

    @Test(arguments: [(3, "abc", ""), (4, "abcd", ""), (5, "abcd", "e")])
    func `T01 the limit is exact`(_ size: Int, _ first: String, _ second: String) {
        let bench = SessionBench()
        bench.submit(.read(4))
        bench.arrives(String("abcde".prefix(size)))
        #expect(bench.told() == ["read#1 ok \(first.count) '\(first)'"])
        bench.close()
        bench.settle()
        let discarded = second.isEmpty ? "" : " discarded 1"
        #expect(bench.told() == ["session_closed ok" + discarded])
    }

    @Test func `T02 a read begun with data waiting completes at once and asks for no more`() {
        let bench = SessionBench()
        bench.submit(.read(1))
        bench.arrives("abc")
        _ = bench.told()
        bench.submit(.read())
        #expect(bench.told() == ["read#2 ok 2 'bc'"])
        #expect(bench.stepNames == [])
    }

    @Test func `T04 a zero-byte read tells when a byte could be read and takes none`() {
        let bench = SessionBench()
        bench.submit(.readiness)
        #expect(bench.told() == [])
        bench.arrives("x")
        bench.submit(.readiness, .read())
        #expect(bench.told() == ["read#1 ok 0", "read#2 ok 0", "read#3 ok 1 'x'"])
    }

    @Test func `T04 a zero-byte read has the status of the end at the end`() {
        let bench = SessionBench()
        bench.submit(.readiness)
        bench.ends()
        #expect(bench.told() == ["read#1 end_of_stream 0"])
        let reset = SessionBench()
        reset.submit(.readiness)
        reset.answer("receive", .failed(.connectionReset))
        #expect(reset.told() == ["read#1 failed(connection_reset) 0"])
    }

    @Test func `T05 reads are filled in the order in which they were accepted`() {
        let bench = SessionBench()
        bench.submit(.read(2), .exactly(3), .read(10))
        bench.arrives("abcdefg")
        #expect(
            bench.told() == ["read#1 ok 2 'ab'", "read#2 ok 3 'cde'", "read#3 ok 2 'fg'"])
    }

    @Test func `T06 a full read completes only when it is full`() {
        let bench = SessionBench()
        bench.submit(.exactly(5))
        bench.arrives("abc")
        bench.arrives("d")
        #expect(bench.told() == [])
        bench.arrives("ef")
        #expect(bench.told() == ["read#1 ok 5 'abcde'"])
        bench.submit(.read())
        #expect(bench.told() == ["read#2 ok 1 'f'"])
    }

    @Test func `a full read completes at the very byte`() {
        let bench = SessionBench()
        bench.submit(.exactly(4))
        bench.arrives("abcd")
        #expect(bench.told() == ["read#1 ok 4 'abcd'"])
        #expect(bench.stepNames == [])
    }

    @Test func `a full read at the end gives the part that came`() {
        let bench = SessionBench()
        bench.submit(.exactly(5), .exactly(1))
        bench.arrives("abc")
        bench.ends()
        #expect(
            bench.told() == ["read#1 end_of_stream 3 'abc'", "read#2 end_of_stream 0"])
    }

    @Test func `an end tells no read that is complete without it`() {
        let bench = SessionBench()
        bench.submit(.exactly(3))
        bench.arrives("abcde")
        bench.submit(.until(), .read())
        bench.ends()
        #expect(
            bench.told() == [
                "read#1 ok 3 'abc'", "read#2 end_of_stream 2 'de'", "read#3 end_of_stream 0",
            ])
    }
}

@Suite struct DelimiterTests {
    @Test func `a delimited read ends with its delimiter and leaves the rest`() {
        let bench = SessionBench()
        bench.submit(.until(), .until())
        bench.arrives("one\ntwo\nthr")
        #expect(bench.told() == ["read#1 ok 4 'one\n'", "read#2 ok 4 'two\n'"])
        bench.submit(.until())
        bench.arrives("ee\n")
        #expect(bench.told() == ["read#3 ok 6 'three\n'"])
    }

    @Test func `a delimiter may come in two parts`() {
        let bench = SessionBench()
        bench.submit(.until("\r\n"))
        bench.arrives("abc\r")
        #expect(bench.told() == [])
        bench.arrives("\nx")
        #expect(bench.told() == ["read#1 ok 5 'abc\r\n'"])
    }

    @Test func `a delimiter may come byte by byte behind a false beginning`() {
        let bench = SessionBench()
        bench.submit(.until("aab"))
        for piece in ["x", "a", "a", "a"] { bench.arrives(piece) }
        #expect(bench.told() == [])
        bench.arrives("b")
        #expect(bench.told() == ["read#1 ok 5 'xaaab'"])
    }

    @Test(arguments: 1...9, [1, 2, 3])
    func `a delimiter is found wherever the pieces are cut`(_ first: Int, _ length: Int) {
        let delimiter = String(
            "\r\n\u{3}".prefix(length).unicodeScalars.prefix(length).map(Character.init))
        let text = "abcde" + delimiter + "zz"
        let bytes = Array(text.utf8)
        let bench = SessionBench()
        bench.submit(
            .read(.until(Array(delimiter.utf8), limit: 100), repeats: false, credit: nil))
        let cut = min(first, bytes.count)
        bench.answer("receive", .received(Array(bytes[..<cut])))
        if bench.has("receive"), cut < bytes.count {
            bench.answer("receive", .received(Array(bytes[cut...])))
        }
        #expect(bench.delivered == Array(("abcde" + delimiter).utf8))
    }

    @Test func `a frame of just the limit is good`() {
        let bench = SessionBench()
        bench.submit(.until(limit: 4))
        bench.arrives("abc\n")
        #expect(bench.told() == ["read#1 ok 4 'abc\n'"])
    }

    @Test func `without a delimiter within the limit the frame is too long and the next goes on`() {
        let bench = SessionBench()
        bench.submit(.until(limit: 4))
        bench.arrives("abc")
        #expect(bench.told() == [])
        bench.arrives("d")
        #expect(bench.told() == ["read#1 failed(frame_too_long) 4 'abcd'"])
        bench.submit(.until(limit: 4))
        bench.arrives("ef\n")
        #expect(bench.told() == ["read#2 ok 3 'ef\n'"])
    }

    @Test func `a delimiter that ends behind the limit does not help`() {
        let bench = SessionBench()
        bench.submit(.until("\r\n", limit: 4))
        bench.arrives("abc\r\nd\r\n")
        #expect(bench.told() == ["read#1 failed(frame_too_long) 4 'abc\r'"])
        bench.submit(.until("\r\n", limit: 9))
        #expect(bench.told() == ["read#2 ok 4 '\nd\r\n'"])
    }

    @Test func `the search begins anew for the next delimiter`() {
        let bench = SessionBench()
        bench.submit(.until(";"), timeout: 100)
        bench.submit(.until("\n"))
        bench.arrives("a\nb")
        #expect(bench.told() == [])
        bench.cancel(1)
        #expect(
            bench.told() == ["read#1 cancelled(operation_aborted) 0", "read#2 ok 2 'a\n'"])
    }

    @Test func `a line that waits for room is given when room comes`() {
        let bench = SessionBench()
        bench.surroundings.portAcceptsPayload = false
        bench.submit(.until())
        bench.arrives("abc\nd")
        #expect(bench.told() == ["await room"])
        #expect(bench.pending == ["read#1 paused by port"])
        #expect(bench.stepNames == [], "the device waits")
        bench.surroundings.portAcceptsPayload = true
        bench.room()
        #expect(bench.told() == ["read#1 ok 4 'abc\n'"])
    }
}
