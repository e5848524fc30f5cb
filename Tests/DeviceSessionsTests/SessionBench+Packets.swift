import DeviceSessions
import EngineBase
import PortEngine
import Testing

/// Sessions of datagrams and messages, and pipes that change their client.
extension SessionBench {
    /// A session of datagrams or messages that is open.
    static func packets(
        _ shape: SessionShape, _ configuration: SessionConfiguration = .bench(),
        peer: String? = "127.0.0.1:9"
    ) -> SessionBench {
        let bench = SessionBench(opening: shape, configuration, peer: peer)
        bench.opens()
        _ = bench.told()
        return bench
    }

    /// The pending receive brings a packet; `size` is its real size where that is more.
    func comes(
        _ text: String, size: Int? = nil, from peer: SocketAddress? = nil, dropped: UInt32 = 0,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let bytes = Array(text.utf8)
        answer(
            "receiveMessage",
            .message(bytes, fullSize: size ?? bytes.count, peer: peer, dropped: dropped),
            sourceLocation: sourceLocation)
    }

    /// The kernel takes the pending packet.
    func goes(sourceLocation: SourceLocation = #_sourceLocation) {
        answer(
            "sendMessage", .sent(sendingPacket?.utf8.count ?? 0), sourceLocation: sourceLocation)
    }

    /// What the pending send would send.
    var sendingPacket: String? {
        for step in steps {
            if case .sendMessage(_, let bytes, _) = step.step {
                return String(decoding: bytes, as: UTF8.self)
            }
        }
        return nil
    }

    /// The kernel says whether there is something to receive.
    func looks(_ isThere: Bool, sourceLocation: SourceLocation = #_sourceLocation) {
        answer(
            "look", .control(.number(isThere ? 1 : 0)), sourceLocation: sourceLocation)
    }

    // MARK: - Pipes

    /// The listener has a client for the session.
    func clientComes(_ index: UInt32 = 20) {
        event {
            $0.clientCame(
                DescriptorSlot(index: index, generation: 1), peer: .unix(path: ""), at: $1, $2, &$3)
        }
    }

    func clientIsRefused(_ error: EntryError = .listenerClosed) {
        event { $0.clientRefused(error, at: $1, $2, &$3) }
    }

    /// The session in that slot wants a client of this listener.
    func guestAsks(_ guest: UInt64) { event { $0.guestAsks(guest, at: $1, $2, &$3) } }

    func guestWithdraws(_ guest: UInt64) { event { $0.guestWithdraws(guest, at: $1, $2, &$3) } }
}
