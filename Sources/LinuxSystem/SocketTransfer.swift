import CLinux
public import EngineBase
import Glibc

/// Sending on sockets and terminals that do not block.
extension OwnedDescriptor {
    /// Sends `bytes` from index `start` on, as many as fit now; never raises SIGPIPE.
    public func send(_ bytes: [UInt8], from start: Int) throws(Errno) -> Int {
        try checked {
            bytes.withUnsafeBytes { buffer in
                let rest = UnsafeRawBufferPointer(rebasing: buffer[start...])
                return Glibc.send(rawValue, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
            }
        }
    }

    /// Sends one datagram or message, to `peer` or to where the socket is connected.
    public func sendMessage(
        _ bytes: [UInt8],
        to peer: RawSocketAddress?
    ) throws(Errno) -> Int {
        let flags = Int32(MSG_NOSIGNAL)
        return try checked {
            bytes.withUnsafeBytes { buffer in
                guard let peer else {
                    return Glibc.send(rawValue, buffer.baseAddress, buffer.count, flags)
                }
                return peer.withPointer { pointer, length in
                    sendto(rawValue, buffer.baseAddress, buffer.count, flags, pointer, length)
                }
            }
        }
    }

    /// Writes to a terminal, or at a file's position, what it takes now.
    public func write(_ bytes: [UInt8], from start: Int) throws(Errno) -> Int {
        try checked {
            bytes.withUnsafeBytes { buffer in
                let rest = UnsafeRawBufferPointer(rebasing: buffer[start...])
                return Glibc.write(rawValue, rest.baseAddress, rest.count)
            }
        }
    }

    /// Whether bytes, a connection or an end can be taken right now.
    public func isReadable() -> Bool {
        var entry = pollfd(fd: rawValue, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, 0) > 0
    }
}

/// A message as it came in.
public struct ReceivedMessage: Sendable {
    /// The bytes that fitted.
    public var bytes: [UInt8]
    /// How long the message really was.
    public var fullSize: Int
    /// Its sender, where the socket tells it.
    public var peer: RawSocketAddress.Meaning?
    /// Whether this is no message but the end of a connection of messages.
    public var isEnd: Bool
}

/// Room into which bytes are received before they are copied out at their exact size.
///
/// One thread owns it.
public final class ReceiveBuffer {
    private let room: UnsafeMutableRawBufferPointer

    /// How many bytes one receive can take.
    public var capacity: Int { room.count }

    /// Room for `capacity` bytes.
    public init(capacity: Int) {
        room = .allocate(byteCount: max(capacity, 1), alignment: 16)
    }

    deinit { room.deallocate() }

    /// Takes up to `limit` bytes from a socket; none is the end.
    public func receive(
        from descriptor: borrowing OwnedDescriptor,
        limit: Int
    ) throws(Errno) -> [UInt8] {
        let raw = descriptor.rawValue
        let count = min(max(limit, 1), room.count)
        return copied(try checked { recv(raw, room.baseAddress, count, 0) })
    }

    /// Takes up to `limit` bytes from a terminal; none is a hang-up.
    public func read(
        from descriptor: borrowing OwnedDescriptor,
        limit: Int
    ) throws(Errno) -> [UInt8] {
        let raw = descriptor.rawValue
        let count = min(max(limit, 1), room.count)
        return copied(try checked { Glibc.read(raw, room.baseAddress, count) })
    }

    /// Takes one message, at most `limit` bytes of it; the rest of it is lost.
    ///
    /// With `endsWithoutCredentials` the socket is one that gives credentials with every message
    /// (``OwnedDescriptor/setPassCredentials()``), so that one without them is the end.
    public func receiveMessage(
        from descriptor: borrowing OwnedDescriptor,
        limit: Int,
        endsWithoutCredentials: Bool
    ) throws(Errno) -> ReceivedMessage {
        let raw = descriptor.rawValue
        guard limit > room.count else {
            let place = UnsafeMutableRawBufferPointer(rebasing: room[..<max(limit, 0)])
            return try ReceiveBuffer.takeMessage(raw, place, endsWithoutCredentials)
        }
        // Rare, for messages only: learn the size first, so that no larger room is kept.
        let flags = Int32(MSG_PEEK) | Int32(MSG_TRUNC)
        let size = try checked { recv(raw, room.baseAddress, room.count, flags) }
        guard size > room.count else {
            return try ReceiveBuffer.takeMessage(raw, room, endsWithoutCredentials)
        }
        let place = UnsafeMutableRawBufferPointer.allocate(
            byteCount: min(size, limit),
            alignment: 16
        )
        defer { place.deallocate() }
        return try ReceiveBuffer.takeMessage(raw, place, endsWithoutCredentials)
    }

    private func copied(_ count: Int) -> [UInt8] {
        Array(UnsafeRawBufferPointer(room)[..<count])
    }

    private static func takeMessage(
        _ raw: Int32,
        _ place: UnsafeMutableRawBufferPointer,
        _ endsWithoutCredentials: Bool
    ) throws(Errno) -> ReceivedMessage {
        var peer = RawSocketAddress()
        var size = 0
        var hasCredentials = false
        var header = msghdr()
        var vector = iovec(iov_base: place.baseAddress, iov_len: place.count)
        // Room for a control message's header only: enough to see that there are credentials,
        // and never enough for a descriptor that a peer passes, which would leak.
        var control: (UInt64, UInt64) = (0, 0)
        try peer.withMutablePointer { (pointer, length) throws(Errno) in
            try withUnsafeMutablePointer(to: &vector) { vectors throws(Errno) in
                try withUnsafeMutableBytes(of: &control) { bytes throws(Errno) in
                    header.msg_name = UnsafeMutableRawPointer(pointer)
                    header.msg_namelen = length.pointee
                    header.msg_iov = vectors
                    header.msg_iovlen = 1
                    if endsWithoutCredentials {
                        header.msg_control = bytes.baseAddress
                        header.msg_controllen = bytes.count
                    }
                    let flags = Int32(MSG_TRUNC) | Int32(MSG_CMSG_CLOEXEC)
                    size = try checked { recvmsg(raw, &header, flags) }
                    hasCredentials = header.msg_controllen > 0
                    length.pointee = header.msg_namelen
                }
            }
        }
        let taken = min(size, place.count)
        return ReceivedMessage(
            bytes: Array(UnsafeRawBufferPointer(place)[..<taken]),
            fullSize: size,
            peer: peer.meaning,
            isEnd: size == 0 && endsWithoutCredentials && !hasCredentials
        )
    }
}
