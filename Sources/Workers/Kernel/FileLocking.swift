import DeviceSessions
import EngineBase
import LinuxSystem

/// Brings the kernel's locks of an open file to what a session needs.
///
/// Runs in the blocking pool.
enum FileLocking {
    /// Takes locks of bytes that the file has not locked yet, without waiting.
    ///
    /// - Returns: whether all are held; false if another program stands in the way. Then, and after
    ///   an error, none of them is.
    static func take(
        _ steps: [FileLockStep], of file: borrowing OwnedDescriptor
    ) throws(Errno) -> Bool {
        for (index, step) in steps.enumerated() {
            var isHeld = false
            do throws(Errno) {
                isHeld = try file.lock(step.kernelMode, start: step.start, length: step.length)
            } catch {
                free(steps[..<index], of: file)
                throw error
            }
            guard isHeld else {
                free(steps[..<index], of: file)
                return false
            }
        }
        return true
    }

    /// Lets locks of bytes go, or weakens them, which no other program can stand in the way of.
    static func release(
        _ steps: [FileLockStep], of file: borrowing OwnedDescriptor
    ) throws(Errno) {
        for step in steps {
            guard try file.lock(step.kernelMode, start: step.start, length: step.length) else {
                throw .busy
            }
        }
    }

    private static func free(_ steps: ArraySlice<FileLockStep>, of file: borrowing OwnedDescriptor)
    {
        for step in steps {
            // An error leaves them locked until the file is closed; the first error is told.
            _ = try? file.lock(.none, start: step.start, length: step.length)
        }
    }
}

extension FileLockStep {
    fileprivate var kernelMode: OwnedDescriptor.LockMode {
        switch mode {
        case .none: .none
        case .shared: .shared
        case .exclusive: .exclusive
        }
    }

    fileprivate var start: Int64 { Int64(range.start) }

    /// As the kernel has it: 0 reaches to the largest offset.
    fileprivate var length: Int64 {
        range.end > FileRange.largestOffset ? 0 : Int64(range.length)
    }
}
