import CLinux
public import EngineBase
import Glibc

/// Options of sockets, each under the name of what it does.
extension OwnedDescriptor {
    /// Sends small segments at once (TCP_NODELAY).
    public func setNoDelay() throws(Errno) {
        try setOption(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
    }

    /// Lets a listener take over an address whose last connections still linger (SO_REUSEADDR).
    public func setReuseAddress() throws(Errno) {
        try setOption(SOL_SOCKET, SO_REUSEADDR, 1)
    }

    /// Permits broadcasts (SO_BROADCAST).
    public func setBroadcast() throws(Errno) {
        try setOption(SOL_SOCKET, SO_BROADCAST, 1)
    }

    /// Gives every message its sender's credentials (SO_PASSCRED).
    ///
    /// They are not looked at; but a message has them and the end of the stream has not, which
    /// is the only way to tell an empty message from the end.
    public func setPassCredentials() throws(Errno) {
        try setOption(SOL_SOCKET, SO_PASSCRED, 1)
    }

    /// Makes a silent peer show as an error: first probe after `idleMilliseconds`, then 3 probes
    /// 5 seconds apart; unacknowledged bytes give up after 30 seconds.
    public func setKeepalive(idleMilliseconds: Int) throws(Errno) {
        let protocolNumber = Int32(IPPROTO_TCP)
        let seconds = min(max((idleMilliseconds + 999) / 1000, 1), 32_767)
        try setOption(SOL_SOCKET, SO_KEEPALIVE, 1)
        try setOption(protocolNumber, TCP_KEEPIDLE, Int32(seconds))
        try setOption(protocolNumber, TCP_KEEPINTVL, 5)
        try setOption(protocolNumber, TCP_KEEPCNT, 3)
        try setOption(protocolNumber, TCP_USER_TIMEOUT, 30_000)
    }

    /// Makes the coming close a reset that throws unsent bytes away (SO_LINGER of 0 seconds).
    public func setResetOnClose() throws(Errno) {
        var value = linger(l_onoff: 1, l_linger: 0)
        let size = socklen_t(MemoryLayout<linger>.size)
        try check { setsockopt(rawValue, SOL_SOCKET, SO_LINGER, &value, size) }
    }

    /// Takes the socket's pending error away; `nil` is none.
    ///
    /// Only for the outcome of a connect: anywhere else it would hide the error from the
    /// `receive` that must tell it.
    public func takeSocketError() throws(Errno) -> Errno? {
        var value: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        try check { getsockopt(rawValue, SOL_SOCKET, SO_ERROR, &value, &size) }
        return value == 0 ? nil : Errno(value)
    }

    /// Bytes that were taken for sending and are not yet acknowledged (SIOCOUTQ).
    public func unsentBytes() throws(Errno) -> Int {
        var value: Int32 = 0
        try check { ioctl(rawValue, UInt(SIOCOUTQ), &value) }
        return Int(value)
    }

    /// Bytes that came in and were not yet taken (FIONREAD).
    public func unreadBytes() throws(Errno) -> Int {
        var value: Int32 = 0
        try check { ioctl(rawValue, UInt(FIONREAD), &value) }
        return Int(value)
    }

    /// An integer option of the socket level.
    public func socketLevelOption(_ name: Int32) throws(Errno) -> Int {
        try option(SOL_SOCKET, name)
    }

    /// Whether small segments are sent at once (TCP_NODELAY).
    public func sendsAtOnce() throws(Errno) -> Bool {
        try option(Int32(IPPROTO_TCP), TCP_NODELAY) != 0
    }

    private func option(_ level: Int32, _ name: Int32) throws(Errno) -> Int {
        var value: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        try check { getsockopt(rawValue, level, name, &value, &size) }
        return Int(value)
    }

    /// An ioctl that reads and writes `argument` in place.
    ///
    /// - Precondition: `argument` is as long as the request's structure.
    public func control(_ request: UInt, argument: inout [UInt8]) throws(Errno) {
        try check {
            argument.withUnsafeMutableBytes { bytes in
                guard let base = bytes.baseAddress else { return ioctl(rawValue, request, 0) }
                return ioctl(rawValue, request, base)
            }
        }
    }

    private func setOption(_ level: Int32, _ name: Int32, _ value: Int32) throws(Errno) {
        var value = value
        let size = socklen_t(MemoryLayout<Int32>.size)
        try check { setsockopt(rawValue, level, name, &value, size) }
    }
}
