import CGnuTLS
import TLSEngine

/// A TLS server in memory, by the same library but by none of the code that is tested.
final class MemoryServer {
    let session: OpaquePointer
    private let identity: TestIdentity
    private let credentials: gnutls_certificate_credentials_t
    fileprivate var incoming: [UInt8] = []
    fileprivate var hasEnded = false
    private(set) var outgoing: [UInt8] = []
    /// What has been received, in plain.
    private(set) var received: [UInt8] = []
    /// The last result of receiving that was no data, other than "not now".
    private(set) var ending: Int32?

    init(
        _ identity: TestIdentity, priorities: String = "NORMAL", wantsCertificate: Bool = false
    ) {
        self.identity = identity
        var session: OpaquePointer?
        gnutls_init(&session, GNUTLS_SERVER.rawValue | GNUTLS_NONBLOCK.rawValue)
        var credentials: gnutls_certificate_credentials_t?
        gnutls_certificate_allocate_credentials(&credentials)
        guard let session, let credentials else { preconditionFailure("out of memory") }
        self.session = session
        self.credentials = credentials
        var certificates = identity.chain
        gnutls_certificate_set_x509_key(
            credentials, &certificates, Int32(certificates.count), identity.key)
        gnutls_credentials_set(
            session, GNUTLS_CRD_CERTIFICATE, UnsafeMutableRawPointer(credentials))
        gnutls_priority_set_direct(session, priorities, nil)
        if wantsCertificate {
            gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE)
        }
        let pointer = Unmanaged.passUnretained(self).toOpaque()
        gnutls_transport_set_ptr(session, pointer)
        gnutls_transport_set_pull_function(session, serverPulls)
        gnutls_transport_set_push_function(session, serverPushes)
    }

    deinit {
        gnutls_deinit(session)
        gnutls_certificate_free_credentials(credentials)
    }

    fileprivate func push(_ bytes: UnsafeRawBufferPointer) { outgoing.append(contentsOf: bytes) }

    func takeOutgoing() -> [UInt8] {
        defer { outgoing = [] }
        return outgoing
    }

    /// Goes on with the handshake; the result of GnuTLS.
    func handshake(_ bytes: [UInt8]) -> Int32 {
        incoming += bytes
        return gnutls_handshake(session)
    }

    /// Receives all that can be received.
    func take(_ bytes: [UInt8]) {
        incoming += bytes
        var room = [UInt8](repeating: 0, count: 16_384)
        while ending == nil {
            let before = incoming.count
            let result = gnutls_record_recv(session, &room, room.count)
            if result > 0 {
                received += room[..<result]
            } else if result == Int(GNUTLS_E_AGAIN) {
                if incoming.count == before { return }
            } else {
                ending = Int32(result)
            }
        }
    }

    func send(_ bytes: [UInt8]) {
        var start = 0
        while start < bytes.count {
            let result = bytes[start...].withUnsafeBytes {
                gnutls_record_send(session, $0.baseAddress, $0.count)
            }
            precondition(result > 0, "the server cannot send: \(result)")
            start += result
        }
    }

    func sendEnd() { gnutls_bye(session, GNUTLS_SHUT_WR) }
}

private let serverPulls: gnutls_pull_func = { pointer, memory, count in
    guard let pointer, let memory else { return -1 }
    let server = Unmanaged<MemoryServer>.fromOpaque(pointer).takeUnretainedValue()
    let taken = min(count, server.incoming.count)
    guard taken > 0 else {
        gnutls_transport_set_errno(server.session, 11)
        return -1
    }
    server.incoming.withUnsafeBytes {
        memory.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(memory), byteCount: taken)
    }
    server.incoming.removeFirst(taken)
    return taken
}

private let serverPushes: gnutls_push_func = { pointer, memory, count in
    guard let pointer, let memory else { return -1 }
    let server = Unmanaged<MemoryServer>.fromOpaque(pointer).takeUnretainedValue()
    server.push(UnsafeRawBufferPointer(start: memory, count: count))
    return count
}
