/// Bytes that the kernel sends while the program goes on.
///
/// They stay where they are until ``isOut`` is false; one that is let go before that is leaked, for
/// the kernel may still read it.
public final class SendBlock {
    let bytes: UnsafeMutableRawBufferPointer
    /// Whether the kernel has it.
    var isOut = false

    /// A copy of `bytes` from index `start` on, at most `limit` of them.
    public init(_ bytes: [UInt8], from start: Int, limit: Int) {
        let end = start + min(bytes.count - start, limit)
        self.bytes = .allocate(byteCount: end - start, alignment: 16)
        bytes.withUnsafeBytes { source in
            self.bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[start..<end]))
        }
    }

    deinit {
        if !isOut { bytes.deallocate() }
    }

    /// Says that the kernel has given it back.
    public func isBack() { isOut = false }
}
