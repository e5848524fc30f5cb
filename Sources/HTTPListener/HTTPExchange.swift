import Synchronization

/// One request's right to a reply.
///
/// The responder answers while ``HTTPResponder/respond(to:on:)`` runs, or keeps the exchange and
/// answers later; until then the connection is suspended. An exchange that is dropped without a
/// reply is answered with ``ListenerRefusal/unanswered``.
public final class HTTPExchange: Sendable {
    private let connection: HTTPConnection
    private let number: UInt64
    private let head: RequestHead
    private let isReplied = Atomic(false)

    init(connection: HTTPConnection, number: UInt64, head: RequestHead) {
        self.connection = connection
        self.number = number
        self.head = head
    }

    deinit {
        guard !isReplied.load(ordering: .acquiring) else { return }
        let refusal = connection.core.responder.refusal(
            .unanswered,
            for: HTTPRequest(head: head)
        )
        send(refusal)
    }

    /// Sends the reply, once; any thread may call it.
    ///
    /// A second reply, and one to a client whose connection has ended, is thrown away:
    /// ``HTTPReply/onHandover`` is told `false` before this returns.
    public func reply(_ reply: HTTPReply) {
        guard !isReplied.exchange(true, ordering: .acquiringAndReleasing) else {
            reply.onHandover?(false)
            return
        }
        send(reply)
    }

    private func send(_ reply: HTTPReply) {
        let prepared = PreparedReply(reply, requestID: head.requestID)
        if !connection.deliver(prepared, exchange: number) { prepared.discard() }
    }

    /// Calls `body` on a listener thread, at most once, if the client hangs up before the reply.
    ///
    /// A FIN is a hang-up, of a client that only ended its sending too. The call may come while
    /// ``HTTPResponder/respond(to:on:)`` still runs, and beside a ``reply(_:)`` that another thread
    /// is making; after that it does not come. The exchange is still to be replied to.
    public func onHangup(_ body: @escaping @Sendable () -> Void) {
        connection.watch(exchange: number, body)
    }

    /// Looks whether the client has hung up, or the exchange is over.
    public func clientIsGone() -> Bool {
        connection.clientIsGone(exchange: number)
    }
}
