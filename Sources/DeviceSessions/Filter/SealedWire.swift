/// The filter of a session, with what it has sealed and the kernel has not taken.
struct SealedWire: Sendable {
    var filter: any StreamFilter
    /// Sealed bytes that must go out; those before `head` have.
    private(set) var outgoing: [UInt8] = []
    private(set) var head = 0
    /// How many plain bytes of the write lane's head lie in the one record on its way.
    private(set) var plainBytes = 0
    /// Whether what is on its way is the last that will ever be sent, and worth one try.
    var isLastWord = false
    /// Whether a record is missing on the wire, so that the peer could make nothing of a next one.
    var isBroken = false
    /// Whether the socket's own output was shut, behind all that was sealed.
    var isSocketShut = false

    init(_ filter: any StreamFilter) { self.filter = filter }

    /// Whether nothing is on its way.
    var isEmpty: Bool { head == outgoing.count }

    /// Puts a record on its way, when nothing else is.
    mutating func put(_ record: [UInt8], plainBytes: Int) {
        outgoing = record
        head = 0
        self.plainBytes = plainBytes
    }

    /// Puts something behind what is on its way.
    mutating func append(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        if isEmpty { drop() }
        outgoing += bytes
    }

    /// Puts the end of what is sent behind what is on its way.
    mutating func appendEnd() { append(filter.sealEnd()) }

    /// The kernel took `count` more bytes; gives the plain bytes that are out with them, which only
    /// whole records are.
    mutating func took(_ count: Int) -> Int {
        head += count
        guard isEmpty else { return 0 }
        defer { drop() }
        return plainBytes
    }

    /// Unmakes the record on its way, if nothing of it is out; says whether it did.
    mutating func takeBack() -> Bool {
        guard head == 0, plainBytes > 0, filter.takeBack() else { return false }
        drop()
        return true
    }

    /// Lets the record go on its way without its write; gives how much that had in it.
    mutating func disown() -> Int {
        defer { plainBytes = 0 }
        return plainBytes
    }

    /// Throws away what is on its way: there is nowhere left for it to go.
    mutating func drop() {
        outgoing = []
        head = 0
        plainBytes = 0
    }
}
