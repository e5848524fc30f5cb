import DeviceSessions
import PortEngine

/// Where each datagram or message went that came to a socket: into which entry, in which order.
struct PacketLedger {
    struct Packet {
        let bytes: [UInt8]
        let peer: SocketAddress?
    }

    private let key: UInt64
    private var arrived = 0
    /// Those that the kernel holds.
    private var queue: [Packet] = []
    /// Those that a receive has taken and that have not been told.
    private var taken: [Packet] = []
    /// Those that the engine knows and no entry has; of the first perhaps only a rest.
    private var due: [Packet] = []
    private var offset = 0

    init(key: UInt64) { self.key = key }

    /// How many the kernel holds.
    var waiting: Int { queue.count }

    /// Bytes that the engine knows and no entry has.
    var bytesLeft: Int { due.reduce(0) { $0 + $1.bytes.count } - offset }

    /// One comes.
    mutating func arrive(size: Int, from peer: SocketAddress?) {
        arrived += 1
        let seed = key &+ UInt64(arrived) &* 131
        let bytes = (0..<size).map { UInt8(truncatingIfNeeded: scramble(seed &+ UInt64($0))) }
        queue.append(Packet(bytes: bytes, peer: peer))
    }

    /// A receive takes one.
    mutating func receive() -> Packet? {
        guard !queue.isEmpty else { return nil }
        let packet = queue.removeFirst()
        taken.append(packet)
        return packet
    }

    /// What a receive took has been told.
    mutating func told() { due.append(taken.removeFirst()) }

    /// Drops whole ones from the front, so many bytes in all; says whether that comes out even.
    mutating func skip(bytes: Int) -> Bool {
        var left = bytes
        while left > 0, let first = due.first {
            left -= first.bytes.count - offset
            due.removeFirst()
            offset = 0
        }
        return left == 0
    }

    /// Takes what an entry has from the front.
    ///
    /// - Parameters:
    ///   - entry: the entry of a read or a transact.
    ///   - keepsRest: whether the rest of one that did not fit is for the next entry.
    ///   - tellsPeer: whether the entry must say who sent it.
    /// - Returns: what is wrong with it, if something is.
    mutating func take(
        _ entry: CompletionEntry, keepsRest: Bool, tellsPeer: Bool
    ) -> String? {
        // Empty ones may have been thrown away unseen: nothing tells of them.
        let cannotBeEmpty = !entry.data.isEmpty || entry.status == .truncated
        while let first = due.first, first.bytes.isEmpty, cannotBeEmpty { due.removeFirst() }
        guard let first = due.first else { return "data, and nothing has come" }
        let rest = first.bytes[offset...]
        if tellsPeer, entry.details?.peer != first.peer?.text {
            return "from \(entry.details?.peer ?? "nobody"), not \(first.peer?.text ?? "nobody")"
        }
        guard entry.data.elementsEqual(rest.prefix(entry.data.count)) else {
            let place = due.firstIndex { $0.bytes.starts(with: entry.data) }
            return "\(entry.data.count) bytes that are not those of the next packet, which has "
                + "\(rest.count), but of \(place.map { "the one \($0) behind it" } ?? "none")"
        }
        if entry.status == .ok {
            guard entry.data.count == rest.count else { return "ok with a part of a packet" }
        } else {
            guard entry.data.count < rest.count else { return "truncated, and it is whole" }
            guard entry.details?.extras?.messageBytes == rest.count else {
                return "says \(entry.details?.extras?.messageBytes ?? -1) of \(rest.count) bytes"
            }
            if keepsRest {
                offset += entry.data.count
                return nil
            }
        }
        due.removeFirst()
        offset = 0
        return nil
    }
}
