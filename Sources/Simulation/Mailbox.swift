import DeviceSessions
import EngineBase
import PortEngine

/// What the engine tells those who wait, kept until the simulation looks.
enum Mail: Sendable {
    case replied(InlineReply, id: Int, EntryList)
    case fetched(id: Int, FetchAnswer)
    case described(SessionID, [OperationStatus], newest: UInt64)
    case cancelAnswered(SessionID, CancelAnswer, newest: UInt64)
    case creditAnswered(SessionID, UInt64, CreditAnswer)
}

/// Where the engine's answers are left.
final class Mailbox: Sendable {
    private let mail = Guarded<[Mail]>([])

    func leave(_ item: Mail) { mail.withLock { $0.append(item) } }

    func take() -> [Mail] {
        mail.withLock { mail in
            defer { mail = [] }
            return mail
        }
    }
}

/// A client that waits for the answer of a fetch.
final class WaitingClient: FetchWaiter {
    private let id: Int
    private let mailbox: Mailbox

    init(id: Int, mailbox: Mailbox) {
        self.id = id
        self.mailbox = mailbox
    }

    func finish(with answer: FetchAnswer) { mailbox.leave(.fetched(id: id, answer)) }
}
