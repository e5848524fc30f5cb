public import EngineBase
import Glibc

/// Turns host names into addresses.
public enum NameResolver {
    /// Why a name gave no address.
    public enum Failure: Error, Sendable {
        /// A system call failed.
        case system(Errno)
        /// The name does not resolve; the resolver's own words.
        case unresolved(String)
    }

    /// The address that `host` is, where it is one in numbers; needs no look-up.
    ///
    /// Dotted quads, and IPv6 addresses with or without a scope (`fe80::1%eth0`).
    public static func literal(_ host: String, port: UInt16) -> RawSocketAddress.Meaning? {
        var four = in_addr()
        if inet_pton(AF_INET, host, &four) == 1 {
            return .ipv4(UInt32(bigEndian: four.s_addr), port: port)
        }
        guard host.utf8.contains(UInt8(ascii: ":")) else { return nil }
        // A number in this form is never looked up, and only this knows scopes.
        return try? lookUp(host, port: port, flags: AI_NUMERICHOST).first
    }

    /// Looks `host` up, which may take seconds.
    ///
    /// - Returns: at least one address, in the resolver's order, none twice.
    public static func resolve(
        _ host: String,
        port: UInt16
    ) throws(Failure) -> [RawSocketAddress.Meaning] {
        let found = try lookUp(host, port: port, flags: 0)
        guard !found.isEmpty else { throw .unresolved("No address for this name.") }
        return found
    }

    private static func lookUp(
        _ host: String,
        port: UInt16,
        flags: Int32
    ) throws(Failure) -> [RawSocketAddress.Meaning] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = flags
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, nil, &hints, &list)
        guard code == 0 else {
            if code == EAI_SYSTEM { throw .system(.current) }
            throw .unresolved(String(cString: gai_strerror(code)))
        }
        defer { freeaddrinfo(list) }
        var found: [RawSocketAddress.Meaning] = []
        var next = list
        while let node = next {
            next = node.pointee.ai_next
            guard let pointer = node.pointee.ai_addr else { continue }
            let raw = RawSocketAddress(copying: pointer, length: node.pointee.ai_addrlen)
            guard let address = raw.meaning?.withPort(port), !found.contains(address) else {
                continue
            }
            found.append(address)
        }
        return found
    }
}

extension RawSocketAddress.Meaning {
    fileprivate func withPort(_ port: UInt16) -> RawSocketAddress.Meaning {
        switch self {
        case .ipv4(let address, _): .ipv4(address, port: port)
        case .ipv6(let high, let low, _, let scope):
            .ipv6(high: high, low: low, port: port, scope: scope)
        case .unix: self
        }
    }
}
