import DeviceSessions
import EngineBase
import PortEngine
import Workers

/// Streams with framing, with reconnect, and through a filter: each frame comes whole, once and in
/// order; what is too long is told and the stream stays in step; no write goes out twice.
final class FramedShape: SimulatedShape {
    /// How a session was opened.
    private struct Manner {
        var form: Framing.Form?
        var limit = 40
        var isSealed = false
        /// Standing reads, or transacts: how they share the input is shown with ports.
        var hasStandingReads = false
    }

    /// Bytes of an operation that went out.
    private struct Sent {
        var count: Int
        /// The number of the connection.
        let on: Int
    }

    private var ends: [StreamEnd] = []
    private var nextEnd = 0
    private var ofSession: [SessionID: [StreamEnd]] = [:]
    private var byAddress: [SocketAddress: ShapeSession] = [:]
    private var manners: [Int: Manner] = [:]
    /// How much of each operation went out, and on which connection.
    private var sent: [OperationID: Sent] = [:]
    /// Operations that ended with a record of theirs on its way, and what they said was sent.
    private var disowned: [SessionID: [(operation: ShapeOperation, said: Int)]] = [:]

    private func address(_ number: Int) -> SocketAddress {
        .ipv4(0x7F01_0000 + UInt32(number / 60_000), port: UInt16(1 + number % 60_000))
    }

    // MARK: - Opening

    override func opening(_ number: Int) -> ShapeOpening {
        var manner = Manner()
        var opening = ShapeOpening("tcp://\(address(number).text ?? "")")
        manner.hasStandingReads = dice.happens(50)
        if dice.happens(75) {
            let form = FrameSource.randomForm(dice)
            manner.form = form
            if case .fixed(let size) = form { manner.limit = max(size, manner.limit) }
            opening.framing = Framing(form, maxBytes: manner.limit)
        }
        if dice.happens(40) {
            opening.reconnect = ReconnectPolicy(
                minDelayMilliseconds: dice.number(in: 1...50),
                maxDelayMilliseconds: dice.number(in: 1...500),
                maxAttempts: dice.happens(50) ? dice.number(in: 1...5) : nil)
        }
        if dice.happens(35) {
            manner.isSealed = true
            opening.wrap = { StandInOpening($0) }
        }
        manners[number] = manner
        return opening
    }

    override var openFailures: [String] {
        super.openFailures + [
            "connection_refused", "connection_reset", "broken_pipe", StandInOpening.refused.code,
            StandInFilter.truncated.code,
        ]
    }

    override func willOpen(_ session: ShapeSession) { byAddress[address(session.number)] = session }

    override func device(for request: OpenRequest) throws(Errno) -> (any ScriptedDevice)? {
        // Whose it will be shows when it is connected; connections are made one at a time.
        guard case .socket(.stream, _, _, _) = request else { return nil }
        return UnconnectedStream(self)
    }

    fileprivate func connected(to target: ScriptedTarget) throws(Errno) -> StreamEnd {
        guard case .address(let address) = target, let session = byAddress[address],
            let manner = manners[session.number]
        else { throw .connectionRefused }
        if !run.isQuiet && dice.happens(10) { throw .connectionRefused }
        nextEnd += 1
        let end = StreamEnd(self, nextEnd, form: manner.form, isSealed: manner.isSealed)
        end.session = session
        ends.append(end)
        ofSession[session.id, default: []].append(end)
        return end
    }

    func forget(_ end: StreamEnd) { ends.removeAll { $0 === end } }

    override func act() {
        guard let end = dice.pick(ends), let session = end.session else { return }
        end.deviceTakes()
        guard !run.isQuiet else { return }
        switch dice.below(400) {
        case ..<4: end.deviceFinishes()
        case ..<8: end.deviceBreaks()
        case ..<250: end.deviceSends(upTo: manners[session.number]?.limit ?? 40)
        default: break
        }
    }

    // MARK: - Clients

    override func operation(for session: ShapeSession, number: UInt64) -> OperationKind? {
        let hasStandingReads = manners[session.number]?.hasStandingReads ?? false
        switch dice.below(10) {
        case ..<4: return .write(writtenBytes(of: number, count: dice.number(in: 2...120)))
        case 4 where hasStandingReads && session.standing == nil:
            return .read(
                goal(of: session), repeats: true, credit: dice.happens(50) ? dice.below(6) : nil)
        case 5 where !hasStandingReads, 6 where !hasStandingReads:
            return .transact(
                writtenBytes(of: number, count: dice.number(in: 2...120)), goal(of: session),
                discardsInput: dice.happens(30),
                answerTimeoutMilliseconds: dice.happens(40) ? dice.number(in: 1...100) : nil)
        default: return .read(goal(of: session), repeats: false, credit: nil)
        }
    }

    private func goal(of session: ShapeSession) -> ReadGoal {
        let manner = manners[session.number] ?? Manner()
        if let form = manner.form { return .frame(form, limit: manner.limit) }
        return dice.happens(50)
            ? .exactly(dice.number(in: 1...30)) : .available(limit: dice.number(in: 1...60))
    }

    // MARK: - What goes out

    /// A stream's send took `wire`, which begins at `start` of an operation's bytes.
    func wasSent(_ wire: [UInt8], of bytes: [UInt8], from start: Int, on end: StreamEnd) {
        guard let session = end.session,
            let operation = session.pending.first(where: { $0.kind.payload == bytes })
        else { return run.fail("bytes that no operation wants sent") }
        take(wire.count, of: operation, from: start, session, end)
    }

    /// Records of a sealed stream have gone out whole.
    func wasSent(_ plain: [UInt8], on end: StreamEnd) {
        guard let session = end.session else { return run.fail("bytes of no session") }
        var rest = plain[...]
        while !rest.isEmpty {
            guard let operation = writer(of: rest, session, end),
                let payload = operation.kind.payload
            else { return run.fail("\(session.id.text): sealed bytes that nobody wants sent") }
            let done = sent[id(operation, session)]?.count ?? 0
            let count = min(rest.count, payload.count - done)
            take(count, of: operation, from: done, session, end)
            rest = rest.dropFirst(count)
        }
    }

    private func writer(
        of bytes: ArraySlice<UInt8>, _ session: ShapeSession, _ end: StreamEnd
    ) -> ShapeOperation? {
        let unfinished = (disowned[session.id] ?? []).filter {
            sent[id($0.operation, session)]?.count ?? 0 < $0.said
        }
        let all = unfinished.map(\.operation) + session.pending
        return all.first { operation in
            guard let payload = operation.kind.payload else { return false }
            let before = sent[id(operation, session)] ?? Sent(count: 0, on: end.number)
            guard before.on == end.number else { return false }
            let rest = payload.dropFirst(before.count)
            let common = min(rest.count, bytes.count)
            return common > 0 && rest.prefix(common).elementsEqual(bytes.prefix(common))
        }
    }

    private func id(_ operation: ShapeOperation, _ session: ShapeSession) -> OperationID {
        OperationID(session: session.id, number: operation.number)
    }

    private func take(
        _ count: Int, of operation: ShapeOperation, from start: Int, _ session: ShapeSession,
        _ end: StreamEnd
    ) {
        let id = id(operation, session)
        let before = sent[id] ?? Sent(count: 0, on: end.number)
        run.expect(
            before.count == start && before.on == end.number,
            "\(run.words(operation, session)): sent from \(start) after \(before.count) bytes, "
                + "on \(before.on == end.number ? "its" : "another") connection")
        sent[id] = Sent(count: start + count, on: end.number)
        let said = disowned[session.id]?.first { $0.operation === operation }?.said
        run.expect(
            said.map { start + count <= $0 } ?? true,
            "\(run.words(operation, session)): more was sent than its entry says")
    }

    private func checkSent(
        _ entry: CompletionEntry, _ operation: ShapeOperation, _ session: ShapeSession,
        _ name: String
    ) {
        let count = sent[id(operation, session)]?.count ?? 0
        let isWrite = operation.isWrite
        let said = isWrite ? entry.bytes : entry.details?.sent ?? 0
        // The rest of a record whose write has ended goes out by itself, or is lost with all.
        let isSealed = manners[session.number]?.isSealed ?? false
        run.expect(
            isSealed ? count <= said : count == said,
            "\(name): says that \(said) bytes were sent, the kernel took \(count)")
        if count < said {
            disowned[session.id, default: []].append((operation, said))
        }
        if isWrite && entry.status == .ok {
            run.expect(said == operation.kind.payloadBytes, "\(name): ok with \(said) bytes")
        }
    }

    // MARK: - What comes in

    /// The connection that entries of a session are of.
    private func end(of session: ShapeSession) -> StreamEnd? {
        // Others belong to attempts that were given up.
        let used = (ofSession[session.id] ?? []).filter(\.isUsed)
        return session.losses < used.count ? used[session.losses] : nil
    }

    override func mayEnd(
        _ operation: ShapeOperation, with entry: CompletionEntry, in session: ShapeSession
    ) -> Bool {
        let end = end(of: session) ?? ofSession[session.id]?.last
        switch entry.status {
        case .endOfStream: return operation.kind.hasInput && end?.isEndTold == true
        case .failed:
            var codes = [EntryError(.tooManyOpenFiles).code, EntryError.writeTorn.code]
            if operation.kind.hasInput { codes.append(EntryError.frameTooLong.code) }
            if end?.hasFinished == true { codes += ["broken_pipe", "connection_reset"] }
            if end?.isSealed == true && end?.hasFinished == true && end?.isEndTold == false {
                codes.append(StandInFilter.truncated.code)
            }
            if session.handle.configuration.reconnect != nil {
                codes += openFailures + ["timed_out"]
            }
            return codes.contains(entry.details?.error?.code ?? "-")
        default: return false
        }
    }

    override func check(
        _ entry: CompletionEntry, of operation: ShapeOperation, in session: ShapeSession,
        isLast: Bool
    ) {
        let name = run.words(operation, session)
        if operation.kind.payloadBytes > 0 { checkSent(entry, operation, session, name) }
        guard operation.kind.hasInput else { return }
        let discarded = entry.details?.discarded ?? 0
        guard let end = end(of: session) else {
            return run.expect(
                entry.data.isEmpty && discarded == 0, "\(name): data without a connection")
        }
        guard let start = place(entry.data, of: end, discarded, isTransact: !operation.isRead)
        else {
            return run.fail(
                "\(name): \(entry.data.count) bytes, \(discarded) discarded, are not those from "
                    + "\(end.position) on, of \(end.told) that are known\(whereabouts(entry.data, end))"
            )
        }
        let limit = manners[session.number]?.limit ?? 0
        let isTooLong = entry.details?.error?.code == EntryError.frameTooLong.code
        if manners[session.number]?.form != nil, entry.status == .ok || isTooLong {
            checkFrame(entry, from: start, of: end, limit, name)
        }
    }

    /// Finds where the data begin, and moves on behind them and what was discarded.
    private func place(
        _ data: [UInt8], of end: StreamEnd, _ discarded: Int, isTransact: Bool
    ) -> Int? {
        var starts = [end.position]
        // What is still to come of a frame that was given up in its header is skipped.
        if case .lengthPrefix = end.source.form, !end.source.isStart(end.position),
            let next = end.source.end(behind: end.position)
        {
            starts.append(next)
        }
        // What a transact discards lies before its answer, and behind it.
        let before = isTransact ? Array(0...discarded) : [0]
        var places: [(from: Int, next: Int)] = []
        for start in starts {
            for from in before.map({ start + $0 })
            where from + data.count <= end.source.bytes.count
                && end.source.bytes[from..<from + data.count].elementsEqual(data)
            {
                places.append((from, start + discarded + data.count))
            }
        }
        // A few bytes may be found in several places: an answer begins with a frame.
        guard let place = places.first(where: { end.source.isStart($0.from) }) ?? places.first
        else { return nil }
        end.position = place.next
        return place.from
    }

    /// Where in the device's bytes the data are after all.
    private func whereabouts(_ data: [UInt8], _ end: StreamEnd) -> String {
        let bytes = end.source.bytes
        for start in 0...max(0, bytes.count - data.count)
        where bytes.dropFirst(start).prefix(data.count).elementsEqual(data) {
            return ", but from \(start)"
        }
        return ", but nowhere"
    }

    private func checkFrame(
        _ entry: CompletionEntry, from start: Int, of end: StreamEnd, _ limit: Int, _ name: String
    ) {
        let count = entry.data.count
        run.expect(count <= limit, "\(name): a frame of \(count) bytes")
        if case .gap = end.source.form {
            return run.count("frame by gap")
        }
        let frameEnd = end.source.end(behind: start) ?? .max
        if entry.status == .ok {
            run.count("frame")
            run.expect(
                start + count == frameEnd, "\(name): \(count) bytes of a frame that ends elsewhere")
        } else {
            run.expect(
                count == limit && frameEnd - start > limit,
                "\(name): \(count) bytes of a frame that is not too long")
        }
    }

    override func stateChanged(_ entry: CompletionEntry, of session: ShapeSession) {
        let name = session.id.text
        switch entry.details?.extras?.sessionState {
        case .down?:
            run.count("down")
            run.expect(session.losses == session.returns, "\(name): down twice")
            guard let end = end(of: session) else { return run.fail("\(name): down, never up") }
            checkRest(entry, of: end, name)
            session.losses += 1
        case .up?:
            run.count("up")
            run.expect(session.losses == session.returns + 1, "\(name): up, and never down")
            session.returns += 1
        case nil: run.fail("\(name): a state that is none")
        }
    }

    /// The entry of an end tells of all that was known and had not been told.
    private func checkRest(_ entry: CompletionEntry, of end: StreamEnd, _ name: String) {
        let left = max(0, end.told - end.position)
        let said = entry.data.count + (entry.details?.discarded ?? 0)
        guard end.position <= end.told, !entry.data.isEmpty else {
            return run.expect(
                said == left || isTorn(end), "\(name): \(entry.kind) with \(said) bytes of \(left)")
        }
        run.expect(
            said == left || isTorn(end), "\(name): \(entry.kind) with \(said) bytes of \(left)")
    }

    /// Whether what is still to come of a frame is being skipped, which no entry tells.
    private func isTorn(_ end: StreamEnd) -> Bool {
        if case .lengthPrefix = end.source.form { return !end.source.isStart(end.position) }
        return false
    }

    override func words(about session: ShapeSession) -> String {
        let all = ofSession[session.id] ?? []
        return ", after \(session.losses) losses, on "
            + all.map { end in
                "\(end.isUsed ? "" : "unused ")\(end.hasBroken ? "broken " : "")"
                    + "\(end.hasFinished ? "finished " : "")\(end.isEndTold ? "told " : "")"
                    + "\(end.isSealed ? "sealed" : "plain")"
            }.description
    }

    override func closed(_ session: ShapeSession, _ entry: CompletionEntry) {
        let end = end(of: session)
        ofSession[session.id] = nil
        disowned[session.id] = nil
        guard let end, !session.hasOpenFailed, entry.status != .failed else { return }
        run.expect(end.isClosed, "\(session.id.text): ended with an open descriptor")
        checkRest(entry, of: end, session.id.text)
    }
}

/// A socket of which it is not known yet whose it is.
private final class UnconnectedStream: ScriptedDevice {
    private let shape: FramedShape
    private var end: StreamEnd?

    init(_ shape: FramedShape) { self.shape = shape }

    var hasHungUp: Bool { end?.hasHungUp ?? false }

    func connect(to target: ScriptedTarget) throws(Errno) -> Bool {
        end = try shape.connected(to: target)
        return true
    }

    func perform(_ step: KernelStep) throws(Errno) -> StepResult? {
        guard let end else { throw .notConnected }
        return try end.perform(step)
    }

    func isReady(for step: KernelStep) -> Bool { end?.isReady(for: step) ?? true }
    func told(_ step: KernelStep, _ result: StepResult) { end?.told(step, result) }
    func close(reset: Bool) { end?.close(reset: reset) }
}
