import DeviceSessions
import EngineBase
import PortEngine
import Testing

@Suite struct StandingReadTests {
    @Test func `a standing read gives an entry for each frame`() {
        let bench = SessionBench()
        bench.submit(.standing())
        bench.arrives("one\ntwo\nthr")
        bench.arrives("ee\n")
        #expect(
            bench.told() == [
                "read#1 ok 4 'one\n' more", "read#1 ok 4 'two\n' more",
                "read#1 ok 6 'three\n' more",
            ])
        #expect(bench.surroundings.placesReserved == 3)
        #expect(bench.surroundings.placesUsed == 3)
    }

    @Test func `an unframed standing read gives what is there`() {
        let bench = SessionBench()
        bench.submit(.standing(lines: false))
        bench.arrives("abc")
        bench.arrives("d")
        #expect(bench.told() == ["read#1 ok 3 'abc' more", "read#1 ok 1 'd' more"])
        #expect(bench.has("receive"))
    }

    @Test func `a frame that is too long is an entry and the read goes on`() {
        let bench = SessionBench()
        bench.submit(.read(.until([10], limit: 3), repeats: true, credit: nil))
        bench.arrives("abcd\n")
        #expect(
            bench.told() == [
                "read#1 failed(frame_too_long) 3 'abc' more", "read#1 ok 2 'd\n' more",
            ])
    }

    @Test func `a standing read behind a plain read starts after it`() {
        let bench = SessionBench()
        bench.submit(.read(2), .standing())
        #expect(bench.pending == ["read#1 running", "read#2 queued"])
        bench.arrives("ab1\n2\n")
        #expect(
            bench.told() == [
                "read#1 ok 2 'ab'", "read#2 ok 2 '1\n' more", "read#2 ok 2 '2\n' more",
            ])
    }

    @Test func `credit counts data entries and its lack is a pause`() {
        let bench = SessionBench()
        bench.submit(.standing(credit: 2))
        bench.arrives("1\n2\n3\n4\n")
        #expect(bench.told() == ["read#1 ok 2 '1\n' more", "read#1 ok 2 '2\n' more"])
        #expect(bench.pending == ["read#1 paused by credit"])
        #expect(bench.credit(1, to: 1) == .credit(1))
        #expect(bench.told() == ["read#1 ok 2 '3\n' more"])
        #expect(bench.credit(5, to: 1) == .credit(5))
        #expect(bench.told() == ["read#1 ok 2 '4\n' more"])
        #expect(bench.session.status(of: 1)?.credit == 4)
        #expect(bench.pending == ["read#1 running"])
    }

    @Test func `credit is refused where there is none to give`() {
        let bench = SessionBench()
        bench.submit(.standing())
        bench.submit(.write("x"))
        #expect(bench.credit(1, to: 1) == .notLimited)
        #expect(bench.credit(1, to: 2) == .notLimited)
        bench.takes()
        #expect(bench.credit(1, to: 2) == .ended)
    }

    @Test func `a read without credit holds the device back after 64 KiB`() {
        let bench = SessionBench()
        bench.submit(.standing(credit: 0))
        let line = String(repeating: "x", count: 32_767) + "\n"
        bench.arrives(line)
        bench.arrives(line)
        #expect(bench.pending == ["read#1 paused by credit"])
        #expect(!bench.has("receive"), "64 KiB are there")
        bench.credit(1, to: 1)
        #expect(bench.has("receive"))
        #expect(bench.told().count == 1)
        bench.credit(1, to: 1)
        #expect(bench.delivered == Array((line + line).utf8), "not a byte is lost")
    }

    @Test func `a full port pauses and room resumes in order`() {
        let bench = SessionBench()
        bench.surroundings.places = 1
        bench.submit(.standing())
        bench.arrives("1\n2\n3\n")
        #expect(bench.told() == ["read#1 ok 2 '1\n' more", "await room"])
        #expect(bench.pending == ["read#1 paused by port"])
        bench.surroundings.places = 1
        bench.room()
        #expect(bench.told() == ["read#1 ok 2 '2\n' more", "await room"])
        bench.surroundings.places = 5
        bench.room()
        #expect(bench.told() == ["read#1 ok 2 '3\n' more"])
        #expect(bench.pending == ["read#1 running"])
    }

    @Test func `a port with too many bytes pauses without taking a place`() {
        let bench = SessionBench()
        bench.submit(.standing())
        bench.surroundings.portAcceptsPayload = false
        bench.arrives("1\n")
        #expect(bench.told() == ["await room"])
        #expect(bench.surroundings.placesReserved == 0)
        bench.surroundings.portAcceptsPayload = true
        bench.room()
        #expect(bench.told() == ["read#1 ok 2 '1\n' more"])
    }

    @Test func `room is awaited once however much arrives`() {
        let bench = SessionBench()
        bench.surroundings.places = 0
        bench.submit(.standing())
        bench.arrives("1\n")
        bench.arrives("2\n")
        #expect(bench.told() == ["await room"])
    }

    @Test func `the end comes after the bytes before it and needs no credit`() {
        let bench = SessionBench()
        bench.submit(.standing(credit: 1))
        bench.arrives("1\n2\npart")
        bench.ends()
        #expect(bench.told() == ["read#1 ok 2 '1\n' more"])
        #expect(bench.pending == ["read#1 paused by credit"])
        bench.credit(1, to: 1)
        #expect(bench.told() == ["read#1 ok 2 '2\n' more", "read#1 end_of_stream 4 'part' last"])
    }

    @Test func `a reset ends a standing read with its part`() {
        let bench = SessionBench()
        bench.submit(.standing())
        bench.arrives("1\npa")
        bench.answer("receive", .failed(.connectionReset))
        #expect(
            bench.told() == [
                "read#1 ok 2 '1\n' more", "read#1 failed(connection_reset) 2 'pa' last",
            ])
    }

    @Test func `a cancel ends it at once and leaves the bytes for the next`() {
        let bench = SessionBench()
        bench.submit(.standing(credit: 0))
        bench.arrives("1\npart")
        bench.cancel(1)
        #expect(bench.told() == ["read#1 cancelled(operation_aborted) 0 last"])
        bench.submit(.read())
        #expect(bench.told() == ["read#2 ok 6 '1\npart'"])
    }

    @Test func `its time is its whole life and gives the part that it had`() {
        let bench = SessionBench()
        bench.submit(.standing(), timeout: 100)
        bench.arrives("1\npart")
        bench.pass(100)
        #expect(
            bench.told() == [
                "read#1 ok 2 '1\n' more", "read#1 timed_out(timed_out) 4 'part' last",
            ])
    }

    @Test func `a time-out while paused gives no byte and loses none`() {
        let bench = SessionBench()
        bench.submit(.standing(credit: 0), timeout: 100)
        bench.arrives("1\n")
        bench.pass(100)
        bench.submit(.read())
        #expect(
            bench.told() == ["read#1 timed_out(timed_out) 0 last", "read#2 ok 2 '1\n'"])
    }
}
