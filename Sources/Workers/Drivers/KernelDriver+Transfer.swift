import DeviceSessions
import EngineBase
import LinuxSystem

/// Moving bytes. `nil` is "not now"; so is a thrown `.again`, which also clears the readiness.
extension KernelDriver {
    func receive(_ record: DescriptorRecord, limit: Int) throws(Errno) -> StepResult? {
        guard record.isReadable else { return nil }
        let opened = record.opened
        guard opened.isSocket else {
            return .received(try buffer.read(from: opened.descriptor.owned, limit: limit))
        }
        let bytes = try buffer.receive(from: opened.descriptor.owned, limit: limit)
        // Data and the end may come as one event. A short transfer stands for "no more now" only
        // while nothing was seen behind which there will be no further event.
        let isShort = bytes.count < min(max(limit, 1), buffer.capacity)
        if isShort, opened.shortReceiveMeansEmpty, !record.sawHangup, !record.sawUrgent {
            record.isReadable = false
        }
        return .received(bytes)
    }

    func send(
        _ record: DescriptorRecord,
        _ bytes: [UInt8],
        from start: Int
    ) throws(Errno)
        -> StepResult?
    {
        guard start >= 0, start <= bytes.count else { throw .invalidArgument }
        guard start < bytes.count else { return .sent(0) }
        guard record.isWritable else { return nil }
        let opened = record.opened
        guard opened.isSocket else {
            return .sent(try opened.descriptor.owned.write(bytes, from: start))
        }
        let count = try opened.descriptor.owned.send(bytes, from: start)
        if count < bytes.count - start, !record.sawHangup { record.isWritable = false }
        return .sent(count)
    }

    /// The end of a connection of messages is `.received` with no bytes; an empty message is one.
    func receiveMessage(_ record: DescriptorRecord, limit: Int) throws(Errno) -> StepResult? {
        guard record.isReadable else { return nil }
        let opened = record.opened
        var tellsEnd = false
        if case .sequencedPacket = opened.role { tellsEnd = true }
        let message = try buffer.receiveMessage(
            from: opened.descriptor.owned,
            limit: limit,
            endsWithoutCredentials: tellsEnd
        )
        if message.isEnd { return .received([]) }
        var dropped: UInt32 = 0
        if case .datagram = opened.role {
            dropped = try opened.descriptor.owned.droppedDatagrams()
        }
        return .message(
            message.bytes,
            fullSize: message.fullSize,
            peer: message.peer.map(SocketAddress.init),
            dropped: dropped
        )
    }

    func sendMessage(
        _ record: DescriptorRecord,
        _ bytes: [UInt8],
        to peer: SocketAddress?
    ) throws(Errno) -> StepResult? {
        guard record.isWritable else { return nil }
        let address: RawSocketAddress? =
            if let peer { try kernelAddress(peer) } else { nil }
        return .sent(try record.opened.descriptor.owned.sendMessage(bytes, to: address))
    }

    /// The remembered readiness may be out of date where a transfer took all there was.
    func poll(_ record: DescriptorRecord) -> StepResult? {
        guard record.isReadable else { return nil }
        if record.opened.descriptor.owned.isReadable() { return .ready }
        record.isReadable = false
        return nil
    }

    func shutdownOutput(_ record: DescriptorRecord) -> StepOutcome {
        do throws(Errno) {
            try record.opened.descriptor.owned.shutdownOutput()
            return .done(.done)
        } catch {
            return .done(.failed(error))
        }
    }
}
