import DeviceSessions
import EngineBase
import LinuxSystem

/// Opening a serial line: raw, exclusive, set as asked, or not at all.
///
/// All of this may block, and runs in the blocking pool.
enum TerminalOpening {
    /// Opens the line at `target`.
    ///
    /// - Throws: `.notTerminal` for what is no line, and is then not opened; `.busy` if another
    ///   session or program has it; `.invalidArgument` if it cannot be set so.
    static func open(
        _ target: PathTarget, _ settings: LineSettings, _ admits: (String) -> Bool
    ) throws(Errno) -> OpenedDescriptor {
        let line = SharedDescriptor(try handle(target, admits).reopenedAsTerminal())
        try line.owned.claimTerminal()
        do throws(Errno) {
            try line.owned.setTerminal(TerminalLine(settings), afterOutput: false)
        } catch {
            line.owned.releaseTerminal(discardingOutput: false)
            throw error
        }
        return OpenedDescriptor(descriptor: line, role: .terminal, socketFile: nil)
    }

    /// A handle on what is at the path: opening more than that would raise the line's signals.
    private static func handle(
        _ target: PathTarget, _ admits: (String) -> Bool
    ) throws(Errno) -> OwnedDescriptor {
        let directory = try OwnedDescriptor.directory(target.directory)
        do throws(Errno) {
            return try directory.handle(below: target.relative)
        } catch .crossesDevice {
            // Names such as those of /dev/serial/by-id lead to another directory, which a rule may
            // admit as well. Looked at is where the handle leads, not the name.
            let handle = try directory.handle(leavingBy: target.relative)
            guard admits(try handle.realPath()) else { throw .crossesDevice }
            return handle
        }
    }
}

extension TerminalLine {
    init(_ settings: LineSettings) {
        self.init(
            baud: settings.baud, dataBits: settings.dataBits,
            parity: Parity(settings.parity), stopBits: settings.stopBits,
            flow: Flow(settings.flow))
    }

    var settings: LineSettings {
        LineSettings(
            baud: baud, dataBits: dataBits, parity: parity.meaning, stopBits: stopBits,
            flow: flow.meaning)
    }
}

extension TerminalLine.Parity {
    fileprivate init(_ parity: LineSettings.Parity) {
        self =
            switch parity {
            case .none: .none
            case .odd: .odd
            case .even: .even
            case .mark: .mark
            case .space: .space
            }
    }

    fileprivate var meaning: LineSettings.Parity {
        switch self {
        case .none: .none
        case .odd: .odd
        case .even: .even
        case .mark: .mark
        case .space: .space
        }
    }
}

extension TerminalLine.Flow {
    fileprivate init(_ flow: LineSettings.Flow) {
        self =
            switch flow {
            case .none: .none
            case .hardware: .hardware
            case .software: .software
            }
    }

    fileprivate var meaning: LineSettings.Flow {
        switch self {
        case .none: .none
        case .hardware: .hardware
        case .software: .software
        }
    }
}
