public import PortEngine

/// What stands between the bytes of a stream session and those on its wire, as TLS does.
///
/// Bytes in, bytes out: it holds no descriptor and asks for no step, so that drivers do not know of
/// it. The session that owns it, and so one worker alone, calls it.
public protocol StreamFilter: Sendable {
    /// Takes what has arrived on the wire; no bytes are the end of the wire.
    ///
    /// Whatever can be unsealed is given at once, so that a filter never holds more than the
    /// beginning of one record.
    mutating func unseal(_ wire: [UInt8]) -> UnsealedInput

    /// Seals the beginning of `bytes[start...]`: at least one byte, at most one record.
    ///
    /// What is sealed must go out, in this order and to its last byte, unless it is taken back.
    mutating func seal(_ bytes: [UInt8], from start: Int) -> SealedOutput

    /// Unmakes the record that was sealed last; its bytes must not go out then.
    ///
    /// - Returns: whether that could be done. If not, the record must go out.
    mutating func takeBack() -> Bool

    /// Seals the end of what is sent; nothing is sealed behind it.
    mutating func sealEnd() -> [UInt8]

    /// What was agreed with the peer.
    var security: ConnectionSecurity { get }
}

/// What bytes from the wire came to.
public struct UnsealedInput: Sendable {
    /// How the input ended.
    public enum End: Sendable {
        /// The peer said that it has sent everything.
        case endOfStream
        /// The wire ended, or broke a rule.
        ///
        /// `breaksOutput`: nothing can be sent either.
        case failed(EntryError, breaksOutput: Bool)
    }

    /// Plain bytes, in order of arrival; they come before the end.
    public var bytes: [UInt8]
    /// The end, if it has come.
    public var end: End?
    /// Sealed bytes that answer the peer, to be sent behind what is on its way.
    public var answer: [UInt8]

    /// Input with these members.
    public init(bytes: [UInt8] = [], end: End? = nil, answer: [UInt8] = []) {
        self.bytes = bytes
        self.end = end
        self.answer = answer
    }
}

/// What sealing came to.
public enum SealedOutput: Sendable {
    /// One record for the wire, that holds so many plain bytes.
    case record([UInt8], plainBytes: Int)
    /// Nothing can be sealed any more.
    case failed(EntryError)
}

/// How a connection is secured, as a GET shows it.
public struct ConnectionSecurity: Hashable, Sendable {
    /// The version of the protocol, such as `TLS1.3`.
    public var version: String
    /// The cipher, such as `AES-256-GCM`.
    public var cipher: String
    /// SHA-256 of the peer's SubjectPublicKeyInfo, in base64.
    public var peerPin: String?

    /// Security with these members.
    public init(version: String, cipher: String, peerPin: String?) {
        self.version = version
        self.cipher = cipher
        self.peerPin = peerPin
    }
}

/// What a session demands of its peer before bytes flow, as a GET shows it.
public struct PeerDemands: Hashable, Sendable {
    /// Whether the peer's certificate must be trusted, in date, and of the right name.
    public var verifies: Bool
    /// The name or address that the certificate must be for.
    public var serverName: String
    /// What the key's SHA-256 must be, in base64.
    public var pin: String?

    /// Demands with these members.
    public init(verifies: Bool, serverName: String, pin: String?) {
        self.verifies = verifies
        self.serverName = serverName
        self.pin = pin
    }
}
