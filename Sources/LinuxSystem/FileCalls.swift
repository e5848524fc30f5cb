import CLinux
public import EngineBase
import Glibc

/// What a descriptor is a descriptor of.
public enum FileKind: Sendable {
    case regular, directory, socket, other
}

/// What identifies a file for as long as it exists, and what it is.
public struct FileIdentity: Hashable, Sendable {
    /// The file system's number.
    public var device: UInt64
    /// The file's number in it.
    public var inode: UInt64
    /// What it is.
    public var kind: FileKind
    /// Its size in bytes.
    public var size: Int

    init(_ status: stat) {
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        size = Int(status.st_size)
        kind =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .regular
            case S_IFDIR: .directory
            case S_IFSOCK: .socket
            default: .other
            }
    }

    /// Whether both are the same file.
    public func isSameFile(as other: FileIdentity) -> Bool {
        device == other.device && inode == other.inode
    }
}

/// Files, and names in a directory that is open. All of these may block.
extension OwnedDescriptor {
    /// What the descriptor is open on.
    public func identity() throws(Errno) -> FileIdentity {
        var status = stat()
        try check { fstat(rawValue, &status) }
        return FileIdentity(status)
    }

    /// What `name` in this directory is; a link is not followed.
    public func identity(ofEntry name: String) throws(Errno) -> FileIdentity {
        var status = stat()
        try check { fstatat(rawValue, name, &status, AT_SYMLINK_NOFOLLOW) }
        return FileIdentity(status)
    }

    /// Reads `limit` bytes at `offset`, fewer only where the file ends.
    ///
    /// An error that is met behind bytes is left to the next read.
    public func read(at offset: UInt64, limit: Int) throws(Errno) -> [UInt8] {
        guard let offset = Int(exactly: offset), limit >= 0 else { throw .invalidArgument }
        var failure: Errno?
        let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            count = 0
            do throws(Errno) {
                // Some file systems give less than there is.
                while count < limit {
                    let (start, place) = (buffer.baseAddress.map { $0 + count }, offset + count)
                    let more = try checked { pread(rawValue, start, limit - count, place) }
                    if more == 0 { break }
                    count += more
                }
            } catch {
                if count == 0 { failure = error }
            }
        }
        if let failure { throw failure }
        // What an entry keeps shall not hold the room that was asked for.
        return bytes.count < limit / 2 ? bytes.map { $0 } : bytes
    }

    /// Writes `bytes` at `offset`, or at the end of a file that was opened to append.
    ///
    /// - Returns: how many were written, perhaps not all.
    public func write(_ bytes: [UInt8], at offset: UInt64?) throws(Errno) -> Int {
        guard let offset else { return try write(bytes, from: 0) }
        guard let offset = Int(exactly: offset) else { throw .invalidArgument }
        return try checked {
            bytes.withUnsafeBytes { pwrite(rawValue, $0.baseAddress, $0.count, offset) }
        }
    }

    /// Waits until the file's data is on the disk (fdatasync).
    public func syncData() throws(Errno) { try check { fdatasync(rawValue) } }

    /// Sets the mode of `name` in this directory.
    public func setMode(_ mode: UInt32, ofEntry name: String) throws(Errno) {
        try check { fchmodat(rawValue, name, mode_t(mode), 0) }
    }

    /// Removes `name` from this directory.
    public func removeEntry(_ name: String) throws(Errno) {
        try check { unlinkat(rawValue, name, 0) }
    }

    /// Renames an entry of this directory; a file of the new name is an error (EEXIST).
    public func renameEntry(_ name: String, toUnused newName: String) throws(Errno) {
        do throws(Errno) {
            try check { iocpd_rename_to_unused(rawValue, name, newName) }
        } catch .invalidArgument {
            // Some file systems cannot refuse to replace; a second link can.
            try check { linkat(rawValue, name, rawValue, newName, 0) }
            try removeEntry(name)
        }
    }
}
