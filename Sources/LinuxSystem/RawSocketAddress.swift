import CLinux
public import EngineBase
import Glibc

/// An address in the form that socket calls take, without showing any pointer.
public struct RawSocketAddress: Sendable {
    /// What an address says, with IPv4-mapped IPv6 already turned into IPv4.
    public enum Meaning: Hashable, Sendable {
        /// An IPv4 address as one number, first byte highest.
        case ipv4(UInt32, port: UInt16)
        /// An IPv6 address as two halves, first bytes highest.
        case ipv6(high: UInt64, low: UInt64, port: UInt16, scope: UInt32)
        /// A Unix socket; empty for one without a name or with an abstract one.
        case unix(path: String)
    }

    var storage = sockaddr_storage()
    var length: socklen_t = 0

    /// Room for an address that a call will fill in.
    init() { length = socklen_t(MemoryLayout<sockaddr_storage>.size) }

    /// An IPv4 address.
    public init(ipv4 address: UInt32, port: UInt16) {
        var raw = sockaddr_in()
        raw.sin_family = sa_family_t(AF_INET)
        raw.sin_port = port.bigEndian
        raw.sin_addr.s_addr = address.bigEndian
        store(raw)
    }

    /// An IPv6 address; `scope` is an interface's index, or 0.
    public init(ipv6High high: UInt64, low: UInt64, port: UInt16, scope: UInt32) {
        var raw = sockaddr_in6()
        raw.sin6_family = sa_family_t(AF_INET6)
        raw.sin6_port = port.bigEndian
        raw.sin6_scope_id = scope
        withUnsafeMutableBytes(of: &raw.sin6_addr) { bytes in
            bytes.storeBytes(of: high.bigEndian, as: UInt64.self)
            bytes.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
        }
        store(raw)
    }

    /// A Unix socket's path, at most 107 bytes.
    ///
    /// - Throws: ENAMETOOLONG for a longer one, `.invalidArgument` for an empty one.
    public init(unixPath path: String) throws(Errno) {
        let bytes = Array(path.utf8)
        guard !bytes.isEmpty, !bytes.contains(0) else { throw .invalidArgument }
        var raw = sockaddr_un()
        raw.sun_family = sa_family_t(AF_UNIX)
        guard bytes.count < MemoryLayout.size(ofValue: raw.sun_path) else {
            throw Errno(ENAMETOOLONG)
        }
        withUnsafeMutableBytes(of: &raw.sun_path) { $0.copyBytes(from: bytes) }
        store(raw)
    }

    /// Copies an address that a C call owns.
    init(copying address: UnsafePointer<sockaddr>, length: socklen_t) {
        self.length = min(length, socklen_t(MemoryLayout<sockaddr_storage>.size))
        let count = Int(self.length)
        withUnsafeMutableBytes(of: &storage) {
            $0.copyMemory(from: UnsafeRawBufferPointer(start: address, count: count))
        }
    }

    /// What the address says; `nil` for none, or for a family that is not used here.
    public var meaning: Meaning? {
        guard length >= socklen_t(MemoryLayout<sa_family_t>.size) else { return nil }
        switch Int32(storage.ss_family) {
        case AF_INET:
            let raw = load(sockaddr_in.self)
            return .ipv4(
                UInt32(bigEndian: raw.sin_addr.s_addr),
                port: UInt16(bigEndian: raw.sin_port)
            )
        case AF_INET6:
            return meaning(of: load(sockaddr_in6.self))
        case AF_UNIX:
            return .unix(path: unixPath)
        default:
            return nil
        }
    }

    private func meaning(of raw: sockaddr_in6) -> Meaning {
        let (high, low) = withUnsafeBytes(of: raw.sin6_addr) { bytes in
            (
                UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            )
        }
        let port = UInt16(bigEndian: raw.sin6_port)
        if high == 0, low >> 32 == 0xffff {
            return .ipv4(UInt32(truncatingIfNeeded: low), port: port)
        }
        return .ipv6(high: high, low: low, port: port, scope: raw.sin6_scope_id)
    }

    private var unixPath: String {
        let start = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 2
        return withUnsafeBytes(of: storage) { bytes in
            let end = min(Int(length), bytes.count)
            guard start < end else { return "" }
            let name = bytes[start..<end].prefix { $0 != 0 }
            return String(decoding: name, as: UTF8.self)
        }
    }

    private mutating func store<Raw>(_ raw: Raw) {
        length = socklen_t(MemoryLayout<Raw>.size)
        withUnsafeBytes(of: raw) { bytes in
            withUnsafeMutableBytes(of: &storage) { $0.copyMemory(from: bytes) }
        }
    }

    private func load<Raw>(_ type: Raw.Type) -> Raw {
        withUnsafeBytes(of: storage) { $0.load(as: type) }
    }

    /// Lends the address to a call that reads it.
    func withPointer<Result, Failure: Error>(
        _ body: (UnsafePointer<sockaddr>, socklen_t) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try withUnsafePointer(to: storage) { pointer throws(Failure) in
            let raw = UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self)
            return try body(raw, length)
        }
    }

    /// Lends the room for an address to a call that fills it in.
    mutating func withMutablePointer<Result, Failure: Error>(
        _ body: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) throws(Failure)
            -> Result
    ) throws(Failure) -> Result {
        try withUnsafeMutablePointer(to: &storage) { pointer throws(Failure) in
            let raw = UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: sockaddr.self)
            return try body(raw, &length)
        }
    }
}
