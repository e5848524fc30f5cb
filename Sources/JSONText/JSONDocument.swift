internal import CJSONMemory
internal import CJansson

/// A parsed JSON text, which owns what jansson built and frees it at the end of its life.
///
/// Objects with a member twice, also when one name is written with escapes, are refused; U+0000
/// is allowed in strings; any JSON value may stand at the top.
public struct JSONDocument: ~Copyable {
    private let root: UnsafeMutablePointer<json_t>
    private let memory: OpaquePointer?

    /// Parses a text.
    ///
    /// - Parameters:
    ///   - bytes: the whole text in UTF-8, without a byte order mark.
    ///   - maxDepth: how many levels of arrays and objects may be nested; a scalar has none.
    /// - Throws: ``JSONSyntaxError`` for a text that is not such JSON.
    public init(parsing bytes: [UInt8], maxDepth: Int = 32) throws(JSONSyntaxError) {
        guard !bytes.isEmpty else {
            throw JSONSyntaxError(line: 1, column: 0, reason: "is empty")
        }
        var error = json_error_t()
        var memory: OpaquePointer?
        let flags = Int(JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY)
        let parsed = bytes.withUnsafeBytes { text in
            iocpd_json_parse(
                text.baseAddress?.assumingMemoryBound(to: CChar.self),
                text.count,
                flags,
                &error,
                &memory
            )
        }
        guard let parsed else {
            throw JSONSyntaxError(error, in: bytes, maxDepth: maxDepth)
        }
        guard iocpd_json_is_deeper_than(parsed, Int32(clamping: maxDepth)) == 0 else {
            iocpd_json_free(parsed, memory)
            throw JSONSyntaxError.tooDeep(bytes, maxDepth: maxDepth)
        }
        root = parsed
        self.memory = memory
    }

    deinit { iocpd_json_free(root, memory) }

    /// Calls `body` with the value at the top.
    ///
    /// The node, and every node and reader made from it, is valid only until `body` returns.
    public borrowing func withRoot<R, E: Error>(
        _ body: (JSONNode) throws(E) -> R
    ) throws(E) -> R {
        try body(JSONNode(root))
    }

    /// Parses a text, calls `body` with the value at the top, and frees the tree.
    ///
    /// The node, and every node and reader made from it, is valid only until `body` returns.
    ///
    /// - Throws: ``JSONSyntaxError``, or what `body` throws.
    public static func read<R>(
        _ bytes: [UInt8],
        maxDepth: Int = 32,
        _ body: (JSONNode) throws -> R
    ) throws -> R {
        let document = try JSONDocument(parsing: bytes, maxDepth: maxDepth)
        return try document.withRoot(body)
    }
}
