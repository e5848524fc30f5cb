import DeviceSessions
import EngineBase
import LinuxSystem

/// What a serial line is asked, as calls; in the blocking pool, for the device may have to answer.
enum TerminalControls {
    static func perform(
        _ request: TerminalRequest, on line: borrowing OwnedDescriptor
    ) throws(Errno) -> StepResult {
        switch request {
        case .settings:
            return .control(.line(try line.terminal().settings))
        case .change(let change):
            let wanted = change.applied(to: try line.terminal().settings)
            try line.setTerminal(TerminalLine(wanted), afterOutput: true)
            return .control(.line(try line.terminal().settings))
        case .sample:
            return .control(.sample(try sample(line)))
        case .modem(let dtr, let rts):
            try line.setTerminalSignals(dtr: dtr, rts: rts)
        case .startBreak:
            try line.setTerminalBreak(true)
        case .endBreak:
            try line.setTerminalBreak(false)
        case .drain:
            try line.drainTerminal()
        case .purge(let input, let output):
            try line.purgeTerminal(input: input, output: output)
        case .raw(let number, let argument):
            return .control(.bytes(try line.rawControl(number, argument: argument)))
        }
        return .done
    }

    /// What a line does not have is `nil`; that it has been hung up is an error.
    private static func sample(
        _ line: borrowing OwnedDescriptor
    ) throws(Errno) -> LineSample {
        var sample = LineSample(signals: nil, counts: nil)
        if let signals = try line.terminalSignals() {
            var asserted: LineEvents = []
            if signals.cts { asserted.insert(.cts) }
            if signals.dsr { asserted.insert(.dsr) }
            if signals.ring { asserted.insert(.ring) }
            if signals.carrier { asserted.insert(.rlsd) }
            sample.signals = asserted
        }
        if let seen = try line.terminalCounts() {
            var counts = LineCounts()
            counts.cts = Int(seen.cts)
            counts.dsr = Int(seen.dsr)
            counts.ring = Int(seen.ring)
            counts.rlsd = Int(seen.carrier)
            counts.breaks = Int(seen.breaks)
            counts.errors = Int(seen.errors)
            sample.counts = counts
        }
        return sample
    }
}
