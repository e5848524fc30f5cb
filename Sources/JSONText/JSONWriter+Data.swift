/// Bytes as strings, encoded straight into the writer's buffer.
extension JSONWriter {
    /// Writes bytes as a string.
    ///
    /// - Returns: the encoding that was used.
    @discardableResult
    public mutating func data(_ data: [UInt8], as wanted: ReplyEncoding) -> DataEncoding {
        data.withUnsafeBufferPointer { write($0, as: wanted) }
    }

    /// Writes bytes as a string.
    ///
    /// - Returns: the encoding that was used.
    @discardableResult
    public mutating func data(_ data: ArraySlice<UInt8>, as wanted: ReplyEncoding) -> DataEncoding {
        data.withUnsafeBufferPointer { write($0, as: wanted) }
    }

    /// Writes the members `data` and `encoding`, or nothing when there are no bytes.
    ///
    /// - Parameters:
    ///   - data: the bytes.
    ///   - wanted: the encoding that was asked for; the one written is the one used.
    public mutating func dataMembers(_ data: [UInt8]?, as wanted: ReplyEncoding) {
        guard let data, !data.isEmpty else { return }
        member("data")
        let used = self.data(data, as: wanted)
        member("encoding")
        switch used {
        case .utf8: string(plain: "utf8")
        case .base64: string(plain: "base64")
        case .hex: string(plain: "hex")
        }
    }

    private mutating func write(
        _ data: UnsafeBufferPointer<UInt8>,
        as wanted: ReplyEncoding
    ) -> DataEncoding {
        let used = wanted.encoding(for: data)
        switch used {
        case .utf8:
            string(utf8: data)
        case .base64:
            string(count: Base64.encodedCount(data.count)) { Base64.encode(data, into: $0) }
        case .hex:
            string(count: 2 * data.count) { Hexadecimal.encode(data, into: $0) }
        }
        return used
    }
}
