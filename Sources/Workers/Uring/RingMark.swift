import DeviceSessions
import LinuxSystem

/// What a completion of the ring is about: a descriptor, and what it was asked.
struct RingMark {
    enum Purpose: UInt64 {
        case poll, receive, send, wakeup
    }

    var purpose: Purpose
    var slot: DescriptorSlot

    /// Slot indexes stay far below 2^30, which leaves two bits of theirs for the purpose.
    private static let purposeShift: UInt64 = 30

    init(_ purpose: Purpose, _ slot: DescriptorSlot) {
        self.purpose = purpose
        self.slot = slot
    }

    /// `nil` for what nobody waits for.
    init?(rawValue: UInt64) {
        guard rawValue != SubmissionRing.nobody,
            let purpose = Purpose(rawValue: rawValue >> RingMark.purposeShift & 3)
        else { return nil }
        self.purpose = purpose
        slot = DescriptorSlot(mark: rawValue & ~(3 << RingMark.purposeShift))
    }

    var rawValue: UInt64 { slot.mark | purpose.rawValue << RingMark.purposeShift }

    /// The mark of the wakeup, which has no slot.
    static let wakeup = RingMark(.wakeup, DescriptorSlot(index: 0, generation: 0))
}
