import DeviceSessions
import EngineBase
import LinuxSystem

/// A descriptor that an `open` or an `accept` made, and what it can be used for.
///
/// Letting the last copy go closes it, and removes the socket file of a Unix listener.
struct OpenedDescriptor: Sendable {
    /// What a descriptor can be used for.
    enum Role: Sendable {
        case stream(SocketFamily)
        case datagram(SocketFamily)
        case sequencedPacket
        case listener(SocketKind, SocketFamily)
        /// An `O_PATH` handle on a Unix socket.
        case handle
        case file
        case terminal
    }

    var descriptor: SharedDescriptor
    var role: Role
    /// The file that a Unix listener answers at.
    var socketFile: SocketFile?
    /// Which file it is open on.
    var file: FileKey?

    /// What a socket of this kind and family is used for before it listens.
    static func role(_ kind: SocketKind, _ family: SocketFamily) -> Role {
        switch kind {
        case .stream: .stream(family)
        case .datagram: .datagram(family)
        case .sequencedPacket: .sequencedPacket
        }
    }

    /// Whether it is a socket, the handle on one not included.
    var isSocket: Bool {
        switch role {
        case .stream, .datagram, .sequencedPacket, .listener: true
        case .handle, .file, .terminal: false
        }
    }

    /// Whether closing may touch a file system or a device, and so may take long.
    var closesSlowly: Bool {
        switch role {
        case .stream, .datagram, .sequencedPacket, .handle: false
        case .listener: socketFile != nil
        case .file, .terminal: true
        }
    }

    /// Whether a short transfer says that the kernel has nothing more.
    ///
    /// A Unix stream also stops at a message with passed descriptors, and a terminal at a line.
    var shortReceiveMeansEmpty: Bool {
        if case .stream(let family) = role { family != .unix } else { false }
    }
}

/// Lets a job in the blocking pool be the one that closes a descriptor.
final class ClosingDescriptor: Sendable {
    private let held: Guarded<OpenedDescriptor?>

    init(_ opened: OpenedDescriptor) { held = Guarded(opened) }

    /// Closes it; of a terminal, `discardingOutput` throws away what the device has not been sent,
    /// for which the kernel would wait.
    func close(discardingOutput: Bool) {
        let last = held.withLock { held in
            let taken = held
            held = nil
            return taken
        }
        if case .terminal? = last?.role {
            last?.descriptor.owned.releaseTerminal(discardingOutput: discardingOutput)
        }
        _ = consume last
    }
}

/// The file of a Unix listener, removed when the listener is gone, if it is still the same one.
final class SocketFile: Sendable {
    private let directory: SharedDescriptor
    private let name: String
    private let identity: FileIdentity
    /// The path under which clients find it.
    let path: String

    init(in directory: SharedDescriptor, name: String, path: String) throws(Errno) {
        self.directory = directory
        self.name = name
        self.path = path
        identity = try directory.owned.identity(ofEntry: name)
    }

    deinit {
        guard let present = try? directory.owned.identity(ofEntry: name),
            present.isSameFile(as: identity)
        else { return }
        try? directory.owned.removeEntry(name)
    }
}
