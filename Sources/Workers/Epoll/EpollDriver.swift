public import DeviceSessions
public import EngineBase
import LinuxSystem

/// The driver over epoll: steps are tried at once, and again when the kernel says so.
///
/// Each descriptor is registered once, edge-triggered, for both directions. What it is ready for is
/// remembered until a call finds otherwise, so there is no epoll_ctl for a step. No byte is moved
/// but by the call that also completes its step: a cancelled step has moved nothing.
///
/// What breaks the contract's rules, such as a second `receive` or a `close` with a step out, is
/// answered with `.failed(.busy)`; a slot that is not open, with `.failed(.badDescriptor)`.
///
/// - Note: Its worker's thread makes every call.
public final class EpollDriver: IODriver {
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

    /// `epoll`.
    public let name = "epoll"

    /// The mark of the wakeup's own events; no slot has this index.
    private static let wakeupMark = UInt64.max

    let set: EpollSet
    let buffer = ReceiveBuffer(capacity: 65_536)
    let resolver: BlockingPool
    let files: BlockingPool
    let mailbox: JobMailbox
    private let wakeupSource: Wakeup
    private let clock: any EngineClock

    var table = DescriptorTable()
    var places: [StepToken: Place] = [:]
    var jobs: [UInt64: Job] = [:]
    var lastJob: UInt64 = 0
    /// What the next wait tells.
    var told: [DriverEvent] = []

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
        set = try EpollSet()
        wakeupSource = try Wakeup()
        mailbox = JobMailbox(wakeup: wakeupSource)
        self.resolver = resolver
        self.files = files
        self.clock = clock
        try set.add(wakeupSource.descriptor, mark: EpollDriver.wakeupMark, for: .input)
    }

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

    /// Ends a pending step as cancelled; a file read or write that runs is let finish.
    public func cancel(_ token: StepToken) {
        switch places[token] {
        case .input(let slot):
            table[slot]?.input = nil
        case .output(let slot):
            table[slot]?.output = nil
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
    }

    /// Waits for events, tries the steps that waited for them, and tells what came of it.
    public func wait(until deadline: MonotonicInstant?, into events: inout [DriverEvent]) {
        let milliseconds =
            told.isEmpty ? deadline.map { $0.milliseconds(since: clock.now()) } : 0
        for index in 0..<set.wait(milliseconds: milliseconds) {
            let (mark, readiness) = set.event(at: index)
            if mark == EpollDriver.wakeupMark {
                wakeupSource.acknowledge()
                takeFinishedJobs()
            } else if let record = table[DescriptorSlot(mark: mark)] {
                take(readiness, of: record)
            }
        }
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
