/// Why a request's body cannot be used.
public enum JSONBodyError: Error, Equatable, Sendable {
    /// It is not JSON that we take.
    case syntax(JSONSyntaxError)
    /// It is JSON, but not what the request has: one to ``FaultList/limit`` faults.
    case faults([BodyFault])
}

/// Reads the body of a request, which is one JSON object.
public enum JSONBody {
    /// Parses a body, reads it with `body`, and looks for unknown members.
    ///
    /// - Parameters:
    ///   - bytes: the whole body.
    ///   - emptyMeansNoMembers: whether a body without bytes stands for `{}`.
    ///   - maxDepth: how many levels of arrays and objects may be nested.
    ///   - read: reads the members; it answers nil only after a fault. The reader and all that
    ///     is made from it are valid only until it returns.
    /// - Returns: what `read` made, when nothing was wrong.
    /// - Throws: ``JSONBodyError``.
    public static func read<R>(
        _ bytes: [UInt8],
        emptyMeansNoMembers: Bool = false,
        maxDepth: Int = 32,
        _ read: (inout ObjectReader) -> R?
    ) throws(JSONBodyError) -> R {
        let text = bytes.isEmpty && emptyMeansNoMembers ? Array("{}".utf8) : bytes
        let faults = FaultList()
        var result: R?
        do throws(JSONSyntaxError) {
            let document = try JSONDocument(parsing: text, maxDepth: maxDepth)
            result = document.withRoot { root in
                var reader = ObjectReader(root, faults: faults)
                let value = read(&reader)
                reader.finish()
                return value
            }
        } catch {
            throw .syntax(error)
        }
        guard faults.isEmpty else { throw .faults(faults.faults) }
        guard let result else {
            // A bug of the caller must not stop the daemon for everybody else.
            assertionFailure("nil without a fault")
            throw .faults([BodyFault(pointer: "", detail: "is not what this request takes")])
        }
        return result
    }
}
