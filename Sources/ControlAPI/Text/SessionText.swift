import DeviceSessions
import EngineBase
import JSONText
import PortEngine

/// Writes a session as a GET shows it.
enum SessionText {
    static func write(
        _ session: SessionHandle, _ call: APICall, into writer: inout JSONWriter
    ) {
        let snapshot = session.snapshot
        let configuration = session.configuration
        writer.beginObject()
        writer.member("session", session.id.text)
        writer.member("state", snapshot.phase)
        writer.member("uri", configuration.uri)
        writer.member("transport", configuration.transport)
        writer.member("port", session.port.name.rawValue)
        writer.member("key", configuration.key)
        writer.member("peer", snapshot.peer)
        writer.member("local", snapshot.local)
        writer.member("input", snapshot.input)
        writer.member("output", snapshot.output)
        if let error = snapshot.lastError {
            writer.member("last_error")
            EntryText.write(error, into: &writer)
        }
        if let demands = configuration.demands { write(demands, snapshot.security, into: &writer) }
        writer.member("connect_timeout_ms", configuration.connectTimeoutMilliseconds)
        writer.member("idle_timeout_ms", configuration.idleTimeoutMilliseconds)
        writer.member("linger_ms", configuration.lingerMilliseconds)
        writer.member("max_pending", configuration.maxPending)
        writer.member("keepalive", configuration.socketOptions.keepaliveMilliseconds != nil)
        if let framing = configuration.framing { write(framing, into: &writer) }
        writer.member("pending", session.pendingOperations)
        if let reconnect = configuration.reconnect {
            writer.object("reconnect") { writer in
                writer.member("min_delay_ms", reconnect.minDelayMilliseconds)
                writer.member("max_delay_ms", reconnect.maxDelayMilliseconds)
                writer.member("max_attempts", reconnect.maxAttempts)
            }
        }
        if let lock = session.lockHeld(at: call.service.clock.now()) {
            writer.object("lock") { writer in
                writer.member("fence", lock.fence)
                writer.member("expires_at", lock.expiresAt, call.times)
            }
        }
        let counters = snapshot.counters
        writer.object("counters") { writer in
            writer.member("bytes_received", counters.bytesReceived)
            writer.member("bytes_sent", counters.bytesSent)
            writer.member("bytes_discarded", counters.bytesDiscarded)
            writer.member("operations_completed", counters.operationsCompleted)
            writer.member("operations_failed", counters.operationsFailed)
            writer.member("reconnects", counters.reconnects)
            writer.member("accepted", counters.accepted)
            writer.member("accept_pauses", counters.acceptPauses)
            writer.member("datagrams_dropped", counters.datagramsDropped)
        }
        writer.endObject()
    }

    private static func write(
        _ demands: PeerDemands, _ security: ConnectionSecurity?, into writer: inout JSONWriter
    ) {
        writer.object("tls") { writer in
            writer.member("verify", demands.verifies)
            writer.member("server_name", demands.serverName)
            writer.member("pin_sha256", demands.pin)
            writer.member("version", security?.version)
            writer.member("cipher", security?.cipher)
            writer.member("peer_pin_sha256", security?.peerPin)
        }
    }

    private static func write(_ framing: Framing, into writer: inout JSONWriter) {
        writer.object("framing") { writer in
            switch framing.form {
            case .delimiter(let delimiter):
                writer.member("kind", "delimiter")
                writer.member("delimiter")
                writer.member("encoding", writer.data(delimiter, as: .auto))
            case .fixed(let bytes):
                writer.member("kind", "fixed")
                writer.member("bytes", bytes)
            case .lengthPrefix(let prefix):
                writer.member("kind", "length_prefix")
                writer.member("offset", prefix.offset)
                writer.member("size", prefix.size)
                writer.member("order", prefix.isBigEndian ? "big" : "little")
                writer.member("adjustment", prefix.adjustment)
            case .gap(let milliseconds):
                writer.member("kind", "gap")
                writer.member("gap_ms", milliseconds)
            }
            writer.member("max_bytes", framing.maxBytes)
        }
    }
}
