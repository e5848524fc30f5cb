import DeviceSessions

/// `serial:///dev/ttyUSB0?baud=115200&data=8&parity=none&stop=1&flow=none`: a serial line or a
/// pseudo-terminal.
struct SerialTransport: Transport {
    let description = TransportDescription(
        scheme: "serial", kind: "stream", uriParameters: ParameterRule.lineSettings,
        options: [.intervalMilliseconds, .totalMilliseconds, .lingerMilliseconds],
        abilities: .line, controls: ControlDescription.serial, rawControls: [.ioctl],
        isNetwork: false, canReconnect: true)

    func plan(
        _ uri: TargetURI, _ options: TransportOptions, _ policy: TargetPolicy
    ) throws(TargetError) -> SessionPlan {
        guard case .path(let path) = uri.place else {
            throw .invalidURI("serial needs an absolute path, as in serial:///dev/ttyUSB0")
        }
        guard let target = policy.target(for: path, scheme: uri.scheme) else { throw .denied }
        let settings = LineChange(uri.parameters).applied(to: LineSettings())
        let opening = SerialOpening(path: path, target: target, settings: settings) { path in
            policy.target(for: path, scheme: "serial") != nil
        }
        var plan = SessionPlan(opening: opening, options: options)
        let interval = options.given.integer("interval_ms")
        let total = options.given.integer("total_ms")
        if interval != nil || total != nil {
            plan.readTimers = ReadTimers(intervalMilliseconds: interval, totalMilliseconds: total)
        }
        return plan
    }
}

extension ParameterRule {
    /// How bytes look on a line: members of the URI's query, and arguments of `serial.set_line`.
    static let lineSettings = [
        ParameterRule("baud", .integer(50...20_000_000)),
        ParameterRule("data", .integer(5...8)),
        ParameterRule("parity", .choice(LineSettings.Parity.allCases.map(\.rawValue))),
        ParameterRule("stop", .integer(1...2)),
        ParameterRule("flow", .choice(LineSettings.Flow.allCases.map(\.rawValue))),
    ]

    /// The longest pause after a byte of a read; 0: what is there now.
    static let intervalMilliseconds = ParameterRule("interval_ms", .integer(0...86_400_000))
    /// How long a read may take.
    static let totalMilliseconds = ParameterRule("total_ms", .integer(1...86_400_000))
}

extension LineChange {
    /// What the parameters, which obey ``ParameterRule/lineSettings``, change.
    init(_ parameters: Parameters) {
        self.init(
            baud: parameters.integer("baud"), dataBits: parameters.integer("data"),
            parity: parameters.text("parity").flatMap { LineSettings.Parity(rawValue: $0) },
            stopBits: parameters.integer("stop"),
            flow: parameters.text("flow").flatMap { LineSettings.Flow(rawValue: $0) })
    }
}
