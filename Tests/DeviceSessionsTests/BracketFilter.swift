import DeviceSessions
import PortEngine

/// A filter that can be read: `<plain>` is a record, `.` the end, `~` a record that holds no data,
/// `?` a question that is answered by `!`, and `#` breaks it, which it tells the peer by `x`.
struct BracketFilter: StreamFilter {
    /// The most plain bytes in one record.
    static let recordBytes = 8

    /// Whether records can be taken back.
    var takesBack = true
    private var partial: [UInt8]?
    private var hasEnded = false
    private var lastIsRecord = false
    private var hasSealedEnd = false

    init(takesBack: Bool = true) { self.takesBack = takesBack }

    mutating func unseal(_ wire: [UInt8]) -> UnsealedInput {
        var input = UnsealedInput()
        guard !hasEnded else { return input }
        if wire.isEmpty { input.end = .failed(BracketFilter.truncated, breaksOutput: false) }
        for byte in wire where input.end == nil {
            switch (UnicodeScalar(byte), partial) {
            case (">", let bytes?):
                input.bytes += bytes
                partial = nil
            case (_, .some): partial?.append(byte)
            case ("<", nil): partial = []
            case (".", nil): input.end = .endOfStream
            case ("?", nil):
                lastIsRecord = false
                input.answer += Array("!".utf8)
            case ("#", nil):
                input.answer += Array("x".utf8)
                input.end = .failed(BracketFilter.broken, breaksOutput: true)
            default: break
            }
        }
        hasEnded = input.end != nil
        return input
    }

    mutating func seal(_ bytes: [UInt8], from start: Int) -> SealedOutput {
        precondition(!hasSealedEnd, "sealed behind the end")
        let plain = bytes[start...].prefix(BracketFilter.recordBytes)
        lastIsRecord = true
        return .record(Array("<".utf8) + plain + Array(">".utf8), plainBytes: plain.count)
    }

    mutating func takeBack() -> Bool {
        defer { lastIsRecord = false }
        return takesBack && lastIsRecord
    }

    mutating func sealEnd() -> [UInt8] {
        guard !hasSealedEnd else { return [] }
        hasSealedEnd = true
        lastIsRecord = false
        return Array(".".utf8)
    }

    var security: ConnectionSecurity {
        ConnectionSecurity(version: "bracket", cipher: "none", peerPin: nil)
    }

    static let truncated = EntryError(code: "truncated", message: "")
    static let broken = EntryError(code: "broken", message: "")
}
