import DeviceSessions

extension ControlDescription {
    /// The controls of a serial line.
    static let serial: [ControlDescription] = [
        // SetCommState.
        ControlDescription("serial.set_line", arguments: ParameterRule.lineSettings) {
            .line(.set(LineChange($0)))
        },
        // GetCommState.
        ControlDescription("serial.get_line") { _ in
            .kernel(.terminal(.settings), takesTurn: false)
        },
        // EscapeCommFunction with SETDTR and its kin.
        ControlDescription(
            "serial.set_modem",
            arguments: [ParameterRule("dtr", .boolean), ParameterRule("rts", .boolean)]
        ) {
            .kernel(
                .terminal(.modem(dtr: $0.boolean("dtr"), rts: $0.boolean("rts"))),
                takesTurn: false)
        },
        // GetCommModemStatus.
        ControlDescription("serial.get_modem") { _ in
            .kernel(.terminal(.sample), takesTurn: false)
        },
        // SetCommBreak, a pause, ClearCommBreak.
        ControlDescription(
            "serial.break",
            arguments: [ParameterRule("duration_ms", .integer(1...60_000), isRequired: true)]
        ) {
            .line(.sendBreak(milliseconds: $0.integer("duration_ms") ?? 1))
        },
        // PurgeComm.
        ControlDescription(
            "serial.purge",
            arguments: ["rx_abort", "tx_abort", "rx_clear", "tx_clear"].map {
                ParameterRule($0, .boolean)
            }
        ) {
            .line(
                .purge(
                    LinePurge(
                        abortsReads: $0.boolean("rx_abort") ?? false,
                        abortsWrites: $0.boolean("tx_abort") ?? false,
                        clearsInput: $0.boolean("rx_clear") ?? false,
                        clearsOutput: $0.boolean("tx_clear") ?? false)))
        },
        // SetCommMask.
        ControlDescription(
            "serial.set_mask",
            arguments: [ParameterRule("mask", .choices(LineEvents.allNames), isRequired: true)]
        ) {
            .line(.setMask(LineEvents(named: $0.texts("mask") ?? [])))
        },
        // FlushFileBuffers.
        ControlDescription("serial.drain") { _ in .line(.drain) },
    ]

    /// `ioctl`: any request by its number, with the bytes that it reads and writes.
    ///
    /// Only where the operator allows it: an ioctl can do more than this daemon knows of.
    static let ioctl = ControlDescription(
        "ioctl",
        arguments: [
            ParameterRule("request", .integer(0...4_294_967_295), isRequired: true),
            ParameterRule("data", .data(limit: 16_384)),
        ]
    ) {
        let number = UInt32(truncatingIfNeeded: $0.integer("request") ?? 0)
        return .kernel(
            .terminal(.raw(number, argument: $0.bytes("data") ?? [])), takesTurn: false)
    }
}
