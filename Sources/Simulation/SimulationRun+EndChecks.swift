import DeviceSessions
import EngineBase
import PortEngine
import Workers

/// Whether all comes to its end once devices and clients are quiet.
extension SimulationRun {
    func checkRefusal(
        _ error: SubmitError, _ requests: [OperationRequest], _ session: SessionRecord
    ) {
        count("refused")
        switch error {
        case .notOpen: break
        case .unsupported, .unsupportedMember, .accessDenied, .locked, .lockLost:
            fail("\(session.id.text): \(error)")
        case .outputShut:
            expect(session.isOutputShut, "\(session.id.text): output is said to be shut")
        case .standingReadActive, .waitPending, .tooManyPending, .tooManyPendingBytes: break
        case .port: break
        }
    }

    func checkDescription(
        of session: SessionRecord, _ operations: [OperationStatus], upTo newest: UInt64
    ) {
        session.lastDescription = operations
        let described = Set(operations.map(\.number))
        session.forgetSilent { $0.number <= newest && !described.contains($0.number) }
    }

    // MARK: - Calm

    /// Lets everything settle without faults, new requests, new bytes or the passing of time, and
    /// looks for what should have moved and has not.
    func checkWhenCalm() {
        note(.calm)
        count("calm")
        isQuiet = true
        setMoods(.init())
        settleDown()
        for session in live where failure == nil { describe(session) }
        settleDown()
        for session in live where failure == nil { checkProgress(of: session) }
        isQuiet = false
        setMoods(storm)
        forgetEnded()
    }

    /// Turns and fetches until nothing moves any more.
    private func settleDown() {
        var rounds = 0
        var before = UInt64(0)
        repeat {
            before = trace.hash
            rounds += 1
            for index in loops.indices { turn(index) }
            collect()
            while !completeReplies.isEmpty { decideReply() }
            emptyPorts()
            collect()
            guard rounds < 2_000 else { return fail("it does not come to rest") }
        } while failure == nil && isMoving(since: before)
    }

    private func isMoving(since before: UInt64) -> Bool {
        drivers.contains { $0.hasWork }
            || loops.contains { $0.nextDeadline.map { $0 <= clock.now() } ?? false }
    }

    /// Takes all that ports hold, so that none is full.
    private func emptyPorts() {
        collect()
        while !handovers.isEmpty { decideHandover() }
        for batch in batches {
            if let answer = try? batch.port.port.settle(
                SettleRequest(lease: batch.lease, ack: .all))
            {
                batch.port.acked += answer.acked
            }
        }
        batches = []
        for record in ports {
            _ = try? record.port.discard(.all)
            var request = FetchRequest()
            request.mode = .consume
            request.maxEntries = 4_096
            request.maxBytes = 1 << 30
            while record.port.status().counts.queued > 0, failure == nil {
                let handed = handovers.count
                ask(record, request)
                collect()
                guard handovers.count > handed else { break }
                while !handovers.isEmpty { decideHandover() }
            }
        }
    }

    private func checkProgress(of session: SessionRecord) {
        let view = session.handle.snapshot
        let states = session.lastDescription.map { "\($0.number) \($0.name) \($0.state)" }
        let name =
            "\(session.id.text), input \(view.input ?? "-"), output \(view.output ?? "-"), "
            + "\(states)"
        let now = clock.now()
        guard !session.isClosedSeen, !session.port.isClosed, session.isOpenSeen else { return }
        for operation in session.pending where !operation.isSilent && !operation.isHidden {
            if let deadline = operation.deadline, deadline <= now {
                fail("\(name): operation \(operation.number) outlives its deadline")
            }
            if operation.isCancelRequested {
                fail("\(name): operation \(operation.number) outlives its cancel")
            }
        }
        // What waits out a delay, or is promised, may fill the port.
        let port = session.port.port
        let hasRoom = port.status().counts.occupied < port.settings.capacity
        guard session.closesRequested.isEmpty, session.handle.snapshot.phase == .open,
            port.acceptsPayload, hasRoom, let connection = session.connection?.connection
        else { return }
        let readers = session.pending.filter { $0.kind.hasInput && !$0.kind.isStandingRead }
        let writers = session.pending.filter { $0.kind.payload != nil }
        let hasCredit = session.standing.map { $0.credit != 0 } ?? true
        if let head = readers.first, !head.isHidden, connection.isReadable {
            let isAnswering = head.isTransact && head.toldSent == head.total && head.total > 0
            if head.isRead && session.standing == nil || isAnswering {
                fail("\(name): operation \(head.number) does not read what is there")
            }
        } else if readers.isEmpty, session.standing != nil, hasCredit, connection.isReadable {
            fail("\(name): the standing read does not read what is there")
        }
        if let head = writers.first, !head.isHidden, connection.isWritable {
            let isFree = !head.isTransact || readers.first === head && hasCredit
            if isFree && head.toldSent < head.total {
                fail("\(name): operation \(head.number) does not send")
            }
        }
    }

    // MARK: - The end

    /// Ends everything and checks that nothing is left.
    func end() {
        note(.drain)
        isDraining = true
        directory.startDraining()
        for handle in sessions.startDraining().sorted(by: { $0.id < $1.id }) {
            handle.close(.draining, force: false)
            if let session = byID[handle.id] { requestClose(session, .draining, false) }
        }
        // The storm goes on for a while.
        for _ in 0..<dice.below(500) where failure == nil { doOneStep() }
        isQuiet = true
        setMoods(.init())
        var rounds = 0
        while failure == nil, sessions.count > 0 || loops.contains(where: { $0.sessionCount > 0 }) {
            rounds += 1
            guard rounds < 3_000 else {
                let left = sessions.all().map {
                    "\($0.id.text) \($0.snapshot.phase) \(byID[$0.id]?.closesRequested ?? [])"
                }
                return fail("\(sessions.count) sessions do not end: \(left)")
            }
            settleDown()
            if dice.happens(50) { for record in connections { act(record) } }
            var deadlines = loops.compactMap(\.nextDeadline)
            if let deadline = directory.nextDeadline { deadlines.append(deadline) }
            if let next = deadlines.min() { clock.move(to: next) }
            directory.advance()
        }
        endPorts()
    }

    private func endPorts() {
        guard failure == nil else { return }
        settleDown()
        // Delays and leases of nobody run out.
        clock.move(milliseconds: 100_000_000)
        directory.advance()
        settleDown()
        for record in ports where failure == nil {
            _ = try? record.port.discard(.all)
            let counts = record.port.status().counts
            expect(counts.entries == 0, "port \(record.index): \(counts.entries) entries are left")
            expect(counts.reserved == 0, "port \(record.index): places are left promised")
            expect(counts.waiting == 0, "port \(record.index): \(counts.waiting) fetches wait on")
            expect(counts.sessions == 0, "port \(record.index): counts \(counts.sessions) sessions")
        }
        for (index, driver) in drivers.enumerated() {
            expect(driver.openDescriptors == 0, "driver \(index): descriptors are left open")
            expect(driver.pendingSteps == 0, "driver \(index): steps are left")
        }
        expect(directory.portsHoldingEntries == 0, "ports are said to hold entries")
        expect(waits.isEmpty, "fetches were never answered")
        expect(endedEarly.isEmpty, "sessions ended that no accept brought")
        for session in live where failure == nil && !session.port.isClosed {
            expect(session.isClosedSeen, "\(session.id.text) never gave its last entry")
            checkNothingPends(in: session, "the end of the run")
        }
    }
}
