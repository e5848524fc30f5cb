import CLinux
public import EngineBase
import Glibc

/// How bytes look on a serial line, in the kernel's terms.
public struct TerminalLine: Hashable, Sendable {
    /// The bit that guards each byte.
    public enum Parity: Int32, Sendable { case none, odd, even, mark, space }
    /// How a full receiver holds the sender up: CRTSCTS, or IXON with IXOFF.
    public enum Flow: Int32, Sendable { case none, hardware, software }

    /// Bits a second.
    public var baud: Int
    /// Bits of a byte.
    public var dataBits: Int
    /// The bit that guards each byte.
    public var parity: Parity
    /// Stop bits.
    public var stopBits: Int
    /// How a full receiver holds the sender up.
    public var flow: Flow

    /// A line with these settings.
    public init(baud: Int, dataBits: Int, parity: Parity, stopBits: Int, flow: Flow) {
        self.baud = baud
        self.dataBits = dataBits
        self.parity = parity
        self.stopBits = stopBits
        self.flow = flow
    }
}

/// The signals that the other end of a line gives.
public struct TerminalSignals: Hashable, Sendable {
    /// Clear to send.
    public var cts: Bool
    /// Data set ready.
    public var dsr: Bool
    /// Ring.
    public var ring: Bool
    /// Carrier detect.
    public var carrier: Bool
}

/// What the driver of a line has counted; the counts wrap.
public struct TerminalCounts: Hashable, Sendable {
    /// Changes of clear to send.
    public var cts: UInt32
    /// Changes of data set ready.
    public var dsr: UInt32
    /// Rings.
    public var ring: UInt32
    /// Changes of carrier detect.
    public var carrier: UInt32
    /// Breaks.
    public var breaks: UInt32
    /// Bytes that came damaged or were lost.
    public var errors: UInt32
}

/// Serial lines. All of these may ask the device, and so may block.
extension OwnedDescriptor {
    /// Opens what this handle stands for, if it is a character device that turns out to be a line.
    ///
    /// - Throws: `.notTerminal` for anything else, which is not opened.
    public func reopenedAsTerminal() throws(Errno) -> OwnedDescriptor {
        var status = stat()
        try check { fstat(rawValue, &status) }
        guard status.st_mode & S_IFMT == S_IFCHR else { throw .notTerminal }
        let line = try reopened(flags: O_RDWR | O_NOCTTY | O_NONBLOCK)
        guard isatty(line.rawValue) == 1 else { throw .notTerminal }
        return line
    }

    /// Makes the line ours alone: by `flock`, which holds against root too, and by TIOCEXCL, which
    /// holds against programs that do not lock.
    ///
    /// - Throws: `.busy` if somebody else has it.
    public func claimTerminal() throws(Errno) {
        do throws(Errno) {
            try check { flock(rawValue, LOCK_EX | LOCK_NB) }
        } catch .again {
            throw .busy
        }
        try check { ioctl(rawValue, UInt(TIOCEXCL), 0) }
    }

    /// Lets others have the line, before it is closed: TIOCEXCL lasts as long as anybody has it open.
    public func releaseTerminal(discardingOutput: Bool) {
        if discardingOutput { _ = tcflush(rawValue, TCOFLUSH) }
        _ = ioctl(rawValue, UInt(TIOCNXCL), 0)
    }

    /// How bytes look on the line.
    public func terminal() throws(Errno) -> TerminalLine {
        var line = iocpd_line()
        try check { iocpd_line_get(rawValue, &line) }
        return TerminalLine(
            baud: Int(line.baud), dataBits: Int(line.data_bits),
            parity: TerminalLine.Parity(rawValue: line.parity) ?? .none,
            stopBits: Int(line.stop_bits), flow: TerminalLine.Flow(rawValue: line.flow) ?? .none)
    }

    /// Sets the line so, raw and without modem control, at once or once output has gone out.
    ///
    /// What the driver took otherwise is an error, for it may say nothing; then all is as before. On
    /// a pseudo-terminal, where bytes have no bits, it takes whatever is asked.
    ///
    /// - Throws: `.invalidArgument` if the line cannot be set so.
    public func setTerminal(
        _ line: TerminalLine, afterOutput: Bool, believingItPseudo: Bool? = nil
    ) throws(Errno) {
        guard let baud = UInt32(exactly: line.baud), let bits = Int32(exactly: line.dataBits),
            let stop = Int32(exactly: line.stopBits)
        else { throw .invalidArgument }
        var wanted = iocpd_line(
            baud: baud, data_bits: bits, parity: line.parity.rawValue, stop_bits: stop,
            flow: line.flow.rawValue)
        let isPseudo: Bool
        if let believingItPseudo {
            isPseudo = believingItPseudo
        } else {
            isPseudo = try isPseudoTerminal()
        }
        try check { iocpd_line_set(rawValue, &wanted, isPseudo ? 1 : 0, afterOutput ? 1 : 0) }
    }

    /// Whether it is the line end of a pseudo-terminal: the kernel gives those their own numbers.
    func isPseudoTerminal() throws(Errno) -> Bool {
        var status = stat()
        try check { fstat(rawValue, &status) }
        return iocpd_is_pseudo_terminal(UInt64(status.st_rdev)) != 0
    }

    /// The signals of the other end; `nil` for a line without them.
    public func terminalSignals() throws(Errno) -> TerminalSignals? {
        var bits: Int32 = 0
        do throws(Errno) {
            try check { ioctl(rawValue, UInt(TIOCMGET), &bits) }
        } catch {
            guard error.meansNoSuchFeature else { throw error }
            return nil
        }
        return TerminalSignals(
            cts: bits & TIOCM_CTS != 0, dsr: bits & TIOCM_DSR != 0, ring: bits & TIOCM_RI != 0,
            carrier: bits & TIOCM_CD != 0)
    }

    /// What the driver has counted; `nil` if it counts nothing.
    public func terminalCounts() throws(Errno) -> TerminalCounts? {
        var counts = iocpd_line_counts()
        do throws(Errno) {
            try check { iocpd_line_count(rawValue, &counts) }
        } catch {
            guard error.meansNoSuchFeature else { throw error }
            return nil
        }
        return TerminalCounts(
            cts: counts.cts, dsr: counts.dsr, ring: counts.ring, carrier: counts.carrier,
            breaks: counts.breaks, errors: counts.errors)
    }

    /// Sets the signals of this end; `nil` leaves one as it is.
    public func setTerminalSignals(dtr: Bool?, rts: Bool?) throws(Errno) {
        var set: Int32 = 0
        var clear: Int32 = 0
        for (value, bit) in [(dtr, TIOCM_DTR), (rts, TIOCM_RTS)] {
            guard let value else { continue }
            if value { set |= bit } else { clear |= bit }
        }
        if set != 0 { try check { ioctl(rawValue, UInt(TIOCMBIS), &set) } }
        if clear != 0 { try check { ioctl(rawValue, UInt(TIOCMBIC), &clear) } }
    }

    /// Begins or ends a break.
    public func setTerminalBreak(_ isOn: Bool) throws(Errno) {
        try check { ioctl(rawValue, UInt(isOn ? TIOCSBRK : TIOCCBRK), 0) }
    }

    /// Waits until the last bit has gone out.
    public func drainTerminal() throws(Errno) { try check { tcdrain(rawValue) } }

    /// Throws away what has come in, or has not gone out.
    public func purgeTerminal(input: Bool, output: Bool) throws(Errno) {
        guard input || output else { return }
        let queue = input && output ? TCIOFLUSH : input ? TCIFLUSH : TCOFLUSH
        try check { tcflush(rawValue, queue) }
    }

    /// An ioctl by its number; the argument comes back as the kernel left it.
    ///
    /// A kernel that writes more than was given writes into room of our own: no request that says its
    /// size says more than that.
    public func rawControl(_ number: UInt32, argument: [UInt8]) throws(Errno) -> [UInt8] {
        guard !argument.isEmpty else {
            try check { ioctl(rawValue, UInt(number), 0) }
            return []
        }
        let room = 1 << 14
        var bytes = argument + [UInt8](repeating: 0, count: max(0, room - argument.count))
        try control(UInt(number), argument: &bytes)
        return Array(bytes.prefix(argument.count))
    }

    /// A handle on `path` in this directory, whose links may lead out of it.
    public func handle(leavingBy path: String) throws(Errno) -> OwnedDescriptor {
        guard !path.hasPrefix("/"), !path.split(separator: "/").contains("..") else {
            throw .crossesDevice
        }
        return OwnedDescriptor(
            owning: try checked { Glibc.openat(rawValue, path, iocpd_path_handle | O_CLOEXEC) })
    }
}

extension Errno {
    /// Whether the device's driver does not have what was asked for.
    fileprivate var meansNoSuchFeature: Bool {
        self == .notTerminal || self == .invalidArgument || self == .notSupported
    }
}
