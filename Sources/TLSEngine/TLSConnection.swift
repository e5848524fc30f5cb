import CGnuTLS
public import DeviceSessions
public import PortEngine

// SAFETY: one session owns a connection from its making to its end, and that session's worker alone
// calls it. What connections share (roots, credentials, priorities) is only read.

/// The client's end of one TLS connection, in memory: bytes from the wire in, bytes for it out.
///
/// First the handshake, by ``handshake(_:)``, then a ``StreamFilter``. TLS 1.2 and 1.3; a peer that
/// wants to negotiate anew is refused, early data is never sent.
public final class TLSConnection: @unchecked Sendable {
    /// How a handshake stands.
    public enum Progress: Sendable {
        /// The peer must send more.
        case needsInput
        /// It is over, once the last bytes are out.
        case done
        /// It failed; bytes that are still there tell the peer why.
        case failed(EntryError)
    }

    /// How often a peer may ask to negotiate anew before that is taken for an attack.
    private static let toleratedRequests = 4
    /// The most plain bytes in one record.
    static let recordBytes = 16_384

    let session: OpaquePointer
    let exchange: TLSExchange
    private var hasEnded = false
    private var hasSealedEnd = false
    private var requestsRefused = 0
    /// The number that the last record was sealed with, while it may be taken back.
    private var lastRecord: UInt64?

    /// A connection that has not begun.
    public init(_ terms: TLSTerms) {
        var session: OpaquePointer?
        let flags = GNUTLS_CLIENT.rawValue | GNUTLS_NONBLOCK.rawValue
        guard gnutls_init(&session, flags) == 0, let session else {
            preconditionFailure("GnuTLS is out of memory")
        }
        self.session = session
        exchange = TLSExchange(terms)
        gnutls_priority_set(session, TLSConnection.priorities.pointer)
        let identity = terms.identity ?? ClientIdentity.none
        gnutls_credentials_set(
            session, GNUTLS_CRD_CERTIFICATE, UnsafeMutableRawPointer(identity.credentials.pointer))
        if IPAddress(terms.serverName) == nil {
            let bytes = Array(terms.serverName.utf8)
            gnutls_server_name_set(session, GNUTLS_NAME_DNS, bytes, bytes.count)
        }
        connect(session, to: exchange)
        gnutls_session_set_verify_function(session, judgePeer)
    }

    deinit { gnutls_deinit(session) }

    private static let priorities: GnuTLSObject = {
        var cache: OpaquePointer?
        let result = gnutls_priority_init(
            &cache, "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2", nil)
        guard result == 0, let cache else {
            preconditionFailure("GnuTLS does not have TLS 1.2 and 1.3: \(words(of: result))")
        }
        return GnuTLSObject(cache) { gnutls_priority_deinit($0) }
    }()

    // MARK: - The handshake

    /// Goes on with the handshake.
    ///
    /// - Parameter received: what has come from the wire; none at the beginning. The end of the wire
    ///   is ``handshakeCut()``.
    /// - Returns: bytes for the wire, and how it stands.
    public func handshake(_ received: [UInt8]) -> (wire: [UInt8], Progress) {
        exchange.add(received)
        while true {
            let unread = exchange.unreadCount
            let result = gnutls_handshake(session)
            if result == 0 { return (exchange.takeOutgoing(), .done) }
            if result == GNUTLS_E_AGAIN || result == GNUTLS_E_INTERRUPTED {
                // GnuTLS may stop for breath with bytes left.
                if exchange.unreadCount < unread { continue }
                return (exchange.takeOutgoing(), .needsInput)
            }
            if result == GNUTLS_E_WARNING_ALERT_RECEIVED { continue }
            let error = handshakeError(result)
            if exchange.refusal != nil {
                gnutls_alert_send(session, GNUTLS_AL_FATAL, exchange.refusalAlert)
            } else if result != GNUTLS_E_FATAL_ALERT_RECEIVED {
                gnutls_alert_send_appropriate(session, result)
            }
            return (exchange.takeOutgoing(), .failed(error))
        }
    }

    /// The error of a handshake in whose midst the peer closed the connection.
    public func handshakeCut() -> EntryError { .handshakeCut }

    private func handshakeError(_ result: Int32) -> EntryError {
        if let refusal = exchange.refusal { return refusal }
        let isAsked = gnutls_certificate_client_get_request_status(session) != 0
        if result == GNUTLS_E_FATAL_ALERT_RECEIVED {
            return .alert(
                gnutls_alert_get(session), inHandshake: true,
                wantsCertificate: isAsked && isWithoutIdentity)
        }
        return .handshakeFailed(result)
    }

    private var isWithoutIdentity: Bool { exchange.terms.identity == nil }

    /// What the peer has sent behind its part of the handshake, unsealed.
    public func earlyInput() -> UnsealedInput { read() }
}

extension TLSConnection: StreamFilter {
    /// Takes what has arrived on the wire; no bytes are the end of the wire.
    public func unseal(_ wire: [UInt8]) -> UnsealedInput {
        guard !wire.isEmpty else {
            // GnuTLS is not told: it would send nothing more, and what can be read has been.
            guard !hasEnded else { return UnsealedInput() }
            hasEnded = true
            return UnsealedInput(end: .failed(.tlsTruncated, breaksOutput: false))
        }
        exchange.add(wire)
        return read()
    }

    /// Takes all that can be taken.
    private func read() -> UnsealedInput {
        var input = UnsealedInput()
        guard !hasEnded else { return input }
        withUnsafeTemporaryAllocation(byteCount: TLSConnection.recordBytes, alignment: 1) { room in
            var unread = exchange.unreadCount
            while input.end == nil {
                let result = gnutls_record_recv(session, room.baseAddress, room.count)
                if result > 0 {
                    input.bytes.append(contentsOf: room[..<result])
                } else if result == Int(GNUTLS_E_AGAIN) || result == Int(GNUTLS_E_INTERRUPTED) {
                    // It says so too after a ticket or a change of keys, with more to be read.
                    guard exchange.unreadCount < unread else { break }
                } else {
                    input.end = end(Int32(result))
                }
                unread = exchange.unreadCount
            }
        }
        if input.end != nil { hasEnded = true }
        input.answer = exchange.takeOutgoing()
        return input
    }

    /// What a result of receiving that is no data means; `nil`: nothing to the session.
    private func end(_ result: Int32) -> UnsealedInput.End? {
        switch result {
        case 0:
            return .endOfStream
        case GNUTLS_E_WARNING_ALERT_RECEIVED:
            return nil
        case GNUTLS_E_REHANDSHAKE where requestsRefused < TLSConnection.toleratedRequests:
            requestsRefused += 1
            if !hasSealedEnd {
                gnutls_alert_send(session, GNUTLS_AL_WARNING, GNUTLS_A_NO_RENEGOTIATION)
            }
            return nil
        case GNUTLS_E_FATAL_ALERT_RECEIVED:
            let error = EntryError.alert(
                gnutls_alert_get(session), inHandshake: false, wantsCertificate: isWithoutIdentity)
            return .failed(error, breaksOutput: true)
        default:
            if !hasSealedEnd { gnutls_alert_send_appropriate(session, result) }
            return .failed(.tlsBroken(result), breaksOutput: true)
        }
    }

    /// Seals one record of at most 16 KiB.
    public func seal(_ bytes: [UInt8], from start: Int) -> SealedOutput {
        let before = sequenceNumber
        let result = bytes.withUnsafeBytes { all in
            let count = min(all.count - start, TLSConnection.recordBytes)
            return gnutls_record_send(session, all.baseAddress.map { $0 + start }, count)
        }
        let record = exchange.takeOutgoing()
        guard result > 0 else { return .failed(.tlsBroken(Int32(result))) }
        // A change of keys goes before the record and begins to count anew: nothing is unmade then.
        let isAlone = record.count >= 5 && record.count == 5 + Int(record[3]) << 8 + Int(record[4])
        lastRecord = isAlone && sequenceNumber == before + 1 ? before : nil
        return .record(record, plainBytes: result)
    }

    /// Unmakes the last record by counting back, if nothing was sealed since.
    ///
    /// Its number, and with it its nonce, is used again; nobody has seen what it was used for.
    public func takeBack() -> Bool {
        guard let number = lastRecord, sequenceNumber == number + 1 else { return false }
        lastRecord = nil
        let bytes = (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * UInt64($0))) }
        return gnutls_record_set_state(session, 0, bytes) == 0
    }

    /// The number of the next record that is sealed.
    private var sequenceNumber: UInt64 {
        var bytes = [UInt8](repeating: 0, count: 8)
        gnutls_record_get_state(session, 0, nil, nil, nil, &bytes)
        return bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Seals the close_notify alert.
    public func sealEnd() -> [UInt8] {
        guard !hasSealedEnd else { return [] }
        hasSealedEnd = true
        gnutls_bye(session, GNUTLS_SHUT_WR)
        return exchange.takeOutgoing()
    }

    /// The version, the cipher and the peer's key.
    public var security: ConnectionSecurity {
        let version = gnutls_protocol_get_name(gnutls_protocol_get_version(session))
        let cipher = gnutls_cipher_get_name(gnutls_cipher_get(session))
        return ConnectionSecurity(
            version: version.map { String(cString: $0) } ?? "?",
            cipher: cipher.map { String(cString: $0) } ?? "?", peerPin: exchange.peerPin)
    }
}
