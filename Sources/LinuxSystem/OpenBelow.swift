import CLinux
public import EngineBase
import Glibc

/// Opening paths that must stay below a directory.
///
/// What is opened first is a handle (`O_PATH`): it has no side effect on a FIFO or a terminal. The
/// handle is looked at, and then opened for use, so that the name is used once only.
extension OwnedDescriptor {
    /// A handle on a directory that the configuration names; links are followed.
    public static func directory(_ path: String) throws(Errno) -> OwnedDescriptor {
        OwnedDescriptor(
            owning: try checked { Glibc.open(path, iocpd_path_handle | O_DIRECTORY | O_CLOEXEC) }
        )
    }

    /// A handle on `path`, which no link may lead out of this directory.
    ///
    /// - Throws: EXDEV for a path that leads out.
    public func handle(
        below path: String,
        avoidingOpenat2: Bool = false
    ) throws(Errno) -> OwnedDescriptor {
        if !avoidingOpenat2 {
            do {
                let flags = iocpd_path_handle | O_CLOEXEC
                return OwnedDescriptor(
                    owning: try checked { iocpd_open_beneath(rawValue, path, flags, 0) }
                )
            } catch {
                // An old kernel, or a container that forbids what it does not know.
                guard error == Errno(ENOSYS) || error == .notPermitted else { throw error }
            }
        }
        return try handleByRealPath(below: path)
    }

    /// A handle on an absolute path wherever its links lead; the caller judges by ``realPath()``.
    public static func handle(wherever path: String) throws(Errno) -> OwnedDescriptor {
        OwnedDescriptor(
            owning: try checked { Glibc.open(path, iocpd_path_handle | O_CLOEXEC) })
    }

    /// Opens what this handle stands for.
    ///
    /// `flags` say how, as for open(2).
    public func reopened(flags: Int32) throws(Errno) -> OwnedDescriptor {
        let path = descriptorPath
        return OwnedDescriptor(owning: try checked { Glibc.open(path, flags | O_CLOEXEC) })
    }

    /// Makes a regular file `name` in this directory, which must not be there yet.
    public func createFile(
        _ name: String,
        flags: Int32,
        mode: UInt32
    ) throws(Errno) -> OwnedDescriptor {
        let all = flags | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        return OwnedDescriptor(
            owning: try checked { Glibc.openat(rawValue, name, all, mode_t(mode)) }
        )
    }

    /// A path that leads to what this descriptor is open on, whatever its name is by now.
    public var descriptorPath: String { "/proc/self/fd/\(rawValue)" }

    private func handleByRealPath(below path: String) throws(Errno) -> OwnedDescriptor {
        guard !path.hasPrefix("/"), !path.split(separator: "/").contains("..") else {
            throw Errno(EXDEV)
        }
        let opened = OwnedDescriptor(
            owning: try checked { Glibc.openat(rawValue, path, iocpd_path_handle | O_CLOEXEC) }
        )
        let root = try realPath()
        let real = try opened.realPath()
        guard real == root || real.hasPrefix(root == "/" ? "/" : root + "/") else {
            throw Errno(EXDEV)
        }
        return opened
    }

    /// Where what this descriptor is open on lies now, without links.
    public func realPath() throws(Errno) -> String {
        let path = descriptorPath
        var room = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = try checked { readlink(path, &room, room.count) }
        let bytes = room[..<count].map { UInt8(bitPattern: $0) }
        return String(decoding: bytes, as: UTF8.self)
    }
}
