import DeviceSessions
public import EngineBase
import LinuxSystem

/// The driver over epoll: steps are tried at once, and again when the kernel says so.
///
/// Each descriptor is registered once, edge-triggered, for both directions. What it is ready for is
/// remembered until a call finds otherwise, so there is no epoll_ctl for a step. No byte is moved
/// but by the call that also completes its step: a cancelled step has moved nothing.
///
/// - Note: Its worker's thread makes every call.
public final class EpollDriver: KernelDriver {
    /// The mark of the wakeup's own events; no slot has this index.
    private static let wakeupMark = UInt64.max

    private let set: EpollSet

    /// `epoll`.
    public override var name: String { "epoll" }

    /// Makes a driver.
    ///
    /// - Parameters:
    ///   - resolver: where names are looked up.
    ///   - files: where paths are opened, and files read and written.
    ///   - clock: what the deadlines of ``wait(until:into:)`` are measured with.
    /// - Throws: what making the epoll instance said, `.tooManyOpenFiles` for one.
    public init(
        resolver: BlockingPool,
        files: BlockingPool,
        clock: any EngineClock
    ) throws(Errno) {
        let wakeup = try Wakeup()
        set = try EpollSet()
        try set.add(wakeup.descriptor, mark: EpollDriver.wakeupMark, for: .input)
        super.init(wakeup: wakeup, resolver: resolver, files: files, clock: clock)
    }

    override func register(_ record: DescriptorRecord) throws(Errno) {
        guard !record.isRegistered else { return }
        try set.add(record.opened.descriptor.owned, mark: record.slot.mark)
        record.isRegistered = true
    }

    override func unregister(_ record: DescriptorRecord) {
        guard record.isRegistered else { return }
        try? set.remove(record.opened.descriptor.owned)
    }

    override func takeEvents(waitingMilliseconds milliseconds: Int?) {
        for index in 0..<set.wait(milliseconds: milliseconds) {
            let (mark, readiness) = set.event(at: index)
            if mark == EpollDriver.wakeupMark {
                wasWoken = true
                wakeupSource.acknowledge()
                takeFinishedJobs()
            } else if let record = table[DescriptorSlot(mark: mark)] {
                take(readiness, of: record)
            }
        }
    }
}
