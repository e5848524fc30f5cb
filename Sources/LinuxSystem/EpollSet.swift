import CLinux
public import EngineBase
import Glibc

/// What a descriptor in an ``EpollSet`` became ready for.
public struct EpollReadiness: OptionSet, Sendable {
    /// The kernel's bits.
    public let rawValue: UInt32

    /// Readiness with the kernel's bits `rawValue`.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Something can be taken (EPOLLIN).
    public static let input = EpollReadiness(rawValue: EPOLLIN.rawValue)
    /// Urgent bytes came in (EPOLLPRI).
    public static let urgent = EpollReadiness(rawValue: EPOLLPRI.rawValue)
    /// Something can be sent (EPOLLOUT).
    public static let output = EpollReadiness(rawValue: EPOLLOUT.rawValue)
    /// The peer will send no more (EPOLLRDHUP).
    public static let peerShut = EpollReadiness(rawValue: EPOLLRDHUP.rawValue)
    /// Both directions are over (EPOLLHUP).
    public static let hangup = EpollReadiness(rawValue: EPOLLHUP.rawValue)
    /// All that a descriptor with two directions is watched for.
    public static let bothDirections: EpollReadiness = [.input, .urgent, .output, .peerShut]
    /// An error waits to be told (EPOLLERR).
    public static let error = EpollReadiness(rawValue: EPOLLERR.rawValue)
}

/// An epoll instance and room for what it reports.
///
/// One thread owns it. Everything is registered once, edge-triggered.
public final class EpollSet {
    private let descriptor: OwnedDescriptor
    private let room: UnsafeMutableBufferPointer<epoll_event>

    /// An empty set that reports at most `eventsPerWait` events at a time.
    public init(eventsPerWait: Int = 256) throws(Errno) {
        descriptor = OwnedDescriptor(owning: try checked { epoll_create1(Int32(EPOLL_CLOEXEC)) })
        room = .allocate(capacity: max(eventsPerWait, 1))
        room.initialize(repeating: epoll_event())
    }

    deinit { room.deallocate() }

    /// Watches `member` from now on, by its edges; its events carry `mark`.
    ///
    /// What it is ready for already is reported too, and so are errors and hang-ups always.
    public func add(
        _ member: borrowing OwnedDescriptor,
        mark: UInt64,
        for interest: EpollReadiness = .bothDirections
    ) throws(Errno) {
        var event = epoll_event()
        event.events = interest.rawValue | EPOLLET.rawValue
        event.data.u64 = mark
        let raw = member.rawValue
        try check { epoll_ctl(descriptor.rawValue, EPOLL_CTL_ADD, raw, &event) }
    }

    /// Watches `member` no more.
    public func remove(_ member: borrowing OwnedDescriptor) throws(Errno) {
        var event = epoll_event()
        let raw = member.rawValue
        try check { epoll_ctl(descriptor.rawValue, EPOLL_CTL_DEL, raw, &event) }
    }

    /// Waits for events.
    ///
    /// - Parameter milliseconds: the longest wait; `nil` is for ever, 0 only looks.
    /// - Returns: how many there are for ``event(at:)``; 0 as well after a signal.
    public func wait(milliseconds: Int?) -> Int {
        let timeout = milliseconds.map { Int32(clamping: max($0, 0)) } ?? -1
        let count = epoll_wait(
            descriptor.rawValue,
            room.baseAddress,
            Int32(clamping: room.count),
            timeout
        )
        return Int(max(count, 0))
    }

    /// Event number `index` of the last ``wait(milliseconds:)``.
    public func event(at index: Int) -> (mark: UInt64, readiness: EpollReadiness) {
        let event = room[index]
        return (event.data.u64, EpollReadiness(rawValue: event.events))
    }
}
