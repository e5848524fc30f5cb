import EngineBase
public import PortEngine

/// A port for a benchmark, with the directory that keeps it.
public struct BenchPort: Sendable {
    /// Keeps the port.
    public let directory: PortDirectory
    /// The port.
    public let port: CompletionPort

    /// A port with the daemon's default settings but a larger capacity.
    public init() throws(PortDirectoryError) {
        directory = PortDirectory(clock: BenchClock(), seed: 1, onEarlierDeadline: {})
        guard let name = PortName("bench") else { throw .unknown }
        let settings = PortSettings(capacity: 10_000_000)
        port = try directory.create(name, settings: settings, agrees: { _ in true }).port
    }

    /// Packets as a client might post them, numbered from `first`.
    ///
    /// Made anew each time: somebody has to make what is posted.
    public static func packets(_ count: Int, from first: Int = 0) -> EntryList {
        EntryList(count: count) { index in
            CompletionEntry(
                kind: .packet, key: "sensor-7", context: "reading-000123", bytes: first + index)
        }
    }
}
