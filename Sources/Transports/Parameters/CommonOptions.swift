/// Options that several transports take, written once.
extension ParameterRule {
    /// TCP_NODELAY; on if not said otherwise.
    static let noDelay = ParameterRule("no_delay", .boolean)
    /// Idle milliseconds before the first keepalive probe.
    static let keepaliveMilliseconds = ParameterRule("keepalive_ms", .integer(1...32_767_000))
    /// The address to connect from: `address` or `address:port`.
    static let bind = ParameterRule.text("bind", codePoints: 0...64)
    /// SO_BROADCAST: whether datagrams may go to broadcast addresses.
    static let broadcast = ParameterRule("broadcast", .boolean)
    /// How long written bytes may linger at close, in milliseconds.
    static let lingerMilliseconds = ParameterRule("linger_ms", .integer(0...300_000))
    /// How many clients may wait for an accept.
    static let backlog = ParameterRule("backlog", .integer(1...65_535))
    /// The mode of a listening socket's file, in octal digits.
    static let mode = ParameterRule(
        "mode",
        .text(codePoints: 3...4, wording: "must be three octal digits, such as 0660") { text in
            let digits =
                text.utf8.count == 4 && text.hasPrefix("0") ? text.dropFirst() : text[...]
            return digits.utf8.count == 3 && digits.utf8.allSatisfy { (48...55).contains($0) }
        })
}
