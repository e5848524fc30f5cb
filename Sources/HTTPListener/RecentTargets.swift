import Glibc

/// The last targets of a connection that were in order: it mostly asks for the same again, or for
/// two in turn.
struct RecentTargets {
    private var newest: KnownTarget?
    private var older: KnownTarget?

    /// The target that was sent as `text`, if it is known.
    func target(_ text: UnsafeBufferPointer<UInt8>) -> RequestTarget? {
        if let newest, newest.hasText(text) { return newest.target }
        if let older, older.hasText(text) { return older.target }
        return nil
    }

    /// Keeps a target instead of the older one.
    mutating func add(_ text: UnsafeBufferPointer<UInt8>, _ target: RequestTarget) {
        guard let known = KnownTarget(text, target) else { return }
        older = newest
        newest = known
    }
}

/// A target with its text.
private struct KnownTarget {
    /// A longer one is not kept, so that idle connections stay small.
    private static let longest = 256

    let target: RequestTarget
    private let text: [UInt8]

    init?(_ text: UnsafeBufferPointer<UInt8>, _ target: RequestTarget) {
        guard text.count <= KnownTarget.longest else { return nil }
        self.target = target
        self.text = Array(text)
    }

    /// Whether it was sent as this.
    func hasText(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        guard text.count == self.text.count, let start = text.baseAddress else { return false }
        return self.text.withUnsafeBytes { kept in
            kept.baseAddress.map { memcmp($0, start, text.count) == 0 } ?? text.isEmpty
        }
    }
}
