import Glibc

/// A target that was in order, with its text: a connection mostly asks for the same again.
struct LastTarget {
    /// A longer one is not kept, so that idle connections stay small.
    private static let longest = 256

    let target: RequestTarget
    private let text: [UInt8]

    init?(_ text: UnsafeBufferPointer<UInt8>, _ target: RequestTarget) {
        guard text.count <= LastTarget.longest else { return nil }
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
