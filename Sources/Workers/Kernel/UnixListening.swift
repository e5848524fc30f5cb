import DeviceSessions
import EngineBase
import Glibc
import LinuxSystem

/// Listening Unix sockets.
///
/// The socket is bound under a name of its own, given its mode, set to listen, and only then
/// renamed to the name asked for: nobody meets one with the wrong mode, or one that does not
/// answer yet. It also makes room for long names, since what is bound goes through the directory's
/// descriptor.
extension PathOpening {
    static func unixListener(
        _ kind: SocketKind,
        _ target: PathTarget,
        mode: UInt32,
        backlog: Int
    ) throws(Errno) -> OpenedDescriptor {
        let (directory, name) = try parentAndName(of: target)
        let socket = SharedDescriptor(try .socket(.unix, SocketType(kind)))
        if kind == .sequencedPacket { try socket.owned.setPassCredentials() }

        let number = UInt64.random(in: .min ... .max)
        let temporary = ".iocpd-" + String(number, radix: 36)
        try socket.owned.bind(to: try address(of: temporary, in: directory))
        do throws(Errno) {
            try directory.owned.setMode(mode, ofEntry: temporary)
            if kind != .datagram { try socket.owned.listen(backlog: backlog) }
            try publish(temporary, as: name, kind, in: directory)
        } catch {
            try? directory.owned.removeEntry(temporary)
            throw error
        }
        let slash = target.directory.hasSuffix("/") ? "" : "/"
        return OpenedDescriptor(
            descriptor: socket,
            role: kind == .datagram ? .datagram(.unix) : .listener(kind, .unix),
            socketFile: try SocketFile(
                in: directory,
                name: name,
                path: target.directory + slash + target.relative
            )
        )
    }

    /// Gives the listener its real name; a socket there that nobody answers on makes way.
    private static func publish(
        _ temporary: String,
        as name: String,
        _ kind: SocketKind,
        in directory: SharedDescriptor
    ) throws(Errno) {
        // Others may come and go at the same name meanwhile; not for ever.
        for _ in 0..<8 {
            do throws(Errno) {
                return try directory.owned.renameEntry(temporary, toUnused: name)
            } catch {
                guard error == Errno(EEXIST) else { throw error }
            }
            do throws(Errno) {
                try removeStale(name, kind, in: directory)
            } catch .notFound {
                continue
            }
        }
        throw .addressInUse
    }

    private static func removeStale(
        _ name: String,
        _ kind: SocketKind,
        in directory: SharedDescriptor
    ) throws(Errno) {
        let found = try directory.owned.identity(ofEntry: name)
        guard found.kind == .socket else { throw .addressInUse }
        let handle = try directory.owned.handle(below: name)
        guard try handle.identity().isSameFile(as: found) else { throw .addressInUse }

        let probe = try OwnedDescriptor.socket(.unix, SocketType(kind))
        do throws(Errno) {
            _ = try probe.connect(to: try RawSocketAddress(unixPath: handle.descriptorPath))
        } catch {
            // Anything but a refusal, a full backlog for one, means that somebody lives there.
            guard error == .connectionRefused else { throw .addressInUse }
            guard try directory.owned.identity(ofEntry: name).isSameFile(as: found) else {
                throw .addressInUse
            }
            return try directory.owned.removeEntry(name)
        }
        throw .addressInUse
    }

    private static func address(
        of name: String,
        in directory: SharedDescriptor
    ) throws(Errno) -> RawSocketAddress {
        try RawSocketAddress(unixPath: directory.owned.descriptorPath + "/" + name)
    }
}
