import Glibc

/// A serving thread's promise to serve another loop, whose thread sleeps, before it replies itself.
///
/// A post that a parked fetch waits for brings news of one connection of some loop. To wake that
/// loop's thread takes longer than to send the fetch its reply.
struct PromisedTurn {
    private var loop: ServingLoop?
    /// While one is kept nothing is promised: a third loop would be served for the second's sake.
    private var isBeingKept = false

    /// Has a thread's promise while it asks its responder, and nothing at other times.
    private static let place: pthread_key_t = {
        var key = pthread_key_t()
        pthread_key_create(&key, nil)
        return key
    }()

    private static var current: UnsafeMutablePointer<PromisedTurn>? {
        pthread_getspecific(place)?.assumingMemoryBound(to: PromisedTurn.self)
    }

    /// Runs `ask`, which asks the responder, and keeps what is promised meanwhile.
    static func keeping(_ ask: () -> Void) {
        guard current == nil else { return ask() }
        var promised = PromisedTurn()
        withUnsafeMutablePointer(to: &promised) { promised in
            pthread_setspecific(place, promised)
            ask()
            if let loop = promised.pointee.loop {
                promised.pointee.isBeingKept = true
                loop.serveAndWake()
            }
            pthread_setspecific(place, nil)
        }
    }

    /// Takes news of a connection of `loop`.
    ///
    /// - Parameters:
    ///   - loop: the loop, which sleeps or is about to be woken.
    ///   - isFirst: whether its thread sleeps with nobody yet about to wake it.
    /// - Returns: whether that thread is to be woken now.
    static func take(newsOf loop: ServingLoop, isFirst: Bool) -> Bool {
        guard let current, !current.pointee.isBeingKept else { return isFirst }
        if isFirst {
            guard current.pointee.loop == nil else { return true }
            current.pointee.loop = loop
            return false
        }
        // Several replies are worth a thread of their own.
        guard current.pointee.loop === loop else { return false }
        current.pointee.loop = nil
        return true
    }
}
