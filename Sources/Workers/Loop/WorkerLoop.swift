public import DeviceSessions
public import EngineBase
import PortEngine

/// The loop of one worker: it owns a driver and the sessions whose descriptors that driver holds.
///
/// Only its own thread calls it (a simulation's only thread, there). In each turn: wait, take what
/// the kernel and other threads have to tell, let the sessions decide, and at the end tell the rest
/// of the world all at once: first how sessions stand, then their entries, under one lock a port,
/// then the replies that somebody waits for. So whoever acts on an entry finds its session ready.
public final class WorkerLoop {
    /// The session in the tokens of steps that the loop takes for itself.
    private static let noSession = UInt64.max

    /// What other threads leave word in.
    public let inbox: WorkerInbox
    let driver: any IODriver
    let clock: any EngineClock
    let sessions: SessionDirectory
    /// Steps that a session may have answered at once in one go before others get their turn.
    private let stepsInOneGo: Int

    var table = SessionTable()
    private var timers = DeadlineHeap<SessionAlarm>()
    private var events: [DriverEvent] = []
    private var effects = SessionEffects()
    private var deferred: [(StepToken, StepResult)] = []
    private var due = DueCompletions()
    private var outgoing = OutgoingWork()
    private var ownSteps: UInt64 = 0
    /// What sessions have to tell each other, in order.
    var crossings = PipeCrossings()

    /// A loop over `driver` that registers accepted sessions in `sessions`.
    ///
    /// `stepsInOneGo`: steps that a session may have answered at once before others get their turn.
    public init(
        driver: any IODriver, clock: any EngineClock, sessions: SessionDirectory,
        stepsInOneGo: Int = 64
    ) {
        self.driver = driver
        self.clock = clock
        self.sessions = sessions
        self.stepsInOneGo = stepsInOneGo
        inbox = WorkerInbox(wakeup: driver.wakeup)
    }

    /// Turns until the inbox says stop.
    public func run() {
        while turn(waitingUntil: .distantFuture) {}
    }

    /// One turn.
    ///
    /// - Parameter limit: wait no longer than this; `.distantFuture` is as long as need be.
    /// - Returns: whether to go on.
    public func turn(waitingUntil limit: MonotonicInstant) -> Bool {
        let earliest = min(limit, timers.earliest ?? .distantFuture)
        let deadline = deferred.isEmpty ? earliest : MonotonicInstant(nanoseconds: 0)
        driver.wait(until: deadline == .distantFuture ? nil : deadline, into: &events)
        let now = clock.now()
        // What the kernel has told first: bytes that have arrived are known to a session before a
        // request that came after them.
        takeCompletions(at: now)
        let word = inbox.take()
        for (handle, opening) in word.starting { start(handle, opening, at: now) }
        for handle in word.marked { attend(to: handle, at: now) }
        takeTimers(at: now)
        outgoing.send()
        sessions.count(outgoing.times)
        outgoing.times.removeAll(keepingCapacity: true)
        return !word.isStopping
    }

    /// How many sessions it runs, for tests and metrics.
    public var sessionCount: Int { table.count }

    /// When it wants to be turned next for its timers' sake.
    public var nextDeadline: MonotonicInstant? {
        deferred.isEmpty ? timers.earliest : MonotonicInstant(nanoseconds: 0)
    }

    // MARK: - What comes in

    private func start(
        _ handle: SessionHandle, _ opening: any SessionOpening, at now: MonotonicInstant
    ) {
        let core = DeviceSession(
            id: handle.id, configuration: handle.configuration, opening: opening, at: now)
        let session = table.add(handle, core)
        run(session, at: now) { core, surroundings, effects in
            core.start(at: now, surroundings, &effects)
        }
        endIfAllEnd(session)
    }

    /// Closes a session that came while all were being closed.
    private func endIfAllEnd(_ session: RunningSession) {
        let surroundings = WorkerSurroundings(port: session.handle.port, sessions: sessions)
        guard let reason = surroundings.reasonToEnd else { return }
        session.handle.close(reason, force: false)
    }

    private func attend(to handle: SessionHandle, at now: MonotonicInstant) {
        let messages = handle.takeMessages()
        guard let session = table.find(handle) else {
            for message in messages { answerForEnded(message, on: handle.port) }
            return
        }
        for message in messages { deliver(message, to: session, at: now) }
    }

    private func deliver(
        _ message: SessionMessage, to session: RunningSession, at now: MonotonicInstant
    ) {
        switch message {
        case .operations(let operations):
            run(session, at: now) { core, surroundings, effects in
                core.submit(operations, at: now, surroundings, &effects)
            }
        case .cancel(let numbers, let reply):
            var answer = CancelAnswer()
            run(session, at: now) { core, surroundings, effects in
                answer = core.cancel(numbers, at: now, surroundings, &effects)
            }
            outgoing.replies.append { [answer] in reply(answer) }
        case .describe(let reply):
            let operations = session.core.pendingOperations()
            outgoing.replies.append { reply(operations) }
        case .credit(let number, let amount, let reply):
            var credit = CreditAnswer.ended
            run(session, at: now) { core, surroundings, effects in
                credit = core.addCredit(amount, to: number, at: now, surroundings, &effects)
            }
            outgoing.replies.append { [credit] in reply(credit) }
        case .shutdownOutput:
            run(session, at: now) { core, surroundings, effects in
                core.shutdownOutput(at: now, surroundings, &effects)
            }
        case .close(let reason, let force, let reply):
            run(session, at: now) { core, _, effects in
                core.close(reason, force: force, at: now, &effects)
            }
            if let reply { outgoing.replies.append(reply) }
        case .roomMayHaveCome:
            run(session, at: now) { core, surroundings, effects in
                core.roomMayHaveCome(at: now, surroundings, &effects)
            }
            // If it did not use the room, the next one in the line may.
            let port = session.handle.port
            outgoing.replies.append { port.passRoomOn() }
        case .lockGranted(let number):
            run(session, at: now) { core, surroundings, effects in
                core.lockGranted(number, at: now, surroundings, &effects)
            }
        }
    }

    /// Answers what came for a session that has ended.
    private func answerForEnded(_ message: SessionMessage, on port: CompletionPort) {
        switch message {
        case .operations:
            preconditionFailure("an operation was accepted by a session that had ended")
        case .cancel(let numbers, let reply):
            var answer = CancelAnswer()
            answer.alreadyDone = numbers ?? []
            outgoing.replies.append { [answer] in reply(answer) }
        case .describe(let reply): outgoing.replies.append { reply([]) }
        case .credit(_, _, let reply): outgoing.replies.append { reply(.ended) }
        case .close(_, _, let reply): if let reply { outgoing.replies.append(reply) }
        case .shutdownOutput, .lockGranted: break
        case .roomMayHaveCome:
            outgoing.replies.append { port.passRoomOn() }
        }
    }

    /// Takes what steps came to: first what failed, then what was received, then all else.
    ///
    /// One wait may tell of several steps of a session. The kernel tells an error once, so it must be
    /// known before the "end" that a receive gives afterwards; and bytes that have arrived must be
    /// known before a send that has ended lets a transact begin.
    private func takeCompletions(at now: MonotonicInstant) {
        guard !deferred.isEmpty || !events.isEmpty else { return }
        for (token, result) in deferred {
            table[token.session]?.hasDeferred = false
            due.add(token, result)
        }
        deferred.removeAll(keepingCapacity: true)
        for event in events {
            switch event {
            case .completed(let token, let result): due.add(token, result)
            case .hangup(let session): due.hangups.append(session)
            }
        }
        events.removeAll(keepingCapacity: true)
        // Nothing is added while sessions decide: what they have answered at once waits in `deferred`.
        for (token, result) in due.failures { stepDone(token, result, at: now) }
        for (token, result) in due.inputs { stepDone(token, result, at: now) }
        for (token, result) in due.others { stepDone(token, result, at: now) }
        for slot in due.hangups { hungUp(slot, at: now) }
        due.removeAll()
    }

    private func takeTimers(at now: MonotonicInstant) {
        while let (alarm, _) = timers.popDue(at: now) {
            guard let session = table[alarm.session], session.core.expects(alarm.timer) else {
                timers.popWasForgotten()
                continue
            }
            run(session, at: now) { core, surroundings, effects in
                core.timerFired(alarm.timer, at: now, surroundings, &effects)
            }
        }
        guard timers.isWorthCompacting else { return }
        timers.compact { [table] alarm, _ in
            table[alarm.session]?.core.expects(alarm.timer) ?? false
        }
    }

    private func hungUp(_ slot: UInt64, at now: MonotonicInstant) {
        guard let session = table[slot] else { return }
        run(session, at: now) { core, _, effects in core.hungUp(at: now, &effects) }
    }

    private func stepDone(_ token: StepToken, _ result: StepResult, at now: MonotonicInstant) {
        guard token.session != WorkerLoop.noSession else { return }
        guard let session = table[token.session] else {
            preconditionFailure("a step ended after its session")
        }
        run(session, at: now) { core, surroundings, effects in
            core.stepDone(token.step, result, at: now, surroundings, &effects)
        }
    }

    // MARK: - What a session wants

    /// Lets a session decide, and does what it wants until it wants nothing more.
    func run(
        _ session: RunningSession, at now: MonotonicInstant,
        _ decide: (inout DeviceSession, WorkerSurroundings, inout SessionEffects) -> Void
    ) {
        let surroundings = WorkerSurroundings(port: session.handle.port, sessions: sessions)
        decide(&session.core, surroundings, &effects)
        outgoing.touch(session)
        var stepsDone = 0
        while let effect = effects.popFirst() {
            guard case .submit(let step, let kernelStep) = effect else {
                perform(effect, for: session, at: now)
                continue
            }
            let token = StepToken(session: session.slot, step: step)
            guard case .done(let result) = driver.submit(kernelStep, token: token) else { continue }
            stepsDone += 1
            // Nothing overtakes what was put off: a look for unread bytes does not see those.
            if stepsDone > stepsInOneGo || session.hasDeferred {
                session.hasDeferred = true
                deferred.append((token, result))
            } else {
                session.core.stepDone(step, result, at: now, surroundings, &effects)
            }
        }
        if session.core.takeTear() {
            // What is accepted before anybody can know of it was meant to follow the whole write.
            session.isTearUntold = true
            session.core.writesAreTorn(upTo: .max)
        }
        deliverCrossings(at: now)
    }

    private func perform(
        _ effect: SessionEffect, for session: RunningSession, at now: MonotonicInstant
    ) {
        switch effect {
        case .submit:
            break
        case .cancelStep(let step):
            driver.cancel(StepToken(session: session.slot, step: step))
        case .arm(let timer, let moment):
            timers.insert(SessionAlarm(session: session.slot, timer: timer), at: moment)
        case .disarm:
            timers.forgetOne()
        case .complete(let operation, let entry):
            ended(operation, session)
            if case .inline(let reply, let place) = operation.delivery {
                outgoing.replies.append { reply.fulfil(place, with: entry) }
            } else {
                outgoing.queue(entry, on: session.handle.port)
            }
        case .finishedSilently(let operation):
            ended(operation, session)
        case .standingEntry(let entry), .sessionState(let entry):
            outgoing.queue(entry, on: session.handle.port)
        case .watchHangup(let descriptor):
            driver.watchHangup(descriptor, session: session.slot)
        case .opened(let entry):
            opened(session, entry)
        case .sessionClosed(let entry):
            sessionClosed(session, entry, at: now)
        case .spawn(let operation, let descriptor, let peer):
            spawn(from: session, operation, descriptor, peer, at: now)
        case .askListener:
            crossings.add(.ask(from: session.slot, of: session.listener))
        case .withdrawFromListener:
            crossings.add(.withdraw(from: session.slot, of: session.listener))
        case .giveClient(let guest, let descriptor, let peer):
            crossings.add(.give(to: guest, descriptor, peer))
        case .refuseClient(let guest, let error):
            crossings.add(.refuse(to: guest, error))
        case .outputRenewed:
            session.handle.renewOutput()
        case .releasePlaces(let places):
            let port = session.handle.port
            outgoing.replies.append { port.release(places) }
        case .awaitRoom:
            let handle = session.handle
            outgoing.replies.append { handle.port.awaitRoom(handle) }
        case .tellGrants(let grants):
            let sessions = self.sessions
            outgoing.replies.append {
                // One that is gone has left the table of locks before.
                for grant in grants {
                    sessions.findHiddenToo(grant.owner)?.send(.lockGranted(grant.number))
                }
            }
        case .ended:
            table.remove(session)
            outgoing.ended.append((session, session.core.view.phase, sessions))
        }
    }

    private func ended(_ operation: IOOperation, _ session: RunningSession) {
        session.ended.add(operation)
        let duration = clock.now().nanoseconds - operation.acceptedAt.nanoseconds
        outgoing.times.append((operation.kind.name, duration))
        if operation.deadline != nil { timers.forgetOne() }
    }

    private func opened(_ session: RunningSession, _ entry: CompletionEntry) {
        guard let reply = session.handle.inlineOpen else {
            outgoing.queue(entry, on: session.handle.port)
            return
        }
        if entry.status == .ok {
            sessions.show(session.handle)
            outgoing.replies.append { reply.fulfil(0, with: entry) }
        } else {
            // What else there is to tell goes with it: see `sessionClosed`.
            session.failedInlineOpen = entry
        }
    }

    private func sessionClosed(
        _ session: RunningSession, _ entry: CompletionEntry, at now: MonotonicInstant
    ) {
        endLateOperations(of: session, at: now)
        if let opened = session.failedInlineOpen, let reply = session.handle.inlineOpen {
            session.failedInlineOpen = nil
            outgoing.replies.append { reply.fulfil(0, with: opened, followedBy: [entry]) }
        } else {
            outgoing.queue(entry, on: session.handle.port)
        }
    }

    /// Ends what was accepted while the session's end was being decided: its last entry is the last.
    private func endLateOperations(of session: RunningSession, at now: MonotonicInstant) {
        let operations = session.handle.refuseOperations()
        guard !operations.isEmpty else { return }
        let surroundings = WorkerSurroundings(port: session.handle.port, sessions: sessions)
        var late = SessionEffects()
        session.core.submit(operations, at: now, surroundings, &late)
        while let effect = late.popFirst() { perform(effect, for: session, at: now) }
    }

    /// Makes a session of a connection that an accept brought, and completes the accept.
    private func spawn(
        from listener: RunningSession, _ operation: IOOperation, _ descriptor: DescriptorSlot,
        _ peer: SocketAddress, at now: MonotonicInstant
    ) {
        let parent = listener.handle
        guard let kind = parent.configuration.accepted else {
            preconditionFailure("an accept on a session that is no listener")
        }
        var configuration = parent.configuration
        configuration.transport = kind.transport
        configuration.accepted = nil
        let address = peer.text
        let inbox = self.inbox
        let handle = sessions.add(isHidden: false) { [configuration] id in
            SessionHandle(
                id: id, configuration: configuration,
                abilities: kind.abilities, port: parent.port, worker: inbox, inlineOpen: nil,
                phase: .open, at: now)
        }
        ended(operation, listener)
        guard let handle else {
            refuse(operation, descriptor, listener)
            return
        }
        let core = DeviceSession(
            id: handle.id, configuration: configuration, accepted: descriptor, shape: kind.shape,
            peer: address, at: now)
        let session = table.add(handle, core)
        session.listener = parent
        outgoing.touch(session)
        endIfAllEnd(session)
        if configuration.idleTimeoutMilliseconds > 0 {
            let moment = now.advanced(milliseconds: configuration.idleTimeoutMilliseconds)
            timers.insert(SessionAlarm(session: session.slot, timer: .idle), at: moment)
        }
        let entry = listener.core.acceptEntry(
            of: operation, brought: handle.id, peer: address)
        if case .inline(let reply, let place) = operation.delivery {
            outgoing.replies.append { reply.fulfil(place, with: entry) }
        } else {
            outgoing.queue(entry, on: parent.port)
        }
    }

    /// The last place for a session was taken between the look and the accept.
    private func refuse(
        _ operation: IOOperation, _ descriptor: DescriptorSlot, _ listener: RunningSession
    ) {
        ownSteps += 1
        let token = StepToken(session: WorkerLoop.noSession, step: ownSteps)
        _ = driver.submit(.close(descriptor, reset: true), token: token)
        let port = listener.handle.port
        outgoing.replies.append { port.release(1) }
        let entry = listener.core.acceptEntry(of: operation, failed: EntryError(.tooManyOpenFiles))
        if case .inline(let reply, let place) = operation.delivery {
            outgoing.replies.append { reply.fulfil(place, with: entry) }
        } else {
            outgoing.queue(entry, on: port)
        }
    }
}
