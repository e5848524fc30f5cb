import DeviceSessions
public import EngineBase
import LinuxSystem

/// The driver over io_uring: what streams receive and send is the kernel's to do.
///
/// One system call a turn hands over all new work and takes all that was done. A `receive` or `send`
/// on a stream socket is left to the kernel, which completes it when it can; all other steps are
/// tried at once, and again when the kernel says that their descriptor is ready. A connection is
/// watched only for what somebody waits for; everything else is watched always, by its edges.
///
/// A cancelled step may have moved bytes all the same; its completion tells. The kernel works on
/// steps in ``wait(until:into:)`` only, and where a close or a full queue of submissions calls it in
/// between; what it took from a socket then is seen by ``answerLook(_:_:_:)``.
///
/// - Note: The first thread that submits or waits owns it, and should be the one to let it go.
public final class UringDriver: KernelDriver {
    private let ring: SubmissionRing
    private var awaitsWake = false

    /// `uring`.
    public override var name: String { "uring" }

    /// Makes a driver; see ``EpollDriver`` for the parameters.
    ///
    /// - Throws: what the kernel said: EPERM where io_uring is forbidden, ENOSYS or EINVAL where it
    ///   is too old (before Linux 6.1).
    public init(
        resolver: BlockingPool,
        files: BlockingPool,
        clock: any EngineClock
    ) throws(Errno) {
        ring = try SubmissionRing()
        super.init(
            wakeup: try Wakeup(blocks: true), resolver: resolver, files: files, clock: clock)
    }

    deinit {
        ring.end { completion in
            guard let mark = RingMark(rawValue: completion.mark), mark.purpose == .send else {
                return
            }
            table[mark.slot]?.sending?.isBack()
        }
    }

    // MARK: - What a descriptor is ready for

    override func register(_ record: DescriptorRecord) {
        guard !record.isRegistered else { return }
        record.isRegistered = true
        if !record.isStream { pollAlways(record) }
    }

    private func pollAlways(_ record: DescriptorRecord) {
        ring.pollAlways(
            record.opened.descriptor.owned, for: .bothDirections,
            mark: RingMark(.poll, record.slot).rawValue)
    }

    /// The kernel holds what it polls, so a socket whose poll goes on would not be closed.
    override func unregister(_ record: DescriptorRecord) {
        guard record.isRegistered, !record.isStream || record.asked != nil else { return }
        ring.withdraw(RingMark(.poll, record.slot).rawValue)
        ring.submit()
    }

    override func expectReadiness(of record: DescriptorRecord) {
        // A socket that never began to connect would report a hang-up.
        guard record.isStream, record.isRegistered else { return }
        let wanted = record.wantedReadiness
        guard !wanted.isEmpty else { return }
        let mark = RingMark(.poll, record.slot).rawValue
        guard let asked = record.asked else {
            record.asked = wanted
            ring.pollOnce(record.opened.descriptor.owned, for: wanted, mark: mark)
            return
        }
        // Its completion will ask anew.
        if !asked.isSuperset(of: wanted) { ring.withdraw(mark) }
    }

    private func polled(_ record: DescriptorRecord, _ completion: RingCompletion) {
        if completion.error == nil {
            record.asked = nil
            take(EpollReadiness(rawValue: UInt32(completion.result)), of: record)
        } else if record.isStream {
            record.asked = nil
            expectReadiness(of: record)
        }
        // An overflow of completions ends a standing one. Asked anew it tells how things stand once,
        // and then again by edges, after a hang-up too.
        if !record.isStream, !completion.hasMore { pollAlways(record) }
    }

    // MARK: - Waiting

    override func takeEvents(waitingMilliseconds milliseconds: Int?) {
        if !awaitsWake {
            awaitsWake = true
            ring.awaitWake(of: wakeupSource, mark: RingMark.wakeup.rawValue)
        }
        ring.wait(milliseconds: milliseconds)
        while let completion = ring.next() {
            guard let mark = RingMark(rawValue: completion.mark) else { continue }
            switch mark.purpose {
            case .wakeup:
                awaitsWake = false
                guard completion.error == nil else { continue }
                wasWoken = true
                wakeupSource.acknowledgeRead()
                takeFinishedJobs()
            case .poll:
                if let record = table[mark.slot] { polled(record, completion) }
            case .receive:
                // The bytes are taken in any case, so that their room is given back.
                let bytes = ring.receivedBytes(completion)
                if let record = table[mark.slot] { received(bytes, record, completion) }
            case .send:
                if let record = table[mark.slot] { sent(record, completion) }
            }
        }
    }

    /// Completions that came in since the last wait go first: a look that found nothing must not be
    /// told before the bytes that were taken from the kernel just then.
    override func answerLook(
        _ result: StepResult, _ record: DescriptorRecord, _ token: StepToken
    ) -> StepOutcome {
        guard ring.hasCompletions, record.input != nil else { return .done(result) }
        told.append(.completed(token, result))
        return .pending
    }

    // MARK: - Steps that the kernel has

    override func startInput(
        _ kind: PendingInput.Kind, _ record: DescriptorRecord, _ token: StepToken
    ) -> StepOutcome {
        guard record.isStream else { return tryInputOrHold(kind, record, token) }
        guard record.input == nil else { return .done(.failed(.busy)) }
        guard case .receive(let limit) = kind else {
            record.isReadable = true
            return tryInputOrHold(kind, record, token)
        }
        record.input = PendingInput(token: token, kind: kind, isInKernel: true)
        places[token] = .input(record.slot)
        askForBytes(record, limit)
        return .pending
    }

    override func startOutput(
        _ kind: PendingOutput.Kind, _ bytes: [UInt8], _ record: DescriptorRecord,
        _ token: StepToken
    ) -> StepOutcome {
        guard record.isStream, case .send(let start) = kind else {
            return tryOutputOrHold(kind, bytes, record, token)
        }
        guard record.output == nil else { return .done(.failed(.busy)) }
        guard start >= 0, start <= bytes.count else { return .done(.failed(.invalidArgument)) }
        guard start < bytes.count else { return .done(.sent(0)) }
        record.output = PendingOutput(token: token, bytes: [], kind: kind, isInKernel: true)
        places[token] = .output(record.slot)
        record.sending = SendBlock(bytes, from: start, limit: UringDriver.largestSend)
        askToSend(record)
        return .pending
    }

    /// A long output is copied piece by piece, so that a slow device holds no second copy of it.
    private static let largestSend = 262_144

    override func giveUpInput(_ record: DescriptorRecord) -> Bool {
        guard record.input?.isInKernel == true else { return super.giveUpInput(record) }
        record.input?.isCancelled = true
        ring.withdraw(RingMark(.receive, record.slot).rawValue)
        return false
    }

    override func giveUpOutput(_ record: DescriptorRecord) -> Bool {
        guard record.output?.isInKernel == true else { return super.giveUpOutput(record) }
        record.output?.isCancelled = true
        ring.withdraw(RingMark(.send, record.slot).rawValue)
        return false
    }

    private func askForBytes(_ record: DescriptorRecord, _ limit: Int, afterPoll: Bool = false) {
        ring.receive(
            from: record.opened.descriptor.owned, limit: limit,
            mark: RingMark(.receive, record.slot).rawValue, afterPoll: afterPoll)
    }

    private func askToSend(_ record: DescriptorRecord, afterPoll: Bool = false) {
        guard let block = record.sending else { return }
        ring.send(
            block, to: record.opened.descriptor.owned,
            mark: RingMark(.send, record.slot).rawValue, afterPoll: afterPoll)
    }

    private func received(
        _ bytes: [UInt8], _ record: DescriptorRecord, _ completion: RingCompletion
    ) {
        guard let pending = record.input, case .receive(let limit) = pending.kind else { return }
        var result = StepResult.received(bytes)
        if let error = completion.error {
            // No room for received bytes just now is not the caller's matter either.
            let isUndone = error.givesBack || error == .noBufferSpace
            if isUndone, !pending.isCancelled {
                return askForBytes(record, limit, afterPoll: error == .again)
            }
            result = .failed(isUndone ? .cancelled : error)
        }
        record.input = nil
        complete(pending.token, result)
        if result.isEndOfInput { record.hangupWatcher = nil }
        tellHangup(record)
    }

    private func sent(_ record: DescriptorRecord, _ completion: RingCompletion) {
        record.sending?.isBack()
        guard let pending = record.output else { return }
        var result = StepResult.sent(completion.result)
        if let error = completion.error {
            if error.givesBack, !pending.isCancelled {
                return askToSend(record, afterPoll: error == .again)
            }
            result = .failed(error.givesBack ? .cancelled : error)
        }
        record.output = nil
        record.sending = nil
        complete(pending.token, result)
    }
}

extension DescriptorRecord {
    fileprivate var isStream: Bool {
        if case .stream = opened.role { true } else { false }
    }

    /// What somebody waits for that the kernel does not have itself.
    fileprivate var wantedReadiness: EpollReadiness {
        var wanted: EpollReadiness = []
        if hangupWatcher != nil, !sawHangup { wanted.insert(.peerShut) }
        guard let input, !input.isInKernel else { return wanted }
        switch input.kind {
        case .connect: wanted.formUnion([.output, .peerShut])
        default: wanted.formUnion([.input, .peerShut])
        }
        return wanted
    }
}

extension Errno {
    /// Whether the kernel gave a step back undone: it was interrupted, or will not wait.
    fileprivate var givesBack: Bool { self == .again || self == .interrupted }
}
