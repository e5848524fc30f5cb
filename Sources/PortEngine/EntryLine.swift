/// How bytes look on a serial line, as an entry tells it.
public struct EntryLine: Hashable, Sendable {
    /// Bits a second.
    public var baud: Int
    /// Bits of a byte.
    public var data: Int
    /// The word for the parity.
    public var parity: String
    /// Stop bits.
    public var stop: Int
    /// The word for the flow control.
    public var flow: String

    /// A line with these settings.
    public init(baud: Int, data: Int, parity: String, stop: Int, flow: String) {
        self.baud = baud
        self.data = data
        self.parity = parity
        self.stop = stop
        self.flow = flow
    }
}
