import Glibc

/// One client of the instrument or of the echo device.
final class Connection {
    enum Role {
        case instrument
        case echo
    }

    /// How a transfer ended.
    enum Transfer {
        case moved
        /// Nothing more at present.
        case blocked
        case ended
        case broken
    }

    /// A DELAY or SLOW in progress: nothing is read and no command carried out until `until`.
    struct Pause {
        let until: Instant
        let answersReady: Bool
    }

    let id: UInt64
    let role: Role
    let descriptor: Int32
    var input = LineInput()
    var output = Output()
    var meter: Meter
    var pause: Pause?
    /// The client closed its sending side: what it asked before is still answered.
    var inputEnded = false

    /// Between unsolicited lines; nil when they are off.
    var eventInterval: Int?
    var eventSeries = 0
    var eventCount = 0

    /// What epoll watches at present.
    var interest: Readiness.Interest = .read

    init(id: UInt64, role: Role, descriptor: Int32, seed: UInt64) {
        self.id = id
        self.role = role
        self.descriptor = descriptor
        self.meter = Meter(seed: seed)
    }

    /// Whether the next command may be carried out and more bytes be read.
    var isAttentive: Bool {
        pause == nil && output.hasRoom
    }

    /// Reads what is there, one buffer of it, as commands or as bytes to send back.
    func receive(into buffer: inout [UInt8]) -> Transfer {
        let count = recv(descriptor, &buffer, buffer.count, 0)
        if count < 0 {
            return errno == EAGAIN || errno == EINTR ? .blocked : .broken
        }
        guard count > 0 else {
            inputEnded = true
            return .ended
        }
        switch role {
        case .instrument: input.append(buffer[..<count])
        case .echo: output.append(contentsOf: buffer[..<count])
        }
        return .moved
    }

    /// Sends until nothing is left or the client takes no more.
    func flush() -> Transfer {
        while true {
            let piece = output.piece()
            guard !piece.isEmpty else { return .moved }
            let count = piece.withUnsafeBytes { bytes in
                send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0 {
                if errno == EINTR { continue }
                return errno == EAGAIN ? .blocked : .broken
            }
            output.consume(count)
        }
    }

    /// Closes with FIN, even if commands lie unread.
    ///
    /// The kernel turns a close with unread bytes into a reset, so what is there is read first.
    func closeInOrder(using buffer: inout [UInt8]) {
        for _ in 0..<64 {
            guard recv(descriptor, &buffer, buffer.count, 0) > 0 else { break }
        }
        close(descriptor)
    }

    /// Closes with RST; on a Unix socket a plain close is all there is.
    func closeWithReset() {
        var now = linger(l_onoff: 1, l_linger: 0)
        setsockopt(
            descriptor,
            SOL_SOCKET,
            SO_LINGER,
            &now,
            socklen_t(MemoryLayout<linger>.size)
        )
        close(descriptor)
    }
}
