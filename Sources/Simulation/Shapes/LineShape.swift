import DeviceSessions
import EngineBase
import PortEngine
import Transports
import Workers

/// `serial`: bytes in order, timers that end reads with what has come, waits that tell what has
/// happened and within their mask, controls in their turn, a hang-up as the end.
final class LineShape: SimulatedShape {
    private var ends: [LineEnd] = []
    private var bySession: [SessionID: LineEnd] = [:]
    private var waiting: [ShapeSession] = []
    /// Sessions whose input a purge may have thrown away.
    private var purged: Set<SessionID> = []

    // MARK: - The world below

    override func opening(_ number: Int) -> ShapeOpening {
        var opening = ShapeOpening("serial:///sim/tty\(number)?baud=9600")
        if dice.happens(30) { opening.options["interval_ms"] = .integer(dice.below(30)) }
        if dice.happens(30) { opening.options["total_ms"] = .integer(dice.number(in: 1...200)) }
        return opening
    }

    override var openFailures: [String] { super.openFailures + ["device_busy"] }

    override func willOpen(_ session: ShapeSession) { waiting.append(session) }

    override func device(for request: OpenRequest) throws(Errno) -> (any ScriptedDevice)? {
        guard case .terminal(let target, _, _) = request else { return nil }
        if !run.isQuiet && dice.happens(5) { throw .busy }
        let end = LineEnd(self)
        end.session = waiting.first { target.relative == "tty\($0.number)" }
        waiting.removeAll { $0 === end.session }
        if let session = end.session { bySession[session.id] = end }
        ends.append(end)
        return end
    }

    func forget(_ end: LineEnd) { ends.removeAll { $0 === end } }

    override func act() {
        guard let end = dice.pick(ends) else { return }
        end.deviceTakes()
        guard !run.isQuiet else { return }
        switch dice.below(400) {
        case ..<3: end.deviceHangsUp()
        case ..<60: end.deviceSignals()
        case ..<230: end.deviceSends()
        default: break
        }
    }

    // MARK: - Clients

    override func operation(for session: ShapeSession, number: UInt64) -> OperationKind? {
        switch dice.below(20) {
        case ..<6: return .write(writtenBytes(of: number, count: dice.number(in: 2...80)))
        case ..<12: return .read(ReadRequest(goal(), timers: timers()))
        case 12 where session.standing == nil:
            return .read(
                .available(limit: dice.number(in: 1...60)), repeats: true,
                credit: dice.happens(50) ? dice.below(6) : nil)
        case 13, 14, 15: return .waitEvent(dice.happens(70) ? mask(of: session) : nil)
        case 16: return .control(.line(.setMask(mask(of: session))))
        case 17:
            return .control(
                .line(
                    .purge(
                        LinePurge(
                            abortsReads: dice.happens(50), abortsWrites: dice.happens(50),
                            clearsInput: dice.happens(50), clearsOutput: dice.happens(50)))))
        case 18:
            return .control(
                .line(dice.happens(50) ? .drain : .sendBreak(milliseconds: dice.number(in: 1...30)))
            )
        default: return .control(.line(.set(LineChange(baud: 19_200))))
        }
    }

    private func goal() -> ReadGoal {
        dice.happens(50)
            ? .exactly(dice.number(in: 1...40)) : .available(limit: dice.number(in: 1...60))
    }

    private func timers() -> ReadTimers? {
        guard dice.happens(50) else { return nil }
        return ReadTimers(
            intervalMilliseconds: dice.happens(60) ? dice.below(30) : nil,
            totalMilliseconds: dice.happens(60) ? dice.number(in: 1...200) : nil)
    }

    private func mask(of session: ShapeSession) -> LineEvents {
        let all = session.handle.snapshot.reportableEvents ?? .always
        return LineEvents(rawValue: UInt8(truncatingIfNeeded: dice.bits())).intersection(all)
    }

    override func accepted(_ operation: ShapeOperation, by session: ShapeSession) {
        guard case .control(.line(.purge(let purge))) = operation.kind else { return }
        if purge.clearsInput { purged.insert(session.id) }
        for other in session.pending where other !== operation {
            let isAborted =
                other.kind.payloadBytes > 0 ? purge.abortsWrites : other.isRead && purge.abortsReads
            if isAborted { other.isCancelRequested = true }
        }
    }

    // MARK: - Checks

    override func mayEnd(
        _ operation: ShapeOperation, with entry: CompletionEntry, in session: ShapeSession
    ) -> Bool {
        let end = bySession[session.id]
        let code = entry.details?.error?.code ?? "-"
        switch entry.status {
        case .endOfStream:
            if case .waitEvent = operation.kind { return end?.hasHungUp == true }
            return operation.kind.hasInput && end?.hasHungUp == true
        case .failed:
            var codes = [EntryError.writeTorn.code]
            if end?.hasHungUp == true { codes += ["broken_pipe", EntryError(.inputOutput).code] }
            if case .waitEvent = operation.kind {
                // What was accepted before it was known what the line can report.
                codes += ["wait_pending", "invalid_parameter", "not_supported"]
            }
            return codes.contains(code)
        default: return false
        }
    }

    override func check(
        _ entry: CompletionEntry, of operation: ShapeOperation, in session: ShapeSession,
        isLast: Bool
    ) {
        let name = run.words(operation, session)
        guard let end = bySession[session.id] else {
            return run.expect(entry.bytes == 0, "\(name): bytes without a line")
        }
        switch operation.kind {
        case .write(let write):
            run.expect(
                entry.bytes == end.sent[operation.number] ?? 0,
                "\(name): says \(entry.bytes) bytes, the kernel took "
                    + "\(end.sent[operation.number] ?? 0)")
            run.expect(
                entry.status != .ok || entry.bytes == write.bytes.count, "\(name): not all is out")
        case .read(let read):
            checkRead(entry, read, operation, end, session, isLast: isLast, name)
        case .waitEvent: checkWait(entry, operation, end, session, name)
        default: end.tellPurged(entry.details?.discarded ?? 0)
        }
    }

    private func checkRead(
        _ entry: CompletionEntry, _ read: ReadRequest, _ operation: ShapeOperation, _ end: LineEnd,
        _ session: ShapeSession, isLast: Bool, _ name: String
    ) {
        let data = entry.data
        let isPurging = session.pending.contains {
            if case .control(.line(.purge(let purge))) = $0.kind {
                purge.clearsInput
            } else {
                false
            }
        }
        let from = end.position
        run.expect(
            data.isEmpty || end.take(data, whilePurging: isPurging),
            "\(name): \(data.count) bytes that are not those from \(from) on")
        end.position += entry.details?.discarded ?? 0
        guard entry.status == .ok, isLast else { return }
        let isFull =
            switch read.goal {
            case .exactly(let size): data.count == size
            case .available(let limit): (1...limit).contains(data.count)
            default: true
            }
        guard !isFull else { return }
        let common = session.handle.configuration.readTimers
        let interval = read.timers?.intervalMilliseconds ?? common?.intervalMilliseconds
        let total = read.timers?.totalMilliseconds ?? common?.totalMilliseconds
        run.count("read ended by a timer")
        run.expect(interval != nil || total != nil, "\(name): ok too soon, and it has no timer")
        if let total, interval == nil {
            run.expect(
                operation.acceptedAt.advanced(milliseconds: total) <= run.clock.now(),
                "\(name): ended by its timer too early")
        }
        // What a purge throws away had set the timer going.
        if let interval, total == nil, interval > 0, !purged.contains(session.id) {
            run.expect(!data.isEmpty, "\(name): an interval without a first byte")
        }
    }

    private func checkWait(
        _ entry: CompletionEntry, _ operation: ShapeOperation, _ end: LineEnd,
        _ session: ShapeSession, _ name: String
    ) {
        guard entry.status == .ok else { return }
        let events = LineEvents(named: entry.details?.extras?.events ?? [])
        run.count(events.isEmpty ? "wait ended by another mask" : "wait ended by events")
        if case .waitEvent(let mask?) = operation.kind {
            run.expect(events.isSubset(of: mask), "\(name): tells \(events.names) beyond its mask")
        }
        let unseen = end.tell(events.subtracting(.txEmpty))
        run.expect(unseen.isEmpty, "\(name): tells \(unseen), which did not happen")
    }

    override func closed(_ session: ShapeSession, _ entry: CompletionEntry) {
        guard let end = bySession.removeValue(forKey: session.id), !session.hasOpenFailed else {
            return
        }
        run.expect(end.isClosed, "\(session.id.text): ended with an open descriptor")
        run.expect(
            entry.details?.discarded ?? 0 == end.told.count - end.position,
            "\(session.id.text): \(entry.details?.discarded ?? 0) bytes are said to be discarded, "
                + "\(end.told.count - end.position) are missing")
    }

    override func complaint(about session: ShapeSession) -> String? {
        guard let end = bySession[session.id] else { return nil }
        let readers = session.pending.filter(\.isRead)
        if let head = readers.first, session.standing == nil, end.isReadable,
            case .read(let read) = head.kind, case .exactly = read.goal
        {
            return "operation \(head.number) does not read what is there"
        }
        return nil
    }
}
