import EngineBase
import Glibc
import Testing

@testable import LinuxSystem

/// Terminal settings by termios2, read back where a driver may say nothing.
@Suite struct `Terminal settings` {
    private func line() throws -> (device: Int32, line: SharedDescriptor) {
        let device = open("/dev/ptmx", O_RDWR | O_NOCTTY)
        var (number, isLocked): (Int32, Int32) = (0, 0)
        // TIOCGPTN and TIOCSPTLCK, for which Glibc's module has no functions.
        guard device >= 0, ioctl(device, 0x8004_5430, &number) == 0,
            ioctl(device, 0x4004_5431, &isLocked) == 0
        else { throw Errno.current }
        let descriptor = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
        guard descriptor >= 0 else { throw Errno.current }
        return (device, SharedDescriptor(OwnedDescriptor(owning: descriptor)))
    }

    private func settings(
        _ baud: Int, bits: Int = 8, parity: TerminalLine.Parity = .none, stop: Int = 1,
        flow: TerminalLine.Flow = .none
    ) -> TerminalLine {
        TerminalLine(baud: baud, dataBits: bits, parity: parity, stopBits: stop, flow: flow)
    }

    @Test(arguments: [50, 9_600, 115_200, 250_000, 4_000_000, 7_654_321])
    func `usual and unusual rates are taken`(baud: Int) throws {
        let (device, line) = try line()
        defer { close(device) }
        try line.owned.setTerminal(settings(baud, stop: 2, flow: .hardware), afterOutput: false)
        #expect(try line.owned.terminal() == settings(baud, stop: 2, flow: .hardware))
    }

    @Test func `what a driver ignores without a word is refused, and nothing is changed`() throws {
        let (device, line) = try line()
        defer { close(device) }
        try line.owned.setTerminal(settings(300), afterOutput: false)
        // A pseudo-terminal has bytes of 8 bits without parity, whatever it is told.
        for wanted in [settings(600, bits: 7), settings(600, parity: .odd)] {
            #expect(throws: Errno.invalidArgument) {
                try line.owned.setTerminal(wanted, afterOutput: true, believingItPseudo: false)
            }
            #expect(try line.owned.terminal() == settings(300))
        }
    }

    @Test func `a pseudo-terminal is known as one and takes any bits`() throws {
        let (device, line) = try line()
        defer { close(device) }
        #expect(try line.owned.isPseudoTerminal())
        try line.owned.setTerminal(settings(600, bits: 7, parity: .even), afterOutput: false)
        #expect(try line.owned.terminal() == settings(600))
        let null = SharedDescriptor(OwnedDescriptor(owning: open("/dev/null", O_RDWR)))
        #expect(try !null.owned.isPseudoTerminal())
        #expect(throws: Errno.notTerminal) { _ = try null.owned.terminal() }
    }

    @Test func `a claim holds until it is given up`() throws {
        let (device, line) = try line()
        defer { close(device) }
        try line.owned.claimTerminal()
        let handle = SharedDescriptor(
            try OwnedDescriptor.directory("/dev/pts").handle(below: try name(of: line)))
        let other = SharedDescriptor(try handle.owned.reopenedAsTerminal())
        #expect(throws: Errno.busy) { try other.owned.claimTerminal() }
    }

    private func name(of line: SharedDescriptor) throws -> String {
        String(try line.owned.realPath().split(separator: "/").last ?? "")
    }
}
