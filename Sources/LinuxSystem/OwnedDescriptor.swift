import EngineBase
import Glibc

/// A file descriptor with one owner, closed when the owner lets it go.
///
/// The calls that use it are its methods, one file for each kind of thing a descriptor can be.
public struct OwnedDescriptor: ~Copyable, Sendable {
    /// The number, for calls that take one; it must not outlive the owner.
    public let rawValue: Int32

    /// Takes over an open descriptor.
    public init(owning rawValue: Int32) { self.rawValue = rawValue }

    deinit {
        // An error here cannot be acted on, and Linux frees the number whatever close answers.
        _ = close(rawValue)
    }

    /// Gives the number away: whoever takes it closes it.
    public consuming func take() -> Int32 {
        let raw = rawValue
        discard self
        return raw
    }
}

/// A descriptor that a running job and its owner hold together.
///
/// It is closed when the last of them lets go, so a number is never reused under a running call.
public final class SharedDescriptor: Sendable {
    /// The descriptor itself.
    public let owned: OwnedDescriptor

    /// Shares `owned` from here on.
    public init(_ owned: consuming OwnedDescriptor) { self.owned = owned }
}

/// Repeats a call that a signal interrupted, and turns its -1 into the thrown error.
@inline(__always)
func checked<Result: SignedInteger>(_ call: () -> Result) throws(Errno) -> Result {
    while true {
        let result = call()
        if result != -1 { return result }
        let error = Errno.current
        if error != .interrupted { throw error }
    }
}

/// The same for calls whose only result is that they worked.
@inline(__always)
func check(_ call: () -> Int32) throws(Errno) {
    _ = try checked(call)
}
