import EngineBase
public import PortEngine

extension EntryError {
    /// What files refuse, beside what ``EntryError/init(_:)`` knows of all devices.
    static let ofFiles: [Errno: Meaning] = [
        .diskFull: Meaning(
            code: "disk_full", win32: 112, message: "The file system has no room left."),
        .diskQuota: Meaning(
            code: "disk_quota_exceeded", win32: 1295,
            message: "The daemon's user has used up its share of the file system."),
        .exists: Meaning(
            code: "already_exists", win32: 183,
            message: "There is something at this path that is no file to open."),
        .fileTooLarge: Meaning(
            code: "file_too_large", win32: 223,
            message: "The file would become larger than its file system, or a limit, allows."),
        .isDirectory: Meaning(
            code: "is_a_directory", win32: 5, message: "What is at this path is a directory."),
        .nameTooLong: Meaning(
            code: "name_too_long", win32: 206, message: "A name in the path is too long."),
        .noLocks: Meaning(
            code: "too_many_locks", win32: 36, message: "The kernel is out of file locks."),
        .notDirectory: Meaning(
            code: "not_found", win32: 3, message: "A part of the path is no directory."),
        .notSeekable: Meaning(
            code: "not_a_regular_file", win32: 50,
            message: "What is at this path is no regular file."),
        .readOnlyFileSystem: Meaning(
            code: "read_only_file_system", win32: 19, message: "The file system is read-only."),
        .textFileBusy: Meaning(
            code: "file_busy", win32: 32, message: "The file is a program that runs."),
    ]

    /// A read began at the end of the file or behind it, or met it before it was complete.
    public static let endOfFile = EntryError(
        code: "end_of_file", message: "The file ends before these bytes.", win32: 38)

    /// A file write was still in the kernel when its time was over.
    public static let outcomeUnknown = EntryError(
        code: "outcome_unknown",
        message: "Its time was over while the kernel worked on it; it may yet be done.")

    /// Another session, or another program, has a lock in the way.
    public static let lockViolation = EntryError(
        code: "lock_violation",
        message: "Another session or program has locked these bytes.", win32: 33)

    /// The session was not opened with the access that an operation needs.
    public static let wrongAccess = EntryError(
        code: "access_denied", message: "The session was not opened with the access for it.",
        errno: Errno.accessDenied.rawValue, errnoName: Errno.accessDenied.name, win32: 5)

    /// There is no lock of exactly this range to let go.
    public static let notLocked = EntryError(
        code: "not_locked", message: "The session has no lock of exactly this range.", win32: 158)

    /// The file has as many locks as it may.
    static let tooManyLocks = EntryError(
        code: "too_many_locks",
        message: "The file has as many locks as max_locks_per_file allows.", win32: 36)
}

extension Errno {
    static let diskFull = Errno(28)
    static let diskQuota = Errno(122)
    static let exists = Errno(17)
    static let fileTooLarge = Errno(27)
    static let nameTooLong = Errno(36)
    static let noLocks = Errno(37)
    static let notDirectory = Errno(20)
    static let notSeekable = Errno(29)
    static let textFileBusy = Errno(26)
}
