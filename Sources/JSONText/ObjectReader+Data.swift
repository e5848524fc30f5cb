extension ObjectReader {
    /// The bytes that a pair of members gives: `data`, and `encoding`, which says how to read it.
    ///
    /// - Parameters:
    ///   - name: the member with the text.
    ///   - encodingName: the member that names the encoding; it may stand alone.
    ///   - defaultEncoding: the encoding when that member is not there.
    ///   - limits: how many bytes there may be.
    ///   - required: whether a missing `name` is a fault.
    /// - Returns: the bytes, none for an empty string; nil when the member is not there or wrong.
    public mutating func data(
        _ name: StaticString = "data",
        encodedBy encodingName: StaticString = "encoding",
        default defaultEncoding: DataEncoding = .base64,
        bytes limits: ClosedRange<Int> = 0...Int.max,
        required: Bool = false
    ) -> [UInt8]? {
        guard let encoding = encoding(encodingName, default: defaultEncoding) else {
            // Which encoding was meant is not known, so `name` is not looked at further.
            if required { require(name) } else { _ = has(name) }
            return nil
        }
        return data(name, as: encoding, bytes: limits, required: required)
    }

    /// The encoding that a member names; `fallback` when it is not there, nil when it is wrong.
    private mutating func encoding(
        _ name: StaticString,
        default fallback: DataEncoding
    ) -> DataEncoding? {
        guard let node = node(name) else { return fallback }
        if let encoding = DataEncoding(node) { return encoding }
        // Goes the long way for the fault.
        return choice(name, as: DataEncoding.self)
    }
}
