import CLinux
public import EngineBase
import Glibc
import Synchronization

/// Wakes a thread that waits in an ``EpollSet`` or a ``SubmissionRing``.
///
/// However often it is asked, it writes to its eventfd once for each time the waiter took notice.
public final class Wakeup: Sendable {
    /// What the waiter watches.
    public let descriptor: OwnedDescriptor
    private let isAsked = Atomic(false)

    /// A wakeup that nobody has asked for yet.
    ///
    /// - Parameter blocks: whether a read of its descriptor waits, as one in a ring has to.
    /// - Throws: `.tooManyOpenFiles` for one.
    public init(blocks: Bool = false) throws(Errno) {
        let flags = (blocks ? 0 : Int32(EFD_NONBLOCK)) | Int32(EFD_CLOEXEC)
        descriptor = OwnedDescriptor(owning: try checked { eventfd(0, flags) })
    }

    /// Makes the waiter's present or next wait return soon; any thread may call it.
    public func wake() {
        guard !isAsked.exchange(true, ordering: .acquiringAndReleasing) else { return }
        var one: UInt64 = 1
        // It cannot fail: the count is at most one when this writes.
        _ = write(descriptor.rawValue, &one, MemoryLayout<UInt64>.size)
    }

    /// Takes notice, to be called before looking at what one was woken for.
    public func acknowledge() {
        var count: UInt64 = 0
        _ = read(descriptor.rawValue, &count, MemoryLayout<UInt64>.size)
        acknowledgeRead()
    }

    /// Takes notice when the descriptor has been read already.
    public func acknowledgeRead() {
        // After the read: an asker that comes between the two writes nothing, but what it has
        // done before asking is seen by whoever looks after this exchange.
        _ = isAsked.exchange(false, ordering: .acquiringAndReleasing)
    }
}
