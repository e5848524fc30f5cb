import DeviceSessions
import EngineBase
import JSONText
import PortEngine
import Transports

/// An operation as a request gives it.
struct WantedOperation: Sendable {
    /// Where the entry shall go.
    enum Deliver: String, CaseIterable, Sendable {
        case port, inline, none
    }

    /// Where its members stand.
    enum Place: Sendable {
        case body
        /// In the body's array `operations`, at this index.
        case element(Int)
        /// There is no body for them: they are query parameters.
        case query

        /// A pointer into the body, if they stand there.
        var pointer: String? {
            switch self {
            case .body: ""
            case .element(let index): "/operations/\(index)"
            case .query: nil
            }
        }
    }

    /// What it is to do.
    enum Wish: Sendable {
        case kind(OperationKind)
        /// A control by its name, which the session's transport may have or not.
        case control(name: String, arguments: Parameters)
    }

    var wish: Wish
    var place = Place.body
    /// How much a read that says nothing of frames may take, on a session that has frames.
    var frameLimit: FrameLimit?
    var context: ClientText?
    var timeoutMilliseconds: Int?
    var deliver: Deliver
    var replyEncoding: ReplyEncoding
    /// Whether the operator allows controls that can do anything.
    var allowsRawControls = false

    /// The kind of its entries, which is the word for it in requests.
    var entryKind: EntryKind {
        switch wish {
        case .kind(let kind): kind.entryKind
        case .control: .control
        }
    }

    /// What a session of `transport` would do for it.
    ///
    /// - Throws: `control.unknown` for a control that the transport does not have.
    func kind(on configuration: SessionConfiguration) throws(Problem) -> OperationKind {
        switch wish {
        case .kind(let kind):
            guard let frameLimit, let framing = configuration.framing else { return kind }
            return kind.reading(frame: framing, frameLimit)
        case .control(let name, let arguments):
            let transport = configuration.transport
            let controls = TransportRegistry.controls(of: transport, raw: allowsRawControls)
            guard let control = controls.first(where: { $0.name == name }) else {
                throw .unknownControl(name, of: transport, known: controls.map(\.name))
            }
            return .control(control.action(arguments))
        }
    }

    /// The request to a session that was opened so; the entry of an inline one goes to `reply`.
    ///
    /// - Throws: as ``kind(on:)``.
    func request(
        to configuration: SessionConfiguration, _ reply: InlineReply?, index: Int, waitCap: Int
    ) throws(Problem) -> OperationRequest {
        var request = OperationRequest(
            kind: try kind(on: configuration), context: context,
            timeoutMilliseconds: timeoutMilliseconds)
        switch deliver {
        case .port:
            break
        case .none:
            request.delivery = .none
        case .inline:
            // No handler waits for ever.
            request.timeoutMilliseconds = min(timeoutMilliseconds ?? waitCap, waitCap)
            if let reply { request.delivery = .inline(reply, index: index) }
        }
        return request
    }
}

/// Reads operations, as the schema of each says what it may have.
struct OperationReader {
    private enum Name: String, CaseIterable {
        case read, write, transact, accept, control, disconnect, lock, unlock
        case waitEvent = "wait_event"

        /// Whether it may ask for no entry at all.
        var mayBeSilent: Bool {
            switch self {
            case .write, .control, .disconnect, .lock, .unlock: true
            case .read, .transact, .accept, .waitEvent: false
            }
        }
    }

    let limits: ServiceLimits
    /// Whether the operator allows controls that can do anything.
    var allowsRawControls = false
    /// A delimiter that decodes to more bytes than it may have, found only when all else is right.
    var longDelimiter: (member: String, bytes: Int)?

    init(_ limits: ServiceLimits) { self.limits = limits }

    mutating func read(_ reader: inout ObjectReader) -> WantedOperation? {
        guard let name = reader.choice("op", as: Name.self, required: true) else {
            // Without knowing what it is, its other members cannot be judged.
            reader.forEachMember { _, _ in }
            return nil
        }
        let context = reader.clientText("context")
        let timeout = reader.integer("timeout_ms", in: 1...86_400_000)
        let deliver = deliver(&reader, name)
        var encoding = ReplyEncoding.base64
        let wish: WantedOperation.Wish?
        switch name {
        case .accept:
            wish = .kind(.accept)
        case .disconnect:
            wish = .kind(.disconnect)
        case .write:
            encoding = dataEncoding(reader)
            let offset = reader.fileNumber("offset")
            let destination = reader.destination()
            wish = reader.data(required: true).map {
                .kind(.write(WriteRequest($0, offset: offset, destination: destination)))
            }
        case .read:
            encoding =
                reader.choice("encoding", as: DataEncoding.self).map { ReplyEncoding($0) }
                ?? .base64
            wish = readKind(&reader, deliver).map { .kind($0) }
        case .control:
            wish = controlWish(&reader)
        case .lock:
            wish = lockKind(&reader).map { .kind($0) }
        case .unlock:
            wish = unlockKind(&reader).map { .kind($0) }
        case .waitEvent:
            wish = waitKind(&reader).map { .kind($0) }
        case .transact:
            encoding = dataEncoding(reader)
            wish = transactKind(&reader).map { .kind($0) }
        }
        let replyEncoding = reader.choice("reply_encoding", as: ReplyEncoding.self)
        guard let wish else { return nil }
        return WantedOperation(
            wish: wish, frameLimit: frameLimit(reader), context: context,
            timeoutMilliseconds: timeout, deliver: deliver,
            replyEncoding: replyEncoding ?? encoding, allowsRawControls: allowsRawControls)
    }

    /// The encoding that the operation's data came in, which its inline reply uses too.
    private func dataEncoding(_ reader: ObjectReader) -> ReplyEncoding {
        reader.peek("encoding")?.string.flatMap { DataEncoding(rawValue: $0) }.map {
            ReplyEncoding($0)
        } ?? .base64
    }

    private func deliver(_ reader: inout ObjectReader, _ name: Name) -> WantedOperation.Deliver {
        if name.mayBeSilent {
            return reader.choice("deliver", as: WantedOperation.Deliver.self) ?? .port
        }
        let choices: KeyValuePairs<String, WantedOperation.Deliver> = [
            "port": .port, "inline": .inline,
        ]
        return reader.choice("deliver", from: choices) ?? .port
    }

    /// A control: the arguments are judged by the rules of its name, if any transport has it.
    private func controlWish(_ reader: inout ObjectReader) -> WantedOperation.Wish? {
        let name = reader.string("name", codePoints: 1...64, required: true)
        let raw = allowsRawControls ? TransportRegistry.rawControls : []
        let all = TransportRegistry.controls + raw
        guard let known = all.first(where: { $0.name == name }) else {
            // Whatever its arguments are: the name is what is wrong.
            _ = reader.has("arguments")
            return name.map { .control(name: $0, arguments: Parameters()) }
        }
        let rules = known.arguments
        if let first = rules.first(where: \.isRequired), !reader.has("arguments") {
            reader.fault("arguments", "is required, with \(first.name)")
        }
        let arguments = reader.object("arguments") { $0.parameters(rules) }
        return name.map { .control(name: $0, arguments: arguments ?? Parameters()) }
    }

    private mutating func transactKind(_ reader: inout ObjectReader) -> OperationKind? {
        let data = reader.data(required: true)
        let goal = goal(&reader, allowsReadiness: true)
        let discards = reader.boolean("discard_input") ?? false
        let answer = reader.integer("answer_timeout_ms", in: 1...86_400_000)
        let timers = readTimers(&reader, goal)
        guard let data, let goal else { return nil }
        return .transact(
            TransactRequest(
                data, goal, timers: timers, discardsInput: discards,
                answerTimeoutMilliseconds: answer))
    }

    private mutating func readKind(
        _ reader: inout ObjectReader, _ deliver: WantedOperation.Deliver
    ) -> OperationKind? {
        let repeats = reader.boolean("repeat") ?? false
        let credit = reader.integer("credit", in: 0...1_000_000)
        if credit != nil && !repeats { reader.fault("credit", "needs repeat: true") }
        if repeats && deliver != .port { reader.fault("deliver", "must be port with repeat: true") }
        let offset = reader.fileNumber("offset")
        let goal = goal(&reader, allowsReadiness: !repeats)
        let timers = readTimers(&reader, goal)
        if timers != nil && repeats { reader.fault("repeat", "excludes interval_ms and total_ms") }
        guard let goal else { return nil }
        return .read(
            ReadRequest(goal, repeats: repeats, credit: credit, offset: offset, timers: timers))
    }
}
