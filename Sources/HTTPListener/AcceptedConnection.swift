import Glibc

/// A connection that has been accepted and counted, on its way to the daemon that serves it.
struct AcceptedConnection: Sendable {
    let descriptor: Int32
    /// The client's address, and how many of its bytes count.
    let peer: sockaddr_storage
    let peerLength: socklen_t
    /// What its client's connections are counted by, if they are.
    let clientKey: [UInt8]?
    let core: ListenerCore

    /// Takes back what was counted: there is no daemon that serves it.
    func wasRefused() {
        if let clientKey { core.leave(client: clientKey) }
        core.connectionEnded()
    }

    /// Closes it unserved.
    func discard() {
        close(descriptor)
        wasRefused()
    }
}
