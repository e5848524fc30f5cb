public import EngineBase

/// One connection as a kernel keeps it, with a device at its far end.
///
/// It fails as Linux does. A reset is told once, to a send at once and to a receive behind the bytes
/// that came before it; afterwards a receive says "end" and a send "broken pipe". A device that
/// finished and went away takes the first send, and answers it with a reset that the second meets.
public final class ScriptedConnection {
    /// Bytes that have come from the device and have not been received.
    public private(set) var inbound = ScriptedBytes()
    /// Bytes that have been sent and that the device has not taken.
    public private(set) var outbound = ScriptedBytes()
    /// How many bytes each direction holds.
    public let inboundCapacity: Int
    /// How many sent bytes it holds until the device takes them.
    public let outboundCapacity: Int

    /// Whether the device has finished sending.
    public private(set) var hasDeviceFinished = false
    /// Whether the device takes no more bytes.
    public private(set) var hasDeviceGone = false
    /// Whether the engine has finished sending.
    public private(set) var hasEngineFinished = false
    /// Whether the engine has closed its descriptor.
    public private(set) var isClosed = false
    /// Whether the engine's close was, or amounted to, a reset.
    public private(set) var wasReset = false

    /// An error that has not been told yet.
    private var untoldError: Errno?
    private var isBroken = false

    /// A connection with kernel buffers of these sizes.
    public init(inboundCapacity: Int, outboundCapacity: Int) {
        self.inboundCapacity = inboundCapacity
        self.outboundCapacity = outboundCapacity
    }

    // MARK: - The engine's end

    /// Whether a receive would have something to tell.
    public var isReadable: Bool {
        !inbound.isEmpty || hasDeviceFinished || untoldError != nil || isBroken
    }

    /// Whether a send would have something to tell.
    public var isWritable: Bool {
        untoldError != nil || isBroken || hasEngineFinished || hasDeviceGone
            || outbound.count < outboundCapacity
    }

    /// What SIOCOUTQ says.
    public var unsentBytes: Int { isBroken || untoldError != nil ? 0 : outbound.count }

    /// Takes up to `limit` bytes; none is the end, `nil` is "not now".
    public func receive(upTo limit: Int) throws(Errno) -> [UInt8]? {
        if !inbound.isEmpty { return inbound.take(limit) }
        if let error = untoldError {
            breakDown()
            throw error
        }
        return hasDeviceFinished || isBroken ? [] : nil
    }

    /// Sends up to `limit` of the bytes from `start` on; `nil` is "not now".
    public func send(_ bytes: [UInt8], from start: Int, upTo limit: Int) throws(Errno) -> Int? {
        if let error = untoldError {
            breakDown()
            throw error
        }
        if isBroken || hasEngineFinished { throw .brokenPipe }
        if hasDeviceGone {
            isBroken = true
            return bytes.count - start
        }
        let room = outboundCapacity - outbound.count
        let count = min(room, limit, bytes.count - start)
        guard count > 0 else { return start == bytes.count ? 0 : nil }
        outbound.append(bytes[start..<start + count])
        return count
    }

    /// Finishes sending.
    public func shutdownOutput() throws(Errno) {
        guard !isBroken, untoldError == nil else { throw .notConnected }
        hasEngineFinished = true
    }

    /// Closes the engine's end: with unread bytes, or by wish, that is a reset.
    public func close(reset: Bool) {
        isClosed = true
        hasEngineFinished = true
        if reset || !inbound.isEmpty {
            wasReset = true
            outbound = ScriptedBytes()
        }
        inbound = ScriptedBytes()
    }

    private func breakDown() {
        untoldError = nil
        isBroken = true
        outbound = ScriptedBytes()
    }

    // MARK: - The device's end

    /// Room for bytes from the device; none once it has finished.
    public var roomForDevice: Int {
        let isOver = hasDeviceFinished || hasDeviceGone || isClosed || isBroken
        return isOver || untoldError != nil ? 0 : inboundCapacity - inbound.count
    }

    /// Sends bytes to the engine; no more than there is room for.
    public func deviceSends(_ bytes: [UInt8]) {
        precondition(bytes.count <= roomForDevice, "a device sent more than there is room for")
        inbound.append(bytes[...])
    }

    /// Takes what the engine sent.
    public func deviceTakes(_ limit: Int) -> [UInt8] { outbound.take(limit) }

    /// The device finishes sending.
    public func deviceFinishes() { hasDeviceFinished = true }

    /// The device closes: with bytes that it has not taken, that is a reset.
    public func deviceCloses() {
        guard outbound.isEmpty else {
            deviceBreaks(with: .connectionReset)
            return
        }
        hasDeviceFinished = true
        hasDeviceGone = true
    }

    /// The connection breaks.
    public func deviceBreaks(with error: Errno) {
        guard !isBroken, !isClosed else { return }
        hasDeviceGone = true
        untoldError = error
        outbound = ScriptedBytes()
    }

    /// Whether it is of no more use to the device.
    public var isOverForDevice: Bool {
        hasDeviceGone || isBroken || (isClosed && (wasReset || outbound.isEmpty))
    }
}

/// Bytes in the order in which they came.
public struct ScriptedBytes {
    private var storage: [UInt8] = []
    private var head = 0

    /// How many there are.
    public var count: Int { storage.count - head }
    /// Whether there are none.
    public var isEmpty: Bool { head == storage.count }

    mutating func append(_ bytes: ArraySlice<UInt8>) {
        if isEmpty {
            storage.removeAll(keepingCapacity: true)
            head = 0
        }
        storage.append(contentsOf: bytes)
    }

    mutating func take(_ limit: Int) -> [UInt8] {
        let taken = Array(storage[head..<head + min(limit, count)])
        head += taken.count
        if head > 65_536 {
            storage.removeFirst(head)
            head = 0
        }
        return taken
    }
}
