import PortEngine

/// How bytes look on a serial line.
///
/// DCB.
public struct LineSettings: Hashable, Sendable {
    /// The bit that guards each byte.
    public enum Parity: String, Sendable, CaseIterable { case none, odd, even, mark, space }

    /// How a receiver that is full holds the sender up.
    public enum Flow: String, Sendable, CaseIterable {
        case none
        /// By the RTS and CTS lines.
        case hardware = "rtscts"
        /// By the bytes XOFF and XON.
        case software = "xonxoff"
    }

    /// Bits a second, both ways.
    public var baud: Int
    /// Bits of a byte, 5 to 8.
    public var dataBits: Int
    /// The bit that guards each byte.
    public var parity: Parity
    /// Stop bits, 1 or 2.
    public var stopBits: Int
    /// How a receiver that is full holds the sender up.
    public var flow: Flow

    /// Settings with these values; the defaults are 115200 8N1 without flow control.
    public init(
        baud: Int = 115_200, dataBits: Int = 8, parity: Parity = .none, stopBits: Int = 1,
        flow: Flow = .none
    ) {
        self.baud = baud
        self.dataBits = dataBits
        self.parity = parity
        self.stopBits = stopBits
        self.flow = flow
    }
}

/// New values for some of a line's settings; the others stay.
public struct LineChange: Hashable, Sendable {
    /// Bits a second.
    public var baud: Int?
    /// Bits of a byte.
    public var dataBits: Int?
    /// The bit that guards each byte.
    public var parity: LineSettings.Parity?
    /// Stop bits.
    public var stopBits: Int?
    /// How a receiver that is full holds the sender up.
    public var flow: LineSettings.Flow?

    /// A change of what is given.
    public init(
        baud: Int? = nil, dataBits: Int? = nil, parity: LineSettings.Parity? = nil,
        stopBits: Int? = nil, flow: LineSettings.Flow? = nil
    ) {
        self.baud = baud
        self.dataBits = dataBits
        self.parity = parity
        self.stopBits = stopBits
        self.flow = flow
    }

    /// `settings` with the change made.
    public func applied(to settings: LineSettings) -> LineSettings {
        LineSettings(
            baud: baud ?? settings.baud, dataBits: dataBits ?? settings.dataBits,
            parity: parity ?? settings.parity, stopBits: stopBits ?? settings.stopBits,
            flow: flow ?? settings.flow)
    }
}

extension EntryLine {
    /// The settings as an entry tells them.
    init(_ settings: LineSettings) {
        self.init(
            baud: settings.baud, data: settings.dataBits, parity: settings.parity.rawValue,
            stop: settings.stopBits, flow: settings.flow.rawValue)
    }
}
