import CLinux
public import EngineBase
import Glibc

/// The kernel's locks of bytes of an open file, which belong to the descriptor and not to the
/// process. All of these may block where the file is on another machine.
extension OwnedDescriptor {
    /// What the kernel holds for bytes.
    public enum LockMode: Int32, Sendable {
        case none = 0
        case shared, exclusive
    }

    /// Holds `length` bytes from `start` on as `mode`, without waiting.
    ///
    /// `length` 0 reaches to the largest offset.
    ///
    /// - Returns: whether they are held so; false if another one's lock stands in the way.
    public func lock(_ mode: LockMode, start: Int64, length: Int64) throws(Errno) -> Bool {
        do throws(Errno) {
            try check { iocpd_lock_file(rawValue, mode.rawValue, start, length) }
            return true
        } catch .again {
            return false
        } catch .accessDenied {
            return false
        }
    }

    /// Whether the file system keeps no bytes of its own, but shows the kernel's state as files.
    public func isOnKernelFileSystem() throws(Errno) -> Bool {
        let kind = try checked { iocpd_file_system_kind(rawValue) }
        return OwnedDescriptor.kernelFileSystems.contains(kind)
    }

    /// proc, sysfs, debugfs, tracefs, securityfs, configfs, cgroup and cgroup2, bpf, selinux,
    /// efivarfs and pstore, by their magic numbers.
    private static let kernelFileSystems: Set<Int64> = [
        0x9FA0, 0x6265_6572, 0x6462_6720, 0x7472_6163, 0x7363_6673, 0x6265_6570, 0x0027_E0EB,
        0x6367_7270, 0xCAFE_4A11, 0xF97C_FF8C, 0xDE5E_81E4, 0x6165_676C,
    ]
}
