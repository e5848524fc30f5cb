import DeviceSessions

/// A descriptor of a scripted driver.
final class ScriptedRecord {
    /// What it stands for.
    enum Thing {
        /// A socket; without a connection it has not been connected yet.
        case socket(ScriptedConnection?)
        case listener(ScriptedListener)
        case handle(PathTarget)
        case device(any ScriptedDevice)
    }

    let slot: DescriptorSlot
    var thing: Thing
    /// The receive, accept, poll or connect that is out.
    var input: StepToken?
    /// The send that is out.
    var output: StepToken?
    /// Other steps that are out.
    var others = 0
    var isClosing = false
    /// The session to tell of a hang-up.
    var hangupWatcher: UInt64?

    init(slot: DescriptorSlot, thing: Thing) {
        self.slot = slot
        self.thing = thing
    }

    var isBusy: Bool { input != nil || output != nil || others > 0 }

    var connection: ScriptedConnection? {
        if case .socket(let connection) = thing { return connection }
        return nil
    }

    var device: (any ScriptedDevice)? {
        if case .device(let device) = thing { return device }
        return nil
    }

    /// Whether the far end has gone.
    var hasHungUp: Bool {
        if let device { return device.hasHungUp }
        return connection.map { $0.hasDeviceFinished || $0.hasDeviceGone } ?? false
    }
}

/// The descriptors of a scripted driver.
///
/// The slot freed last is used first, so that a late step on an earlier use of it would show.
struct ScriptedTable {
    private var records: [ScriptedRecord?] = []
    private var generations: [UInt32] = []
    private var free: [Int] = []

    /// How many descriptors are open.
    var count: Int { records.count - free.count }

    /// All open ones, in the order of their slots.
    var all: [ScriptedRecord] { records.compactMap(\.self) }

    subscript(slot: DescriptorSlot) -> ScriptedRecord? {
        let index = Int(slot.index)
        guard index < records.count, let record = records[index], record.slot == slot else {
            return nil
        }
        return record
    }

    mutating func insert(_ thing: ScriptedRecord.Thing) -> DescriptorSlot {
        let index = free.popLast() ?? records.count
        if index == records.count {
            records.append(nil)
            generations.append(0)
        }
        let slot = DescriptorSlot(index: UInt32(index), generation: generations[index])
        records[index] = ScriptedRecord(slot: slot, thing: thing)
        return slot
    }

    mutating func remove(_ slot: DescriptorSlot) {
        guard self[slot] != nil else { return }
        records[Int(slot.index)] = nil
        generations[Int(slot.index)] &+= 1
        free.append(Int(slot.index))
    }
}
