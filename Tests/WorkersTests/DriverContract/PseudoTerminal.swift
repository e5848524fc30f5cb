import DeviceSessions
import EngineBase
import Glibc
import Testing

/// The device's end of a pseudo-terminal, whose other end is a serial line to open.
final class PseudoTerminal {
    private var device: Int32
    /// Where the line is.
    let path: String

    init() throws {
        device = Glibc.open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK)
        var (number, isLocked): (Int32, Int32) = (0, 0)
        // TIOCGPTN and TIOCSPTLCK, for which Glibc's module has no functions.
        let isMade =
            device >= 0 && ioctl(device, 0x8004_5430, &number) == 0
            && ioctl(device, 0x4004_5431, &isLocked) == 0
        path = "/dev/pts/\(number)"
        guard isMade else { throw Errno.current }
    }

    deinit { hangUp() }

    func open(_ settings: LineSettings = LineSettings()) -> OpenRequest {
        let parts = path.split(separator: "/")
        let directory = "/" + parts.dropLast().joined(separator: "/")
        let target = PathTarget(directory: directory, relative: String(parts.last ?? ""))
        return .terminal(target, settings, admits: { _ in false })
    }

    func send(_ text: String) {
        #expect(write(device, text, text.utf8.count) == text.utf8.count)
    }

    /// What the line has sent.
    func take(_ count: Int) throws -> String {
        var bytes: [UInt8] = []
        while bytes.count < count {
            var entry = pollfd(fd: device, events: Int16(POLLIN), revents: 0)
            guard poll(&entry, 1, 5_000) == 1 else { throw Errno.timedOut }
            var room = [UInt8](repeating: 0, count: count - bytes.count)
            let got = read(device, &room, room.count)
            guard got > 0 else { throw Errno.current }
            bytes += room[..<got]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Whatever the line has sent by now, up to 64 KiB.
    func takeSome() throws -> Int {
        var room = [UInt8](repeating: 0, count: 65_536)
        let got = read(device, &room, room.count)
        guard got > 0 else { throw Errno.current }
        return got
    }

    /// Ends it: the line is hung up.
    func hangUp() {
        if device >= 0 { close(device) }
        device = -1
    }
}
