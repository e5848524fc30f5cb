import DeviceSessions
import EngineBase
import Glibc
import LinuxSystem

/// Opening what has a path.
///
/// All of this may block, and runs in the blocking pool. A link that leads out of the allowed
/// directory is EXDEV.
enum PathOpening {
    /// Opens what `request` asks for.
    static func open(_ request: OpenRequest) throws(Errno) -> OpenedDescriptor {
        switch request {
        case .unixTarget(let target): try unixTarget(target)
        case .unixListener(let kind, let target, let mode, let backlog):
            try unixListener(kind, target, mode: mode, backlog: backlog)
        case .file(let target, let access): try FileOpening.open(target, access)
        case .terminal(let target, let settings, let admits):
            try TerminalOpening.open(target, settings, admits)
        case .socket, .listener: throw .invalidArgument
        }
    }

    private static func unixTarget(_ target: PathTarget) throws(Errno) -> OpenedDescriptor {
        let directory = try OwnedDescriptor.directory(target.directory)
        let handle = SharedDescriptor(try directory.handle(below: target.relative))
        guard try handle.owned.identity().kind == .socket else { throw .notSocket }
        return OpenedDescriptor(descriptor: handle, role: .handle, socketFile: nil)
    }

    /// The directory that `target` lies in, opened, and its name there.
    static func parentAndName(
        of target: PathTarget
    ) throws(Errno) -> (SharedDescriptor, String) {
        let parts = target.relative.split(separator: "/")
        guard let name = parts.last, name != ".", name != "..", !target.relative.hasSuffix("/")
        else { throw .invalidArgument }
        let directory = SharedDescriptor(try .directory(target.directory))
        guard parts.count > 1 else { return (directory, String(name)) }
        let way = parts.dropLast().joined(separator: "/")
        let parent = SharedDescriptor(try directory.owned.handle(below: way))
        guard try parent.owned.identity().kind == .directory else { throw Errno(ENOTDIR) }
        return (parent, String(name))
    }
}
