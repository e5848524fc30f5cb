import DeviceSessions
import EngineBase
import Glibc
import Testing
import Workers

/// Serial lines, with pseudo-terminals as lines.
@Suite struct `Terminal steps` {
    private func ask(
        _ bench: DriverBench, _ slot: DescriptorSlot, _ request: TerminalRequest
    ) throws -> StepResult {
        try bench.run(.control(slot, .terminal(request)))
    }

    @Test(arguments: DriverFactory.all)
    func `bytes pass unchanged both ways`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let device = try PseudoTerminal()
        let line = try bench.open(device.open())
        let receiving = bench.start(.receive(line, limit: 100))
        #expect(bench.isPending(receiving))
        // What a terminal that is not raw would eat, echo or turn into something else.
        let text = "a\u{3}\r\n\u{4}\u{11}\u{13}\u{7F}z"
        device.send(text)
        #expect(try String(decoding: bench.finish(receiving).bytes, as: UTF8.self) == text)
        #expect(try bench.run(.send(line, bytes: Array(text.utf8), from: 1)).count == 8)
        #expect(try device.take(8) == String(text.dropFirst()))
        #expect(try bench.run(.close(line, reset: false)).isDone)
    }

    @Test(arguments: DriverFactory.all)
    func `a line is ours alone until it is closed`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let device = try PseudoTerminal()
        let line = try bench.open(device.open())
        #expect(try bench.run(.open(device.open())).failure == .busy)
        // Somebody who has it open does not keep it closed to others for ever.
        let other = Glibc.open(device.path, O_RDWR | O_NOCTTY)
        defer { close(other) }
        _ = try bench.run(.close(line, reset: true))
        let again = try bench.open(device.open())
        _ = try bench.run(.close(again, reset: true))
    }

    @Test(arguments: DriverFactory.all)
    func `what is no line is refused and not opened`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let directory = try TemporaryDirectory()
        directory.makeFile("file", "x")
        directory.makeDirectory("inner")
        // Opening it would wait for a writer for ever.
        #expect(mkfifo(directory.path + "/pipe", 0o600) == 0)
        for name in ["file", "inner", "pipe"] {
            let request = OpenRequest.terminal(
                directory.target(name), LineSettings(), admits: { _ in true })
            #expect(try bench.run(.open(request)).failure == .notTerminal, "\(name)")
        }
        let null = OpenRequest.terminal(
            PathTarget(directory: "/dev", relative: "null"), LineSettings(),
            admits: { _ in true })
        #expect(try bench.run(.open(null)).failure == .notTerminal)
        unlink(directory.path + "/pipe")
    }

    @Test(arguments: DriverFactory.all)
    func `a link is followed to where it is admitted only`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let device = try PseudoTerminal()
        let directory = try TemporaryDirectory()
        #expect(symlink(device.path, directory.path + "/adapter") == 0)
        let path = device.path
        func request(_ admits: @escaping @Sendable (String) -> Bool) -> OpenRequest {
            .terminal(directory.target("adapter"), LineSettings(), admits: admits)
        }
        #expect(try bench.run(.open(request { _ in false })).failure == .crossesDevice)
        let line = try bench.open(request { $0 == path })
        _ = try bench.run(.close(line, reset: true))
    }

    @Test(arguments: DriverFactory.all)
    func `a hang-up is the end, and is told with nothing asked`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let device = try PseudoTerminal()
        let line = try bench.open(device.open())
        bench.driver.watchHangup(line, session: 77)
        device.hangUp()
        try bench.turn(until: "the hang-up") { bench.hangups == [77] }
        switch try bench.run(.receive(line, limit: 10)) {
        case .received([]), .failed(.inputOutput): break
        case let other: Issue.record("\(other)")
        }
        #expect(try bench.run(.send(line, bytes: [1], from: 0)).failure == .inputOutput)
        _ = try bench.run(.close(line, reset: true))
    }

    @Test(arguments: DriverFactory.all)
    func `a line tells how it is set, at any rate`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let device = try PseudoTerminal()
        let line = try bench.open(device.open(LineSettings(baud: 12_345, stopBits: 2)))
        guard case .control(.line(let first)) = try ask(bench, line, .settings) else {
            throw DriverBench.Unexpected(result: "no settings")
        }
        #expect(first == LineSettings(baud: 12_345, stopBits: 2))
        let change = LineChange(baud: 9_600, flow: .software)
        guard case .control(.line(let second)) = try ask(bench, line, .change(change)) else {
            throw DriverBench.Unexpected(result: "no settings")
        }
        #expect(second == LineSettings(baud: 9_600, stopBits: 2, flow: .software))
        _ = try bench.run(.close(line, reset: true))
    }

    @Test(arguments: DriverFactory.all)
    func `a pseudo-terminal has no signals and counts nothing`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let device = try PseudoTerminal()
        let line = try bench.open(device.open())
        guard case .control(.sample(let sample)) = try ask(bench, line, .sample) else {
            throw DriverBench.Unexpected(result: "no sample")
        }
        #expect(sample == LineSample(signals: nil, counts: nil))
        #expect(try ask(bench, line, .modem(dtr: true, rts: nil)).failure == .notTerminal)
        #expect(try ask(bench, line, .startBreak).isDone)
        #expect(try ask(bench, line, .endBreak).isDone)
        #expect(try ask(bench, line, .drain).isDone)
        _ = try bench.run(.close(line, reset: true))
    }

    @Test(arguments: DriverFactory.all)
    func `a purge throws away what the kernel has received`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let device = try PseudoTerminal()
        let line = try bench.open(device.open())
        device.send("old")
        #expect(try bench.run(.poll(line)).isReady)
        #expect(try ask(bench, line, .purge(input: true, output: true)).isDone)
        let receiving = bench.start(.receive(line, limit: 10))
        device.send("new")
        #expect(try bench.finish(receiving).bytes == Array("new".utf8))
        _ = try bench.run(.close(line, reset: true))
    }

    @Test(arguments: DriverFactory.all)
    func `an ioctl by number gives its bytes back`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let device = try PseudoTerminal()
        let line = try bench.open(device.open())
        device.send("abc")
        #expect(try bench.run(.poll(line)).isReady)
        // FIONREAD writes an int.
        let result = try ask(bench, line, .raw(0x541B, argument: [0, 0, 0, 0]))
        guard case .control(.bytes([3, 0, 0, 0])) = result else {
            throw DriverBench.Unexpected(result: "\(result)")
        }
        // One byte of it is asked for; the kernel writes four all the same.
        guard case .control(.bytes([3])) = try ask(bench, line, .raw(0x541B, argument: [9])) else {
            throw DriverBench.Unexpected(result: "\(result)")
        }
        #expect(try ask(bench, line, .raw(0xDEAD, argument: [])).failure == .notTerminal)
        _ = try bench.run(.close(line, reset: true))
    }

    @Test(arguments: DriverFactory.all)
    func `a line takes what fits, and tells when there is room`(factory: DriverFactory) throws {
        let bench = try DriverBench(factory)
        let device = try PseudoTerminal()
        let line = try bench.open(device.open())
        let payload = [UInt8](repeating: 0x55, count: 300_000)
        var sent = 0
        while sent < payload.count {
            let sending = bench.start(.send(line, bytes: payload, from: sent))
            if bench.isPending(sending) { _ = try device.take(4_096) }
            sent += try drained(bench, sending, device)
        }
        #expect(sent == payload.count)
        _ = try bench.run(.close(line, reset: true))
    }

    /// The count of a send, with the device reading until it ends.
    private func drained(
        _ bench: DriverBench, _ sending: StepToken, _ device: PseudoTerminal
    ) throws -> Int {
        while bench.isPending(sending) {
            bench.turn(milliseconds: 10)
            if bench.isPending(sending) { _ = try? device.takeSome() }
        }
        return try bench.finish(sending).count
    }
}
