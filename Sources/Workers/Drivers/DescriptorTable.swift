import DeviceSessions
import EngineBase
import LinuxSystem

/// A step that waits until its descriptor can be read, or has been connected.
struct PendingInput {
    enum Kind {
        case connect
        case accept(SocketOptions)
        case receive(limit: Int)
        case receiveMessage(limit: Int)
        case poll
    }

    var token: StepToken
    var kind: Kind
    /// Whether the kernel has the step itself, and will complete it.
    var isInKernel = false
    /// Whether it was cancelled while the kernel had it.
    var isCancelled = false
}

/// A step that waits, with its bytes, until its descriptor can be written to.
struct PendingOutput {
    enum Kind {
        case send(from: Int)
        case sendMessage(to: SocketAddress?)
    }

    var token: StepToken
    var bytes: [UInt8]
    var kind: Kind
    /// Whether the kernel has the step itself, and will complete it.
    var isInKernel = false
    /// Whether it was cancelled while the kernel had it.
    var isCancelled = false
}

/// One open descriptor: what it is ready for, and the steps that are out on it.
final class DescriptorRecord {
    let slot: DescriptorSlot
    private(set) var opened: OpenedDescriptor

    /// Whether the kernel tells what it becomes ready for; of a connection, from its connect on.
    var isRegistered = false
    /// Cached readiness: set by events, cleared when a call finds the kernel empty or full.
    var isReadable = false
    var isWritable = false
    /// The peer's end, a hang-up or an error was seen; from then on only EAGAIN clears readiness.
    var sawHangup = false
    /// Urgent bytes came in: a receive stops short at them, with more behind.
    var sawUrgent = false

    /// What the ring was asked to tell of it once; `nil` over epoll.
    var asked: EpollReadiness?
    /// What the ring is sending; `nil` over epoll.
    var sending: SendBlock?

    var input: PendingInput?
    var output: PendingOutput?
    /// Steps of this descriptor that are in the blocking pool.
    var jobsOut = 0

    /// The session to tell of a hang-up, until it has been told.
    var hangupWatcher: UInt64?

    init(slot: DescriptorSlot, opened: OpenedDescriptor) {
        self.slot = slot
        self.opened = opened
    }

    /// Whether a step is out on it, so that it may not be closed.
    var isBusy: Bool { input != nil || output != nil || jobsOut > 0 }

    /// Hands the descriptor over to be closed elsewhere, holding no share of it any more.
    func surrender() -> ClosingDescriptor {
        let closing = ClosingDescriptor(opened)
        opened = OpenedDescriptor(
            descriptor: SharedDescriptor(OwnedDescriptor(owning: -1)),
            role: .handle,
            socketFile: nil
        )
        return closing
    }

    /// Forgets what was seen before a connect begins.
    func forgetReadiness() {
        isReadable = false
        isWritable = false
        sawHangup = false
        sawUrgent = false
    }
}

/// The driver's open descriptors by slot; a slot's generation goes up with each use.
struct DescriptorTable {
    private struct Entry {
        var generation: UInt32 = 0
        var record: DescriptorRecord?
    }

    private var entries: [Entry] = []
    private var free: [UInt32] = []

    /// How many descriptors are open.
    var count: Int { entries.count - free.count }

    mutating func insert(_ opened: OpenedDescriptor) -> DescriptorRecord {
        let index: UInt32
        if let unused = free.popLast() {
            index = unused
        } else {
            index = UInt32(entries.count)
            entries.append(Entry())
        }
        let slot = DescriptorSlot(index: index, generation: entries[Int(index)].generation)
        let record = DescriptorRecord(slot: slot, opened: opened)
        entries[Int(index)].record = record
        return record
    }

    subscript(slot: DescriptorSlot) -> DescriptorRecord? {
        guard slot.index < entries.count else { return nil }
        let entry = entries[Int(slot.index)]
        return entry.generation == slot.generation ? entry.record : nil
    }

    mutating func remove(_ slot: DescriptorSlot) {
        guard self[slot] != nil else { return }
        entries[Int(slot.index)].record = nil
        entries[Int(slot.index)].generation &+= 1
        free.append(slot.index)
    }
}

extension DescriptorSlot {
    /// Slot and generation as one number, for an event to carry.
    var mark: UInt64 { UInt64(generation) << 32 | UInt64(index) }

    init(mark: UInt64) {
        self.init(
            index: UInt32(truncatingIfNeeded: mark),
            generation: UInt32(truncatingIfNeeded: mark >> 32)
        )
    }
}
