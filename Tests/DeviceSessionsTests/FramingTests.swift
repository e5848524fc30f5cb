import EngineBase
import PortEngine
import Testing

@testable import DeviceSessions

@Suite struct FramingTests {
    private func frame(_ form: Framing.Form, limit: Int = 65_536) -> OperationKind {
        .read(.frame(form, limit: limit), repeats: false, credit: nil)
    }

    private func standing(_ form: Framing.Form, limit: Int = 65_536) -> OperationKind {
        .read(.frame(form, limit: limit), repeats: true, credit: nil)
    }

    private func bytes(_ bytes: UInt8...) -> StepResult { .received(bytes) }

    private let twoBytes = Framing.Form.lengthPrefix(LengthPrefix(size: 2))

    @Test func `a delimited frame ends with its delimiter`() {
        let bench = SessionBench()
        bench.submit(frame(.delimiter([13, 10])), frame(.delimiter([13, 10])))
        bench.arrives("ab\r")
        bench.arrives("\ncd\r\n")
        #expect(bench.told() == ["read#1 ok 4 'ab\r\n'", "read#2 ok 4 'cd\r\n'"])
    }

    @Test func `a fixed frame has its size whatever the limit`() {
        let bench = SessionBench()
        bench.submit(frame(.fixed(3), limit: 1))
        bench.arrives("abcd")
        #expect(bench.told() == ["read#1 ok 3 'abc'"])
    }

    @Test(arguments: [
        (LengthPrefix(size: 1), [2, 65, 66, 67] as [UInt8], 3),
        (LengthPrefix(size: 2), [0, 2, 65, 66, 67], 4),
        (LengthPrefix(size: 2, isBigEndian: false), [2, 0, 65, 66, 67], 4),
        (LengthPrefix(size: 4), [0, 0, 0, 1, 65, 66], 5),
        (LengthPrefix(size: 8), [0, 0, 0, 0, 0, 0, 0, 1, 65, 66], 9),
        (LengthPrefix(size: 8, isBigEndian: false), [1, 0, 0, 0, 0, 0, 0, 0, 65, 66], 9),
        (LengthPrefix(offset: 4, size: 2), [9, 9, 9, 9, 0, 1, 65, 66], 7),
        (LengthPrefix(size: 1, adjustment: 1), [1, 65, 66, 67], 3),
        (LengthPrefix(size: 1, adjustment: -1), [3, 65, 66, 67], 3),
        (LengthPrefix(size: 1), [0, 65], 1),
    ])
    func `a prefixed frame is as long as its field says`(
        _ prefix: LengthPrefix, _ input: [UInt8], _ size: Int
    ) {
        let bench = SessionBench()
        let number = bench.submit(frame(.lengthPrefix(prefix)))[0]
        for byte in input.dropLast() where bench.lastEntries.isEmpty {
            bench.answer("receive", .received([byte]))
        }
        #expect(bench.lastEntries[number]?.status == .ok)
        #expect(bench.lastEntries[number]?.data == Array(input[..<size]))
    }

    @Test func `the rest of a frame that is too long is skipped and counted`() {
        let bench = SessionBench()
        bench.submit(frame(twoBytes, limit: 4), frame(twoBytes, limit: 4))
        bench.answer("receive", bytes(0, 5, 65, 66, 67))
        #expect(bench.told() == ["read#1 failed(frame_too_long) 4 '\0\u{5}AB' discarded 3"])
        bench.answer("receive", bytes(68))
        bench.answer("receive", bytes(69, 0, 1, 70))
        #expect(bench.told() == ["read#2 ok 3 '\0\u{1}F'"])
        #expect(bench.session.view.counters.bytesDiscarded == 3)
    }

    @Test func `a length past 16 MiB ends the input`() {
        let bench = SessionBench()
        let form = Framing.Form.lengthPrefix(LengthPrefix(size: 4))
        bench.submit(frame(form), .read(), .write("x"))
        bench.answer("receive", bytes(255, 0, 0, 0, 1))
        #expect(
            bench.told().prefix(1) == ["read#1 failed(frame_impossible) 5 '\u{FFFD}\0\0\0\u{1}'"])
        #expect(bench.session.view.input == "frame_impossible")
        #expect(bench.lastEntries[2]?.details?.error?.code == "frame_impossible")
        bench.takes()
        #expect(bench.lastEntries[3]?.status == .ok)
    }

    @Test func `a length that an adjustment makes negative ends the input`() {
        let bench = SessionBench()
        bench.submit(standing(.lengthPrefix(LengthPrefix(size: 1, adjustment: -4))))
        bench.answer("receive", bytes(4, 1))
        #expect(
            bench.told() == [
                "read#1 ok 1 '\u{4}' more", "read#1 failed(frame_impossible) 1 '\u{1}' last",
            ])
    }

    @Test func `behind a prefixed frame that timed out the next one is whole`() {
        let bench = SessionBench()
        bench.submit([frame(twoBytes)], timeout: 100)
        bench.answer("receive", bytes(0, 4, 65))
        bench.pass(100)
        #expect(bench.told() == ["read#1 timed_out(timed_out) 3 '\0\u{4}A' discarded 3"])
        bench.submit(frame(twoBytes))
        bench.answer("receive", bytes(66, 67, 68, 0, 1, 69))
        #expect(bench.told() == ["read#2 ok 3 '\0\u{1}E'"])
    }

    @Test func `a header that was cut by a time-out is completed before the next frame`() {
        let bench = SessionBench()
        bench.submit([frame(twoBytes)], timeout: 100)
        bench.answer("receive", bytes(0))
        bench.pass(100)
        #expect(bench.told() == ["read#1 timed_out(timed_out) 1 '\0'"])
        bench.submit(frame(twoBytes))
        bench.answer("receive", bytes(2))
        bench.answer("receive", bytes(65, 66, 0, 1, 67))
        #expect(bench.told() == ["read#2 ok 3 '\0\u{1}C'"])
        #expect(bench.session.view.counters.bytesDiscarded == 3)
    }

    @Test func `the end gives the part of a frame that came`() {
        let bench = SessionBench()
        bench.submit(frame(twoBytes), frame(twoBytes))
        bench.answer("receive", bytes(0, 9, 65))
        bench.ends()
        #expect(
            bench.told() == [
                "read#1 end_of_stream 3 '\0\tA'", "read#2 end_of_stream 0",
            ])
    }

    @Test func `a cancelled frame stays for the next read`() {
        let bench = SessionBench()
        bench.submit(frame(twoBytes))
        bench.answer("receive", bytes(0, 2, 65))
        bench.cancel()
        bench.submit(frame(twoBytes))
        bench.answer("receive", bytes(66))
        #expect(
            bench.told() == [
                "read#1 cancelled(operation_aborted) 0", "read#2 ok 4 '\0\u{2}AB'",
            ])
    }

    @Test func `a pause ends a frame`() {
        let bench = SessionBench()
        bench.submit(standing(.gap(milliseconds: 20)))
        bench.arrives("ab")
        bench.pass(19)
        bench.arrives("cd")
        bench.pass(19)
        #expect(bench.told().isEmpty)
        bench.pass(1)
        #expect(bench.told() == ["read#1 ok 4 'abcd' more"])
        bench.arrives("e")
        bench.pass(20)
        #expect(bench.told() == ["read#1 ok 1 'e' more"])
    }

    @Test func `frames that pauses ended stay apart while a full port holds them up`() {
        let bench = SessionBench()
        bench.surroundings.portAcceptsPayload = false
        bench.submit(standing(.gap(milliseconds: 20)))
        bench.arrives("ab")
        bench.pass(20)
        bench.arrives("cd")
        bench.pass(30)
        #expect(bench.told() == ["await room"])
        bench.surroundings.portAcceptsPayload = true
        bench.room()
        #expect(bench.told() == ["read#1 ok 2 'ab' more", "read#1 ok 2 'cd' more"])
    }

    @Test func `a frame without a pause is cut at the limit`() {
        let bench = SessionBench()
        bench.submit(frame(.gap(milliseconds: 20), limit: 3), frame(.gap(milliseconds: 20)))
        bench.arrives("abcde")
        #expect(bench.told() == ["read#1 failed(frame_too_long) 3 'abc'"])
        bench.pass(20)
        #expect(bench.told() == ["read#2 ok 2 'de'"])
    }

    @Test func `a transact takes a frame as its answer`() {
        let bench = SessionBench()
        bench.submit(
            .transact(TransactRequest([1], .frame(twoBytes, limit: 100))), standing(twoBytes))
        bench.takes()
        bench.answer("receive", bytes(0, 1, 65, 0, 1, 66))
        #expect(
            bench.told() == [
                "transact#1 ok 3 '\0\u{1}A' sent 1", "read#2 ok 3 '\0\u{1}B' more",
            ])
    }

    @Test func `a gap that has passed is not waited for again while the port holds the frame up`() {
        let bench = SessionBench()
        bench.submit(frame(.gap(milliseconds: 20)))
        bench.surroundings.portAcceptsPayload = false
        bench.arrives("ab")
        bench.pass(20)
        #expect(bench.told() == ["await room"])
        #expect(!bench.timers.contains { $0.at <= bench.now })
        bench.surroundings.portAcceptsPayload = true
        bench.room()
        #expect(bench.told() == ["read#1 ok 2 'ab'"])
    }
}
