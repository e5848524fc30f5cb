import PortEngine

/// What a session of datagrams or messages has received and no read has taken.
///
/// At most one: the kernel keeps the others. A datagram, a message, or what a read that was too
/// short for its message has left.
struct PacketInput: Sendable {
    /// A datagram or message, or the rest of one.
    struct Held: Sendable {
        var bytes: ArraySlice<UInt8>
        var peer: String?
    }

    /// The longest datagram that there can be.
    static let longestDatagram = 65_535
    /// The longest message that is taken.
    static let longestMessage = 1_048_576
    /// More than the kernel keeps for a socket at once.
    static let mostThatWait = 4_096

    /// What a look at the kernel has told of packets that arrived before a transact may start.
    enum Look: Sendable {
        case unknown, inTheWay, clear
    }

    /// What is there for the next read.
    var held: Held?
    /// An error that one read tells, after which all goes on.
    private(set) var failure: EntryError?
    /// How many datagrams have been sent, and how many had been when an error was told.
    var sent = 0
    private var sentWhenTold = -1
    /// How many have been received, to tell whether a look is out of date.
    var received = 0
    var look = Look.unknown
    /// The transact that the looks are for, and how many had been received before the first.
    private(set) var lookFor: UInt64 = 0
    private var lookedFrom = 0
    /// Whether the receive that is out has been asked to end.
    var isReceiveCancelled = false
    /// Datagrams that the kernel dropped.
    private(set) var droppedInAll = 0
    private var lastDropped: UInt32 = 0

    /// Bytes that nobody has read.
    var unreadBytes: Int { held?.bytes.count ?? 0 }

    /// Keeps an error for the next read.
    ///
    /// A port that nothing has answers every datagram that was sent to it; one read is told, once
    /// for all that were sent before.
    mutating func keep(_ error: EntryError) {
        let isToldAlready = sent == sentWhenTold && error.code == EntryError.portUnreachable.code
        if !isToldAlready { failure = error }
    }

    /// Takes the error that is to be told now.
    mutating func takeFailure() -> EntryError? {
        defer { failure = nil }
        if failure != nil { sentWhenTold = sent }
        return failure
    }

    /// Whether a transact may start, because nothing is there that came before it; `nil`: look.
    ///
    /// The kernel tells only whether there is one. If it goes on saying so for longer than its own
    /// queue can be, what is there now came later: a device that never stops holds nothing up.
    mutating func isClear(for transact: UInt64) -> Bool? {
        if lookFor != transact {
            lookFor = transact
            lookedFrom = received
            look = .unknown
        }
        switch look {
        case .clear: return true
        case .inTheWay: return false
        case .unknown: return received - lookedFrom > PacketInput.mostThatWait ? true : nil
        }
    }

    /// One has been received, or the end, or an error.
    mutating func hasMoved() {
        received += 1
        if look == .inTheWay { look = .unknown }
    }

    /// What nobody has read, for the end of the connection.
    mutating func takeAll() -> [UInt8] {
        defer { held = nil }
        return held.map { Array($0.bytes) } ?? []
    }

    /// Takes note of the kernel's count, which begins anew after four thousand million.
    mutating func noteDropped(_ count: UInt32) {
        droppedInAll += Int(count &- lastDropped)
        lastDropped = count
    }
}

extension SessionShape {
    /// Whether input comes in pieces that keep their bounds.
    var isPacketed: Bool { self == .datagram || self == .message }

    /// Whether bytes that were written may need time to reach the peer when the session is closed.
    var lingers: Bool { isStream || self == .message }
}
