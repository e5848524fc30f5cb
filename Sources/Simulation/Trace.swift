/// What happens in a simulation.
enum TraceWord: Int {
    case turn, clock, advance
    case open, submit, refused, cancel, credit, shutdown, close, portOpened, portClosed, post, drain
    case fetch, answer, confirm, putBack, settle, alert, park, abandon
    case inlineDone, inlineDelivered, inlineLost
    case connect, arrive, deviceTakes, deviceSends, deviceFinishes, deviceCloses, deviceBreaks
    case sent, toldSent, toldReceived, toldEnd, closing
    case entry, calm
}

/// The last events of a run, and a hash of all of them.
struct Trace {
    private struct Event {
        var step: Int
        var word: TraceWord
        var values: (Int, Int, Int)
    }

    private static let kept = 50
    private var ring: [Event] = []
    private var next = 0
    /// Two runs did the same if their hashes agree.
    private(set) var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    /// Whether every event is printed as it happens.
    var isEchoing = false

    mutating func note(
        _ word: TraceWord, _ first: Int = 0, _ second: Int = 0, _ third: Int = 0, step: Int
    ) {
        for value in [step, word.rawValue, first, second, third] {
            hash = (hash ^ UInt64(bitPattern: Int64(value))) &* 0x0000_0100_0000_01B3
        }
        let event = Event(step: step, word: word, values: (first, second, third))
        if ring.count < Trace.kept {
            ring.append(event)
        } else {
            ring[next] = event
            next = (next + 1) % Trace.kept
        }
        if isEchoing { print(words(event)) }
    }

    /// Says more of an event, where events are printed.
    func say(_ words: () -> String) { if isEchoing { print(words()) } }

    /// The last events, oldest first.
    var lines: [String] { (ring[next...] + ring[..<next]).map(words) }

    private func words(_ event: Event) -> String {
        "step \(event.step) \(event.word) "
            + "\(event.values.0) \(event.values.1) \(event.values.2)"
    }
}
