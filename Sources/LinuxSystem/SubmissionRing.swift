import CLinux
public import EngineBase
import Glibc

/// What the kernel says of one submission to a ``SubmissionRing``.
public struct RingCompletion {
    let entry: iocpd_ring_completion

    /// The mark that it was submitted with.
    public var mark: UInt64 { entry.mark }
    /// What the call would have returned; an error number below zero.
    public var result: Int { Int(entry.result) }
    /// The error, if there was one.
    public var error: Errno? { entry.result < 0 ? Errno(-entry.result) : nil }
    /// Whether the submission lives on and will tell more.
    public var hasMore: Bool { entry.has_more != 0 }
}

/// An io_uring: calls are submitted in batches, and completed by the kernel in its own time.
///
/// One thread owns it from its first ``submit()`` or ``wait(milliseconds:)`` on. Nothing moves
/// between the program and the kernel but in these two, so in between the kernel takes no bytes.
/// Marks are the caller's; a submission that is to be withdrawn needs one of its own.
public final class SubmissionRing {
    /// The mark of submissions that nobody waits for.
    public static let nobody = UInt64.max

    /// Received bytes come in blocks of this size.
    private static let blockSize: UInt32 = 65_536
    private static let blockCount: UInt32 = 64

    private let ring: OpaquePointer
    /// Submissions whose last completion has not been taken.
    private var out = 0

    /// A ring that no thread owns yet, with room for `entries` submissions at a time.
    ///
    /// - Throws: EPERM where io_uring is forbidden, as in most containers; ENOSYS or EINVAL where
    ///   the kernel is too old (before Linux 6.1); ENOMEM.
    public init(entries: UInt32 = 1024) throws(Errno) {
        var error: Int32 = 0
        guard
            let ring = iocpd_ring_make(
                entries, SubmissionRing.blockCount, SubmissionRing.blockSize, &error)
        else { throw Errno(error) }
        self.ring = ring
    }

    deinit { iocpd_ring_close(ring, out == 0 ? 1 : 0) }

    // MARK: - Submitting

    /// Takes up to `limit` bytes from a socket once it has some; ``receivedBytes(_:)`` has them.
    ///
    /// With `afterPoll` it is not even tried before the socket says that it can be read.
    public func receive(
        from descriptor: borrowing OwnedDescriptor, limit: Int, mark: UInt64,
        afterPoll: Bool = false
    ) {
        let count = min(UInt32(clamping: max(limit, 1)), SubmissionRing.blockSize)
        let raw = descriptor.rawValue
        add { iocpd_ring_receive(ring, mark, raw, count, afterPoll ? 1 : 0) }
    }

    /// Sends `block`, or the part of it that the socket takes once it takes something.
    public func send(
        _ block: SendBlock, to descriptor: borrowing OwnedDescriptor, mark: UInt64,
        afterPoll: Bool = false
    ) {
        block.isOut = true
        let raw = descriptor.rawValue
        let count = UInt32(clamping: block.bytes.count)
        add {
            iocpd_ring_send(ring, mark, raw, block.bytes.baseAddress, count, afterPoll ? 1 : 0)
        }
    }

    /// Tells once what `descriptor` has become ready for, of `interest`, errors and hang-ups; the
    /// result is an ``EpollReadiness``.
    public func pollOnce(
        _ descriptor: borrowing OwnedDescriptor, for interest: EpollReadiness, mark: UInt64
    ) {
        let raw = descriptor.rawValue
        add { iocpd_ring_poll(ring, mark, raw, interest.rawValue, 0) }
    }

    /// Tells each time `descriptor` becomes ready for something, by its edges, until a completion
    /// has no more.
    public func pollAlways(
        _ descriptor: borrowing OwnedDescriptor, for interest: EpollReadiness, mark: UInt64
    ) {
        let raw = descriptor.rawValue
        add { iocpd_ring_poll(ring, mark, raw, interest.rawValue, 1) }
    }

    /// Completes once `wakeup`, which has to be one that blocks, was asked for; only one may be out.
    public func awaitWake(of wakeup: Wakeup, mark: UInt64) {
        add { iocpd_ring_read_event(ring, mark, wakeup.descriptor.rawValue) }
    }

    /// Has the submission with this mark end soon; its own completion tells how it did.
    public func withdraw(_ mark: UInt64) {
        add { iocpd_ring_cancel(ring, SubmissionRing.nobody, mark) }
    }

    /// Adds a submission; with no room for one, those before are handed over first.
    private func add(_ prepare: () -> Int32) {
        if prepare() != 0 {
            submit()
            let refusal = prepare()
            precondition(refusal == 0, "the kernel took no submission")
        }
        out += 1
    }

    // MARK: - Completions

    /// Hands all submissions to the kernel at once, and takes in what is complete.
    public func submit() {
        let result = iocpd_ring_submit(ring)
        precondition(result != -EEXIST, "a second thread used the ring")
    }

    /// Hands all submissions to the kernel, and waits until there is a completion.
    ///
    /// - Parameter milliseconds: the longest wait; `nil` is for ever, 0 only looks.
    public func wait(milliseconds: Int?) {
        // All other errors mean that the wait was short: a signal, or its time.
        let result = iocpd_ring_wait(ring, milliseconds.map { Int64(max($0, 0)) } ?? -1)
        precondition(result != -EEXIST, "a second thread used the ring")
    }

    /// Whether completions have come in that were not taken.
    public var hasCompletions: Bool { iocpd_ring_has_completions(ring) != 0 }

    /// The next completion that has come in; `nil` if there is none.
    public func next() -> RingCompletion? {
        var entry = iocpd_ring_completion()
        guard iocpd_ring_next(ring, &entry) != 0 else { return nil }
        let completion = RingCompletion(entry: entry)
        if !completion.hasMore { out -= 1 }
        return completion
    }

    /// The bytes of a receive that has completed; to be called once.
    public func receivedBytes(_ completion: RingCompletion) -> [UInt8] {
        let block = completion.entry.block
        guard block >= 0 else { return [] }
        defer { iocpd_ring_give_back(ring, block) }
        let room = UnsafeRawBufferPointer(
            start: iocpd_ring_block(ring, block), count: max(completion.result, 0))
        return Array(room)
    }

    // MARK: - The end

    /// Ends all that is out and waits for it; completions go to `take`.
    ///
    /// Does nothing on another thread than the owner's: then the memory that the kernel may still
    /// use is leaked.
    public func end(_ take: (RingCompletion) -> Void) {
        guard out > 0, iocpd_ring_submit(ring) == 0 else { return }
        add { iocpd_ring_cancel_all(ring, SubmissionRing.nobody) }
        while out > 0 {
            let result = iocpd_ring_wait(ring, -1)
            guard result == 0 || result == -EINTR else { return }
            while let completion = next() { take(completion) }
        }
    }
}
