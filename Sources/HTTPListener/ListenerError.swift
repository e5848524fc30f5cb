public import EngineBase

/// Why a listener cannot start.
public enum ListenerError: Error, Equatable, Sendable {
    /// An address to listen on cannot be understood.
    case addressInvalid(String, why: String)

    /// A host name to listen on has no address; the resolver's words say why.
    case nameUnknown(String, why: String)

    /// The system refuses to listen on an address.
    case cannotListen(String, Errno)

    /// Another process answers on the socket file.
    case socketInUse(path: String)

    /// The path of a socket file is taken by a file of another kind.
    case notSocket(path: String)

    /// libmicrohttpd could not start; its log lines say why.
    case daemonRefused

    /// The system has no thread or descriptor left for the listener.
    case system(Errno)
}

extension ListenerError: CustomStringConvertible {
    /// A sentence for the operator.
    public var description: String {
        switch self {
        case .addressInvalid(let text, let why): "cannot listen on \"\(text)\": \(why)"
        case .nameUnknown(let name, let why): "cannot listen on \"\(name)\": \(why)"
        case .cannotListen(let address, let error): "cannot listen on \(address): \(error.name)"
        case .socketInUse(let path): "cannot listen on \(path): another process answers there"
        case .notSocket(let path): "cannot listen on \(path): the file there is not a socket"
        case .daemonRefused: "libmicrohttpd could not start"
        case .system(let error): "cannot start the HTTP listener: \(error.name)"
        }
    }
}
