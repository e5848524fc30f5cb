import DeviceSessions
import JSONText
import PortEngine
import Transports

/// Addresses that operations name, which the allow rules must admit as they must a session's.
extension WantedOperation {
    /// Judges the address that the operation would use on `session`, if it names one.
    ///
    /// - Throws: `target.denied`.
    func judgeAddress(on session: SessionHandle, _ policy: TargetPolicy) throws(Problem) {
        switch wish {
        case .kind(.write(let write)):
            // Where there is one peer, it is refused for another reason.
            guard session.abilities.sendsTo, let destination = write.destination else { return }
            guard policy.admits(destination: destination) else { throw denied("to") }
        case .kind:
            return
        case .control(let name, let arguments):
            let transport = session.configuration.transport
            let description = TransportRegistry.transport(transport)?.description
            guard let control = description?.controls.first(where: { $0.name == name }),
                let argument = control.addressArgument,
                let address = arguments.text(argument).flatMap({ IPAddress($0) })
            else { return }
            var port: UInt16 = 0
            if let uri = try? TargetURI(session.configuration.uri),
                case .host(_, let its) = uri.place
            {
                port = its
            }
            guard policy.admits(group: address, port: port, scheme: transport) else {
                throw denied("arguments/" + argument)
            }
        }
    }

    private func denied(_ member: String) -> Problem {
        let detail = "is not an allowed target"
        guard let place = place.pointer else { return .parameter(.targetDenied, member, detail) }
        return .member(.targetDenied, place + "/" + member, detail)
    }
}

extension ObjectReader {
    /// The member `to` of a write: where its datagram goes.
    mutating func destination() -> SocketAddress? {
        let rule = TextRule(DatagramDestination.wording) { text in
            DatagramDestination.address(text) != nil
        }
        return string("to", matching: rule).flatMap { DatagramDestination.address($0) }
    }
}

extension QueryValues {
    /// The parameter `to` of a raw write.
    func destination() throws(Problem) -> SocketAddress? {
        guard let text = try text("to") else { return nil }
        guard let address = DatagramDestination.address(text) else {
            throw .parameter(.requestQueryInvalid, "to", DatagramDestination.wording)
        }
        return address
    }
}
