import CLinux
public import EngineBase
import Glibc

/// Lets threads sleep until there is something for one of them: an eventfd as a semaphore.
public final class CountingSemaphore: Sendable {
    private let descriptor: OwnedDescriptor

    /// A semaphore that stands at zero.
    public init() throws(Errno) {
        let flags = Int32(EFD_SEMAPHORE) | Int32(EFD_CLOEXEC)
        descriptor = OwnedDescriptor(owning: try checked { eventfd(0, flags) })
    }

    /// Lets `count` waits through, present or future ones.
    public func signal(count: Int = 1) {
        guard count > 0 else { return }
        var value = UInt64(count)
        _ = write(descriptor.rawValue, &value, MemoryLayout<UInt64>.size)
    }

    /// Sleeps until it is let through.
    public func wait() {
        var value: UInt64 = 0
        while read(descriptor.rawValue, &value, MemoryLayout<UInt64>.size) < 0,
            Errno.current == .interrupted
        {}
    }
}
