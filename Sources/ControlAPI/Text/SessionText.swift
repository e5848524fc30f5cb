import DeviceSessions
import JSONText
import PortEngine

/// Writes a session as a GET shows it.
enum SessionText {
    static func write(_ session: SessionHandle, into writer: inout JSONWriter) {
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
        writer.member("connect_timeout_ms", configuration.connectTimeoutMilliseconds)
        writer.member("idle_timeout_ms", configuration.idleTimeoutMilliseconds)
        writer.member("linger_ms", configuration.lingerMilliseconds)
        writer.member("max_pending", configuration.maxPending)
        writer.member("keepalive", configuration.socketOptions.keepaliveMilliseconds != nil)
        writer.member("pending", session.pendingOperations)
        let counters = snapshot.counters
        writer.object("counters") { writer in
            writer.member("bytes_received", counters.bytesReceived)
            writer.member("bytes_sent", counters.bytesSent)
            writer.member("operations_completed", counters.operationsCompleted)
            writer.member("operations_failed", counters.operationsFailed)
            writer.member("accepted", counters.accepted)
            writer.member("accept_pauses", counters.acceptPauses)
            writer.member("datagrams_dropped", counters.datagramsDropped)
        }
        writer.endObject()
    }
}
