import Glibc

/// One thread that serves every connection: accept, read, carry out, write, wait.
final class InstrumentServer {
    private let listeners: [ListeningSocket]
    private let readiness: Readiness
    private let seed: UInt64
    private var connections: [UInt64: Connection] = [:]
    private var alarms = Alarms()
    private var buffer = [UInt8](repeating: 0, count: 1 << 16)
    private var nextID: UInt64
    private let connectionLimit: Int
    private var isAccepting = true

    /// One URI for each listener: instrument on TCP, on Unix sockets, then the echo device.
    var announcements: [String] {
        listeners.map(\.uri)
    }

    init(options: Options) throws(InstrumentProblem) {
        seed = options.seed
        readiness = try Readiness()
        var listeners: [ListeningSocket] = []
        for endpoint in options.listeners {
            listeners.append(try .tcp(endpoint, role: .instrument))
        }
        for path in options.unixPaths {
            listeners.append(try .unix(path, role: .instrument))
        }
        for endpoint in options.echoListeners {
            listeners.append(try .tcp(endpoint, role: .echo))
        }
        self.listeners = listeners
        // Tokens below this are listeners.
        nextID = UInt64(listeners.count)
        connectionLimit = Self.raiseDescriptorLimit() - listeners.count - 16
        for (token, listener) in listeners.enumerated() {
            guard readiness.add(listener.descriptor, token: UInt64(token), interest: .read) else {
                throw .system("cannot watch \(listener.uri)", errno: errno)
            }
        }
    }

    /// Serves until SIGTERM or SIGINT, then closes everything.
    func run() throws(InstrumentProblem) {
        while !StopSignal.isRequested {
            let wait = alarms.millisecondsUntilNext(from: .now())
            for event in try readiness.wait(milliseconds: wait) {
                if event.token < UInt64(listeners.count) {
                    accept(from: listeners[Int(event.token)])
                } else if let connection = connections[event.token] {
                    handle(event, on: connection)
                }
            }
            let now = Instant.now()
            while let alarm = alarms.takeDue(at: now) {
                ring(alarm, now: now)
            }
        }
        for listener in listeners { listener.shut() }
        for connection in Array(connections.values) { finish(connection) }
    }

    // MARK: Connections

    private func accept(from listener: ListeningSocket) {
        // Bounded, so that a storm of connections does not starve those that are there.
        for _ in 0..<64 {
            guard connections.count < connectionLimit else { return acceptMore(false) }
            let descriptor = Glibc.accept(listener.descriptor, nil, nil)
            guard descriptor >= 0 else {
                if errno == EMFILE || errno == ENFILE { acceptMore(false) }
                return
            }
            _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            if listener.path == nil {
                var yes: Int32 = 1
                let size = socklen_t(MemoryLayout<Int32>.size)
                setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, size)
            }
            let connection = Connection(
                id: nextID,
                role: listener.role,
                descriptor: descriptor,
                seed: seed
            )
            nextID += 1
            guard readiness.add(descriptor, token: connection.id, interest: .read) else {
                close(descriptor)
                continue
            }
            connections[connection.id] = connection
        }
    }

    /// Stops or starts watching the listeners: a full program would spin on them otherwise.
    private func acceptMore(_ flag: Bool) {
        guard flag != isAccepting else { return }
        isAccepting = flag
        for (token, listener) in listeners.enumerated() {
            readiness.change(
                listener.descriptor,
                token: UInt64(token),
                interest: flag ? .read : []
            )
        }
    }

    private func handle(_ event: Readiness.Event, on connection: Connection) {
        if event.isReadable, connection.isAttentive, !connection.inputEnded {
            if connection.receive(into: &buffer) == .broken { return finish(connection) }
        } else if event.isBroken {
            return finish(connection)
        }
        advance(connection)
    }

    /// Carries out the commands that arrived, sends what can be sent, and notes what to watch.
    private func advance(_ connection: Connection) {
        var wantsToWrite = false
        repeat {
            while connection.isAttentive, let line = connection.input.next() {
                guard carryOut(line, on: connection) else { return }
            }
            switch connection.flush() {
            case .broken, .ended: return finish(connection)
            case .blocked: wantsToWrite = true
            case .moved: wantsToWrite = false
            }
            // A flush may have made room for commands that wait behind a long answer.
        } while !wantsToWrite && connection.isAttentive && connection.input.hasLine
        if connection.inputEnded, connection.output.isEmpty, connection.pause == nil {
            return finish(connection)
        }
        var interest: Readiness.Interest = wantsToWrite ? .write : []
        if connection.isAttentive, !connection.inputEnded { interest.insert(.read) }
        if interest != connection.interest {
            connection.interest = interest
            readiness.change(connection.descriptor, token: connection.id, interest: interest)
        }
    }

    private func finish(_ connection: Connection, withReset: Bool = false) {
        connections[connection.id] = nil
        if withReset {
            connection.closeWithReset()
        } else {
            connection.closeInOrder(using: &buffer)
        }
        acceptMore(true)
    }

    // MARK: Commands

    /// Does what a line says.
    ///
    /// - Returns: false when the connection is gone.
    private func carryOut(_ line: LineInput.Line, on connection: Connection) -> Bool {
        let command: Command
        switch line {
        case .tooLong: command = .lineTooLong
        // An empty line is no command: a client may end its lines in a way of its own.
        case .complete(""): return true
        case .complete(let text): command = Command(line: text)
        }
        switch command {
        case .answer(let text): connection.output.append(line: text)
        case .measureVoltage: connection.output.append(line: connection.meter.voltage())
        case .measureCurrent: connection.output.append(line: connection.meter.current())
        case .delay(let time): pause(connection, milliseconds: time, answersReady: true)
        case .slow(let time): pause(connection, milliseconds: time, answersReady: false)
        case .eventsOn(let interval): startEvents(on: connection, every: interval)
        case .eventsOff: connection.eventInterval = nil
        case .blob(let count): connection.output.append(blobOf: count)
        case .silent: break
        case .drop, .reset:
            // Answers to earlier commands go first, as far as the socket takes them at once.
            _ = connection.flush()
            var isReset = false
            if case .reset = command { isReset = true }
            finish(connection, withReset: isReset)
            return false
        }
        return true
    }

    private func pause(_ connection: Connection, milliseconds: Int, answersReady: Bool) {
        let until = Instant.now().adding(milliseconds: milliseconds)
        connection.pause = Connection.Pause(until: until, answersReady: answersReady)
        alarms.add(.init(due: until, connection: connection.id, purpose: .resume))
    }

    private func startEvents(on connection: Connection, every interval: Int) {
        connection.eventInterval = interval
        connection.eventSeries += 1
        connection.eventCount = 0
        let due = Instant.now().adding(milliseconds: interval)
        let purpose = Alarms.Purpose.event(series: connection.eventSeries)
        alarms.add(.init(due: due, connection: connection.id, purpose: purpose))
    }

    private func ring(_ alarm: Alarms.Alarm, now: Instant) {
        guard let connection = connections[alarm.connection] else { return }
        switch alarm.purpose {
        case .resume:
            guard let pause = connection.pause, pause.until <= now else { return }
            connection.pause = nil
            if pause.answersReady { connection.output.append(line: "READY") }
        case .event(let series):
            guard let interval = connection.eventInterval, series == connection.eventSeries else {
                return
            }
            connection.eventCount += 1
            // A client that does not read misses lines, and sees it by their numbers.
            if connection.output.hasRoom {
                connection.output.append(line: "!EVENT \(connection.eventCount)")
            }
            let next = max(alarm.due.adding(milliseconds: interval), now)
            alarms.add(.init(due: next, connection: connection.id, purpose: alarm.purpose))
        }
        advance(connection)
    }

    /// Raises the descriptor limit as far as the system lets it, and tells it.
    private static func raiseDescriptorLimit() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return 1024
        }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        _ = getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return Int(min(limit.rlim_cur, 1 << 20))
    }
}
