public import DeviceSessions
public import EngineBase
import LinuxSystem

/// What drivers of the real kernel have in common: open descriptors, and the steps out on them.
///
/// A step is tried at once; one that has to wait is tried again when the kernel says that its
/// descriptor is ready. How the kernel is asked for that is a subclass's, by the methods under
/// "What differs"; a subclass may also leave a whole step to the kernel.
///
/// What breaks the contract's rules, such as a second `receive` or a `close` with a step out, is
/// answered with `.failed(.busy)`; a slot that is not open, with `.failed(.badDescriptor)`.
///
/// - Note: Its worker's thread makes every call.
public class KernelDriver: IODriver {
    /// Where a pending step waits.
    enum Place {
        case input(DescriptorSlot)
        case output(DescriptorSlot)
        case job(UInt64)
    }

    /// When a cancel may end a step that is in the blocking pool.
    enum CancelRule {
        /// Even while the job runs: what it gives late is dropped.
        case anyTime
        /// Until the job runs: what runs has effects that must be told.
        case whileQueued
        /// Not at all.
        case never
    }

    /// A step that is in the blocking pool.
    struct Job {
        var token: StepToken
        var slot: DescriptorSlot?
        var ticket: JobTicket
        var cancelRule: CancelRule
    }

    let buffer = ReceiveBuffer(capacity: 65_536)
    let resolver: BlockingPool
    let files: BlockingPool
    let mailbox: JobMailbox
    let wakeupSource: Wakeup
    private let clock: any EngineClock

    var table = DescriptorTable()
    var places: [StepToken: Place] = [:]
    var jobs: [UInt64: Job] = [:]
    var lastJob: UInt64 = 0
    /// Whether the wait that goes on was woken by another thread.
    var wasWoken = false
    /// What the next wait tells.
    var told: [DriverEvent] = []

    /// Makes the common part of a driver; the arguments are those of its subclasses.
    init(
        wakeup: Wakeup,
        resolver: BlockingPool,
        files: BlockingPool,
        clock: any EngineClock
    ) {
        wakeupSource = wakeup
        mailbox = JobMailbox(wakeup: wakeup)
        self.resolver = resolver
        self.files = files
        self.clock = clock
    }

    // MARK: - What differs

    /// The driver's name.
    public var name: String { preconditionFailure("a driver without a name") }

    /// Has the kernel tell from now on what a descriptor becomes ready for; once is enough.
    func register(_ record: DescriptorRecord) throws(Errno) {
        preconditionFailure("a driver that cannot watch descriptors")
    }

    /// Has the kernel forget a descriptor that is about to be closed.
    func unregister(_ record: DescriptorRecord) {
        preconditionFailure("a driver that cannot watch descriptors")
    }

    /// Waits for the kernel, `nil` for ever, and hands what it tells to ``take(_:of:)``, or
    /// completes the steps that the kernel has done itself.
    func takeEvents(waitingMilliseconds milliseconds: Int?) {
        preconditionFailure("a driver that cannot wait")
    }

    /// Called when a step or a watcher of hang-ups begins to wait for `record`, and after its events.
    ///
    /// Nothing to do for a driver that is told of every edge.
    func expectReadiness(of record: DescriptorRecord) {}

    /// Starts an input step.
    func startInput(
        _ kind: PendingInput.Kind,
        _ record: DescriptorRecord,
        _ token: StepToken
    ) -> StepOutcome {
        tryInputOrHold(kind, record, token)
    }

    /// Starts an output step.
    func startOutput(
        _ kind: PendingOutput.Kind,
        _ bytes: [UInt8],
        _ record: DescriptorRecord,
        _ token: StepToken
    ) -> StepOutcome {
        tryOutputOrHold(kind, bytes, record, token)
    }

    /// Gives an input step up for a cancel; false if the kernel has it and is to complete it.
    func giveUpInput(_ record: DescriptorRecord) -> Bool {
        record.input = nil
        return true
    }

    /// Gives an output step up for a cancel; false if the kernel has it and is to complete it.
    func giveUpOutput(_ record: DescriptorRecord) -> Bool {
        record.output = nil
        return true
    }

    /// Answers a look at what `record` has to be received.
    func answerLook(
        _ result: StepResult, _ record: DescriptorRecord, _ token: StepToken
    )
        -> StepOutcome
    {
        .done(result)
    }

    // MARK: - The driver's contract

    /// Ends ``wait(until:into:)``; any thread may use it.
    public var wakeup: any DriverWakeup { wakeupSource }

    /// Tries a step at once, and keeps it until the kernel is ready if that is too early.
    public func submit(_ step: KernelStep, token: StepToken) -> StepOutcome {
        switch step {
        case .resolve(let host, let port):
            resolve(host, port, token)
        case .open(let request):
            open(request, token)
        case .connect(let slot, let address):
            withRecord(slot) { connect($0, to: address, token) }
        case .accept(let slot, let options):
            withRecord(slot) { startInput(.accept(options), $0, token) }
        case .receive(let slot, let limit):
            withRecord(slot) { startInput(.receive(limit: limit), $0, token) }
        case .receiveMessage(let slot, let limit):
            withRecord(slot) { startInput(.receiveMessage(limit: limit), $0, token) }
        case .poll(let slot):
            withRecord(slot) { startInput(.poll, $0, token) }
        case .send(let slot, let bytes, let from):
            withRecord(slot) { startOutput(.send(from: from), bytes, $0, token) }
        case .sendMessage(let slot, let bytes, let peer):
            withRecord(slot) { startOutput(.sendMessage(to: peer), bytes, $0, token) }
        case .readAt(let slot, let offset, let limit):
            withRecord(slot) { readAt($0, offset, limit, token) }
        case .writeAt(let slot, let offset, let bytes):
            withRecord(slot) { writeAt($0, offset, bytes, token) }
        case .control(let slot, let request):
            withRecord(slot) { control($0, request, token) }
        case .shutdownOutput(let slot):
            withRecord(slot) { shutdownOutput($0) }
        case .close(let slot, let reset):
            withRecord(slot) { close($0, reset: reset, token) }
        }
    }

    /// Ends a pending step as cancelled; what the kernel or a thread is at is let finish.
    public func cancel(_ token: StepToken) {
        switch places[token] {
        case .input(let slot):
            guard let record = table[slot], giveUpInput(record) else { return }
        case .output(let slot):
            guard let record = table[slot], giveUpOutput(record) else { return }
        case .job(let id):
            guard callBack(id) else { return }
        case nil:
            return
        }
        complete(token, .failed(.cancelled))
    }

    /// Tells of the end, a reset or a hang-up of `slot` once, when no step is out to tell it.
    public func watchHangup(_ slot: DescriptorSlot, session: UInt64) {
        guard let record = table[slot] else { return }
        record.hangupWatcher = session
        tellHangup(record)
        expectReadiness(of: record)
    }

    /// Waits for events, tries the steps that waited for them, and tells what came of it.
    public func wait(until deadline: MonotonicInstant?, into events: inout [DriverEvent]) {
        wasWoken = false
        var now = clock.now()
        // Again if a signal cut the wait short, or what came in was of no interest to anybody.
        repeat {
            let milliseconds = told.isEmpty ? deadline.map { $0.milliseconds(since: now) } : 0
            takeEvents(waitingMilliseconds: milliseconds)
            guard told.isEmpty, !wasWoken else { break }
            now = clock.now()
        } while deadline.map { now < $0 } ?? true
        events.append(contentsOf: told)
        told.removeAll(keepingCapacity: true)
    }

    /// Ends a step that was pending.
    func complete(_ token: StepToken, _ result: StepResult) {
        places[token] = nil
        told.append(.completed(token, result))
    }

    private func withRecord(
        _ slot: DescriptorSlot,
        _ body: (DescriptorRecord) -> StepOutcome
    ) -> StepOutcome {
        guard let record = table[slot] else { return .done(.failed(.badDescriptor)) }
        return body(record)
    }
}

extension Wakeup: DriverWakeup {}
