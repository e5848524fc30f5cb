import CGnuTLS

// GnuTLS calls these from within calls of ours. They capture nothing; what they work on comes with
// the session.

/// Lets GnuTLS read and write memory instead of a socket.
func connect(_ session: OpaquePointer, to exchange: TLSExchange) {
    // SAFETY: the connection owns both, frees the session first, and GnuTLS uses the pointer only
    // within calls that are given the session.
    let pointer = Unmanaged.passUnretained(exchange).toOpaque()
    exchange.session = session
    gnutls_session_set_ptr(session, pointer)
    gnutls_transport_set_ptr(session, pointer)
    gnutls_transport_set_pull_function(session, pullBytes)
    gnutls_transport_set_push_function(session, pushBytes)
}

/// The exchange that ``connect(_:to:)`` gave to GnuTLS.
private func exchange(_ pointer: UnsafeMutableRawPointer) -> TLSExchange {
    // SAFETY: see `connect`: it is the pointer that was given there, and the exchange is alive.
    Unmanaged<TLSExchange>.fromOpaque(pointer).takeUnretainedValue()
}

private let pullBytes: gnutls_pull_func = { pointer, memory, count in
    guard let pointer, let memory else { return -1 }
    return exchange(pointer).pull(
        into: UnsafeMutableRawBufferPointer(start: memory, count: count))
}

private let pushBytes: gnutls_push_func = { pointer, memory, count in
    guard let pointer, let memory else { return -1 }
    return exchange(pointer).push(UnsafeRawBufferPointer(start: memory, count: count))
}

/// Judges the peer's certificate in the midst of the handshake, before anything that is ours is
/// proved to the peer.
let judgePeer: @convention(c) (OpaquePointer?) -> Int32 = { session in
    guard let session, let pointer = gnutls_session_get_ptr(session) else {
        return GNUTLS_E_CERTIFICATE_ERROR
    }
    return PeerJudgement.judge(session, exchange(pointer)) ? 0 : GNUTLS_E_CERTIFICATE_ERROR
}
