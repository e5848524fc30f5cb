import EngineBase
public import PortEngine

/// A directory of ports on virtual time.
public final class PortBench: Sendable {
    /// The clock of all its ports.
    public let clock = VirtualClock()
    /// The ports.
    public let directory: PortDirectory
    private let earlierDeadlines: Guarded<Int>

    /// An empty directory.
    public init(
        seed: UInt64 = 1,
        portLimit: Int = 10_000,
        limits: PortLimits = PortLimits(),
        rememberedClosed: Int = 65_536
    ) {
        let count = Guarded(0)
        earlierDeadlines = count
        directory = PortDirectory(
            clock: clock,
            seed: seed,
            portLimit: portLimit,
            limits: limits,
            rememberedClosed: rememberedClosed,
            onEarlierDeadline: { count.withLock { $0 += 1 } }
        )
    }

    /// How often the directory said that its next deadline has become earlier.
    public var wakeUpsAsked: Int { earlierDeadlines.withLock { $0 } }

    /// A new port.
    public func port(
        _ name: String = "p",
        _ settings: PortSettings = PortSettings()
    ) throws -> CompletionPort {
        guard let name = PortName(name) else { throw BenchFault.badName }
        return try directory.create(name, settings: settings, agrees: { $0 == settings }).port
    }

    /// Lets time pass, and everything happen that it makes due.
    public func pass(milliseconds: Int) {
        clock.move(milliseconds: milliseconds)
        directory.advance()
    }
}

/// A test that asks for what it cannot have.
public enum BenchFault: Error {
    /// The name breaks the pattern.
    case badName
    /// The fetch waits, and the test wanted an answer.
    case waits
    /// The fetch was answered, and the test wanted it to wait.
    case answered(FetchReason)
    /// The answer has no lease, and the test wanted one.
    case noLease
}

extension FetchRequest {
    /// A fetch that differs from the defaults where said.
    public static func fetch(
        max: Int = 64,
        maxBytes: Int = 1_048_576,
        wait: Int = 0,
        mode: FetchMode = .lease,
        lease: Int? = nil,
        by consumer: String? = nil,
        id: String? = nil,
        alertable: Bool = false,
        settle: SettleRequest? = nil
    ) -> FetchRequest {
        var request = FetchRequest()
        request.maxEntries = max
        request.maxBytes = maxBytes
        request.waitMilliseconds = wait
        request.mode = mode
        request.leaseMilliseconds = lease
        request.consumer = consumer.flatMap { ConsumerName($0) }
        request.fetchID = id
        request.isAlertable = alertable
        request.settle = settle
        return request
    }
}

extension CompletionPort {
    /// Posts one packet for each context.
    public func post(_ contexts: String...) throws(PortError) {
        try post(
            EntryList(contexts.map { CompletionEntry(kind: .packet, context: ClientText($0)) }))
    }

    /// Posts packets named `1`, `2` and so on.
    public func post(count: Int, bytesEach: Int = 0) throws(PortError) {
        try post(
            EntryList(count: count) {
                CompletionEntry(
                    kind: .packet,
                    context: ClientText(String($0 + 1)),
                    bytes: bytesEach,
                    data: [UInt8](repeating: 7, count: bytesEach)
                )
            }
        )
    }

    /// A fetch that must be answered at once; what it brings counts as arrived unless `arrives` is
    /// false.
    public func take(_ request: FetchRequest = .fetch(), arrives: Bool = true) throws -> FetchAnswer
    {
        let waiter = RecordingWaiter()
        guard case .answered(let answer) = try fetch(request, for: waiter) else {
            throw BenchFault.waits
        }
        if arrives, let handover = answer.handover { confirm(handover) }
        return answer
    }

    /// A fetch that must wait.
    public func wait(_ request: FetchRequest = .fetch(wait: 10_000)) throws -> RecordingWaiter {
        let waiter = RecordingWaiter()
        switch try fetch(request, for: waiter) {
        case .answered(let answer): throw BenchFault.answered(answer.reason)
        case .waiting(let ticket): waiter.ticket = ticket
        }
        return waiter
    }

    /// The id of entry `seq` as clients write it.
    public func reference(_ seq: UInt64) -> EntryReference {
        EntryReference(EntryID(generation: generation, seq: seq).text)
    }

    /// Settles a lease with lists of numbers.
    @discardableResult
    public func settle(
        _ lease: LeaseID?,
        ack: [UInt64]? = nil,
        ackAll: Bool = false,
        nack: [UInt64] = [],
        delay: Int = 0,
        extend: Int? = nil
    ) throws(PortError) -> SettleAnswer {
        try settle(
            settling(lease, ack: ack, ackAll: ackAll, nack: nack, delay: delay, extend: extend)
        )
    }

    /// The settle that ``settle(_:ack:ackAll:nack:delay:extend:)`` asks for.
    public func settling(
        _ lease: LeaseID?,
        ack: [UInt64]? = nil,
        ackAll: Bool = false,
        nack: [UInt64] = [],
        delay: Int = 0,
        extend: Int? = nil
    ) -> SettleRequest {
        SettleRequest(
            lease: lease,
            ack: ackAll ? .all : ack.map { .entries($0.map(reference)) },
            nack: nack.map { .init(entry: reference($0), delayMilliseconds: delay) },
            extendMilliseconds: extend
        )
    }

    /// The counts alone.
    public var counts: PortCounts { status().counts }
}

extension FetchAnswer {
    /// The numbers of its entries.
    public var numbers: [UInt64] { entries.map(\.seq) }

    /// What its entries say, in order.
    public var contexts: [String] { entries.map { $0.entry.context?.text ?? "" } }

    /// How often its entries have been handed out.
    public var deliveries: [Int] { entries.map(\.delivery) }

    /// The contexts of its alerts.
    public var alertContexts: [String] { alerts.map { $0.context?.text ?? "" } }
}

extension SettleAnswer {
    /// Its outcomes without the ids.
    public var reasons: [Outcome] { outcomes.map(\.outcome) }
}

/// A consumer name that a test writes down; the pattern is known to hold.
public func consumer(_ name: String) throws -> ConsumerName {
    guard let consumer = ConsumerName(name) else { throw BenchFault.badName }
    return consumer
}
