import DeviceSessions
import EngineBase
import Glibc
import LinuxSystem

/// Opening regular files below allowed directories.
///
/// Runs in the blocking pool.
enum FileOpening {
    /// How often a file that comes and goes meanwhile is tried.
    private static let attempts = 4

    /// Opens a regular file: a directory is EISDIR, anything else ESPIPE, and neither is opened.
    ///
    /// What only looks like a file, and is the kernel's own state, is ESPIPE as well.
    static func open(_ target: PathTarget, _ access: FileAccess) throws(Errno) -> OpenedDescriptor {
        for attempt in 1...attempts {
            do throws(Errno) {
                return try existing(target, access)
            } catch .notFound where access.creates {
                do throws(Errno) {
                    return try created(target, access)
                } catch Errno(EEXIST) where attempt < attempts {
                    // Somebody else has made it in between.
                    continue
                }
            }
        }
        throw Errno(EEXIST)
    }

    private static func existing(
        _ target: PathTarget, _ access: FileAccess
    ) throws(Errno) -> OpenedDescriptor {
        let handle = try handle(on: target)
        switch try handle.identity().kind {
        case .regular: break
        case .directory: throw .isDirectory
        case .socket, .other: throw Errno(ESPIPE)
        }
        guard try !handle.isOnKernelFileSystem() else { throw Errno(ESPIPE) }
        return try opened(SharedDescriptor(try handle.reopened(flags: flags(access))))
    }

    /// A handle on the file, which a link leads to only where some rule admits it.
    private static func handle(on target: PathTarget) throws(Errno) -> OwnedDescriptor {
        let directory = try OwnedDescriptor.directory(target.directory)
        do throws(Errno) {
            return try directory.handle(below: target.relative)
        } catch .crossesDevice where !target.linkTargets.isEmpty {
            return try followed(target)
        }
    }

    /// The file behind a link that leads out of the directory.
    ///
    /// What it leads to is denied in one way, there or not: nobody learns what else the machine has.
    private static func followed(_ target: PathTarget) throws(Errno) -> OwnedDescriptor {
        do throws(Errno) {
            let handle = try OwnedDescriptor.handle(
                wherever: target.directory + "/" + target.relative)
            let path = try handle.realPath()
            for place in target.linkTargets {
                // A rule's own directory may be gone, or be reached by links.
                guard let root = try? OwnedDescriptor.handle(wherever: place.directory).realPath(),
                    place.admits(path, root: root)
                else { continue }
                return handle
            }
        } catch {
            throw .crossesDevice
        }
        throw .crossesDevice
    }

    private static func created(
        _ target: PathTarget, _ access: FileAccess
    ) throws(Errno) -> OpenedDescriptor {
        let (parent, name) = try PathOpening.parentAndName(of: target)
        guard try !parent.owned.isOnKernelFileSystem() else { throw Errno(ESPIPE) }
        return try opened(
            SharedDescriptor(
                try parent.owned.createFile(name, flags: flags(access), mode: 0o640)))
    }

    private static func opened(_ descriptor: SharedDescriptor) throws(Errno) -> OpenedDescriptor {
        let identity = try descriptor.owned.identity()
        return OpenedDescriptor(
            descriptor: descriptor, role: .file,
            file: FileKey(device: identity.device, inode: identity.inode))
    }

    private static func flags(_ access: FileAccess) -> Int32 {
        let writes = access.writes || access.appends
        let direction = access.reads ? (writes ? O_RDWR : O_RDONLY) : O_WRONLY
        return direction | (access.appends ? O_APPEND : 0) | O_NOCTTY
    }
}
