import DeviceSessions

/// The socket options that a transport's sessions can be asked for.
enum SocketOptionSet {
    case tcp, unix, udp

    fileprivate var words: [String] {
        let common = ["receive_buffer_bytes", "send_buffer_bytes", "unread_bytes", "unsent_bytes"]
        return self == .tcp ? common + ["keepalive", "no_delay"] : common
    }
}

extension ControlDescription {
    /// `socket.get_option`: one number of the session's socket, as `value` of the entry.
    ///
    /// getsockopt, SIOCINQ and SIOCOUTQ.
    static func getSocketOption(_ options: SocketOptionSet) -> ControlDescription {
        ControlDescription(
            "socket.get_option",
            arguments: [ParameterRule("option", .choice(options.words), isRequired: true)]
        ) { arguments in
            let request: ControlRequest =
                switch arguments.text("option") {
                case "unread_bytes": .unreadBytes
                case "unsent_bytes": .unsentBytes
                case "send_buffer_bytes": .socketOption(.sendBufferBytes)
                case "keepalive": .socketOption(.keepalive)
                case "no_delay": .socketOption(.noDelay)
                default: .socketOption(.receiveBufferBytes)
                }
            return .kernel(request, takesTurn: false)
        }
    }
}
