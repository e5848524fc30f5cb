import DeviceSessions
import EngineBase
import PortEngine
import Testing

@testable import Transports

/// `serial` targets: what their URIs may say, and how a line is opened.
@Suite struct SerialOpeningTests {
    private let policy = TargetPolicy([
        TargetRule(
            scheme: "serial", .pattern(directory: "/dev", before: "ttyUSB", after: "")),
        TargetRule(scheme: "serial", .directory("/dev/serial/by-id")),
    ])

    private func plan(
        _ text: String, _ options: TransportOptions = TransportOptions()
    ) throws(TargetError) -> SessionPlan {
        try TransportRegistry.plan(text, options, policy).1
    }

    private func request(_ text: String) throws -> (PathTarget, LineSettings) {
        var opening = try plan(text).opening
        guard
            case .submit(_, .open(.terminal(let target, let settings, _)))? = opening.start().first
        else { throw TargetError.denied }
        return (target, settings)
    }

    @Test func `a URI without a query is 115200 8N1`() throws {
        let (target, settings) = try request("serial:///dev/ttyUSB0")
        #expect(target == PathTarget(directory: "/dev", relative: "ttyUSB0"))
        #expect(settings == LineSettings())
        #expect(settings.baud == 115_200)
    }

    @Test func `a query sets the line`() throws {
        let query = "?baud=12345&data=7&parity=mark&stop=2&flow=rtscts"
        let (_, settings) = try request("serial:///dev/ttyUSB0" + query)
        #expect(
            settings
                == LineSettings(
                    baud: 12_345, dataBits: 7, parity: .mark, stopBits: 2, flow: .hardware))
    }

    @Test(arguments: [
        "baud=0", "baud=fast", "data=9", "parity=maybe", "stop=3", "flow=yes", "speed=1",
        "baud=9600&baud=9600", "baud",
    ])
    func `a query that no line can have is refused`(query: String) {
        #expect {
            _ = try plan("serial:///dev/ttyUSB0?" + query)
        } throws: { error in
            if case TargetError.invalidURI = error { true } else { false }
        }
    }

    @Test func `a host, and a path that no rule names, are refused`() {
        #expect(throws: TargetError.self) { _ = try plan("serial://localhost:1") }
        #expect(throws: TargetError.denied) { _ = try plan("serial:///dev/ttyS0") }
    }

    @Test func `timers of reads are options`() throws {
        #expect(try plan("serial:///dev/ttyUSB0").readTimers == nil)
        var options = TransportOptions()
        options.given["interval_ms"] = .integer(0)
        options.given["total_ms"] = .integer(300)
        #expect(
            try plan("serial:///dev/ttyUSB0", options).readTimers
                == ReadTimers(intervalMilliseconds: 0, totalMilliseconds: 300))
    }

    @Test func `a link may lead to another allowed place`() throws {
        var opening = try plan("serial:///dev/serial/by-id/adapter").opening
        guard case .submit(_, .open(.terminal(_, _, let admits)))? = opening.start().first else {
            Issue.record("nothing is opened")
            return
        }
        #expect(admits("/dev/ttyUSB3"))
        #expect(!admits("/dev/sda"))
    }

    private func bench() throws -> OpeningBench {
        OpeningBench(try plan("serial:///dev/ttyUSB0?baud=300").opening)
    }

    @Test func `a line is opened and looked at once`() throws {
        var bench = try bench()
        #expect(bench.stepNames == ["open /dev|ttyUSB0 300"])
        bench.opens()
        bench.answer(
            "look", .control(.sample(LineSample(signals: [], counts: nil))))
        #expect(bench.opened?.peer == "/dev/ttyUSB0")
        #expect(bench.opened?.shape == .terminal(reports: [.always, .signals]))
        #expect(bench.opening.isIdle)
    }

    @Test(arguments: [
        (Errno.busy, "device_busy", 170), (.notTerminal, "not_a_serial_line", 1),
        (.invalidArgument, "invalid_line_settings", 87), (.crossesDevice, "target_denied", 5),
        (.accessDenied, "access_denied", 5),
    ])
    func `what is in the way is told`(errno: Errno, code: String, win32: Int) throws {
        var bench = try bench()
        bench.answer(at: 0, .failed(errno))
        #expect(bench.failure?.code == code)
        #expect(bench.failure?.win32 == win32)
        #expect(bench.opening.isIdle)
    }

    @Test func `a line that came too late is closed`() throws {
        var bench = try bench()
        bench.abort()
        bench.opens()
        bench.answer("close", .done)
        #expect(bench.opening.isIdle)
        #expect(bench.opened == nil)
    }

    @Test func `a line that fails at the first look is closed`() throws {
        var bench = try bench()
        bench.opens()
        bench.answer("look", .failed(.inputOutput))
        bench.answer("close", .done)
        #expect(bench.failure?.errnoName == "EIO")
        #expect(bench.opening.isIdle)
    }
}
