import DeviceSessions
import EngineBase
import LinuxSystem

/// Steps that go to the blocking pools.
extension KernelDriver {
    /// Gives `work` to `pool`; its outcome completes the step.
    ///
    /// With no room in the pool the step completes with `refusal`.
    func startJob(
        _ token: StepToken,
        _ record: DescriptorRecord?,
        in pool: BlockingPool,
        cancelRule: CancelRule,
        ifRefused refusal: StepResult = .failed(.again),
        _ work: @escaping @Sendable () -> JobOutcome
    ) {
        lastJob += 1
        let id = lastJob
        let ticket = JobTicket()
        let isAccepted = pool.submit { [mailbox] in
            guard ticket.begin() else { return }
            mailbox.post(work(), of: id)
        }
        guard isAccepted else { return complete(token, refusal) }
        jobs[id] = Job(
            token: token,
            slot: record?.slot,
            ticket: ticket,
            cancelRule: cancelRule
        )
        record?.jobsOut += 1
        places[token] = .job(id)
    }

    /// Completes the steps whose jobs have finished; outcomes that nobody waits for are dropped.
    func takeFinishedJobs() {
        for (id, outcome) in mailbox.takeAll() {
            guard let job = jobs[id] else { continue }
            forgetJob(id)
            complete(job.token, result(of: outcome))
        }
    }

    /// Lets a job go whose step is cancelled; false if it has to end by itself.
    func callBack(_ id: UInt64) -> Bool {
        guard let job = jobs[id] else { return false }
        switch job.cancelRule {
        case .anyTime: _ = job.ticket.cancel()
        case .whileQueued: guard job.ticket.cancel() else { return false }
        case .never: return false
        }
        forgetJob(id)
        return true
    }

    /// Lets the descriptor of a job be closed again.
    func forgetJob(_ id: UInt64) {
        guard let job = jobs.removeValue(forKey: id), let slot = job.slot else { return }
        table[slot]?.jobsOut -= 1
    }

    private func result(of outcome: JobOutcome) -> StepResult {
        switch outcome {
        case .result(let result): return result
        case .opened(let opened):
            do throws(Errno) {
                return .opened(try adopt(opened))
            } catch {
                return .failed(error)
            }
        }
    }

    // A read or write that runs cannot be called back, so its step ends with what it did.

    func readAt(
        _ record: DescriptorRecord,
        _ offset: UInt64,
        _ limit: Int,
        _ token: StepToken
    ) -> StepOutcome {
        let descriptor = record.opened.descriptor
        return fileStep(record, token) { () throws(Errno) in
            .received(try descriptor.owned.read(at: offset, limit: limit))
        }
    }

    func writeAt(
        _ record: DescriptorRecord,
        _ offset: UInt64?,
        _ bytes: [UInt8],
        _ token: StepToken
    ) -> StepOutcome {
        let descriptor = record.opened.descriptor
        return fileStep(record, token) { () throws(Errno) in
            .sent(try descriptor.owned.write(bytes, at: offset))
        }
    }

    func control(
        _ record: DescriptorRecord,
        _ request: ControlRequest,
        _ token: StepToken
    ) -> StepOutcome {
        let descriptor = record.opened.descriptor
        do throws(Errno) {
            switch request {
            case .syncFile:
                return fileStep(record, token) { () throws(Errno) in
                    try descriptor.owned.syncData()
                    return .done
                }
            case .terminal(let request):
                return fileStep(record, token) { () throws(Errno) in
                    try TerminalControls.perform(request, on: descriptor.owned)
                }
            case .unsentBytes:
                return .done(.control(.number(try descriptor.owned.unsentBytes())))
            case .unreadBytes:
                let count = try descriptor.owned.unreadBytes()
                return answerLook(.control(.number(count)), record, token)
            case .readable:
                let count = descriptor.owned.isReadable() ? 1 : 0
                return answerLook(.control(.number(count)), record, token)
            case .membership(let isJoin, let group, let interface):
                let address = try kernelAddress(SocketAddress(group, port: 0))
                try descriptor.owned.setMembership(
                    of: address, isMember: isJoin, onInterface: interface)
                return .done(.done)
            case .socketOption(let name):
                return .done(.control(.number(try descriptor.owned.value(of: name))))
            case .localAddress:
                return .done(.control(.address(try localAddress(record))))
            case .fileSize:
                return fileStep(record, token) { () throws(Errno) in
                    .control(.number(try descriptor.owned.identity().size))
                }
            case .fileIdentity:
                guard let key = record.opened.file else { throw .notSupported }
                return .done(.control(.file(key)))
            case .lockFile(let steps):
                return fileStep(record, token) { () throws(Errno) in
                    .control(.locked(try FileLocking.take(steps, of: descriptor.owned)))
                }
            case .unlockFile(let steps):
                return fileStep(record, token) { () throws(Errno) in
                    try FileLocking.release(steps, of: descriptor.owned)
                    return .control(.locked(false))
                }
            case .ioctl(let number, var argument):
                try descriptor.owned.control(number, argument: &argument)
                return .done(.control(.bytes(argument)))
            }
        } catch {
            return .done(.failed(error))
        }
    }

    private func localAddress(_ record: DescriptorRecord) throws(Errno) -> SocketAddress {
        if let file = record.opened.socketFile { return .unix(path: file.path) }
        guard let meaning = try record.opened.descriptor.owned.localAddress().meaning else {
            throw .notSupported
        }
        return SocketAddress(meaning)
    }

    private func fileStep(
        _ record: DescriptorRecord,
        _ token: StepToken,
        _ work: @escaping @Sendable () throws(Errno) -> StepResult
    ) -> StepOutcome {
        startJob(token, record, in: files, cancelRule: .whileQueued) {
            do throws(Errno) {
                return .result(try work())
            } catch {
                return .result(.failed(error))
            }
        }
        return .pending
    }
}
