import CLinux

/// Memory that the allocator holds and nobody uses.
public enum FreeMemory {
    /// Gives it back to the system; takes some milliseconds for some hundred megabytes.
    public static func giveBack() { malloc_trim(0) }
}
