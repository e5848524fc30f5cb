public import DeviceSessions

/// What sessions may be opened to: the allow rules. Whatever no rule names is denied.
public struct TargetPolicy: Sendable {
    /// The rules, in the order they were given.
    public let rules: [TargetRule]

    /// A policy of these rules.
    public init(_ rules: [TargetRule]) { self.rules = rules }

    /// The policy when no rule is given: loopback for every network scheme, and no path.
    public static func loopbackOnly(networkSchemes: [String]) -> TargetPolicy {
        TargetPolicy(
            networkSchemes.flatMap { scheme in
                [
                    TargetRule(
                        scheme: scheme, .address(.v4(0x7F00_0000), prefixLength: 8, ports: nil)),
                    TargetRule(
                        scheme: scheme, .address(.v6(high: 0, low: 1), prefixLength: 128, ports: nil)),
                ]
            })
    }

    /// Whether an address may be used, that was given as such or that `name` resolved to.
    public func admits(
        _ address: IPAddress, port: UInt16, scheme: String, resolvedFrom name: String?
    ) -> Bool {
        rules.contains { rule in
            guard rule.scheme == scheme else { return false }
            switch rule.place {
            case .address(let prefix, let length, let ports):
                return ports?.contains(port) ?? true && address.hasPrefix(prefix, length: length)
            case .name(let allowed, let ports):
                return allowed == name?.lowercased() && ports?.contains(port) ?? true
                    && !address.isSpecial
            case .directory, .pattern:
                return false
            }
        }
    }

    /// Whether some rule could admit an address that this name may have.
    public func mayAdmit(name: String, port: UInt16, scheme: String) -> Bool {
        rules.contains { rule in
            guard rule.scheme == scheme else { return false }
            switch rule.place {
            case .address(_, _, let ports): return ports?.contains(port) ?? true
            case .name(let allowed, let ports):
                return allowed == name.lowercased() && ports?.contains(port) ?? true
            case .directory, .pattern: return false
            }
        }
    }

    /// The allowed directory that a path lies in, with the rest of the path.
    public func target(for path: String, scheme: String) -> PathTarget? {
        for rule in rules where rule.scheme == scheme {
            switch rule.place {
            case .address, .name:
                continue
            case .directory(let directory):
                if path == directory { return TargetPolicy.split(path) }
                let prefix = directory == "/" ? "/" : directory + "/"
                if path.hasPrefix(prefix) {
                    return PathTarget(
                        directory: directory, relative: String(path.dropFirst(prefix.count)))
                }
            case .pattern(let directory, let before, let after):
                guard let target = TargetPolicy.split(path), target.directory == directory,
                    target.relative.utf8.count >= before.utf8.count + after.utf8.count,
                    target.relative.hasPrefix(before), target.relative.hasSuffix(after)
                else { continue }
                return target
            }
        }
        return nil
    }

    private static func split(_ path: String) -> PathTarget? {
        guard let slash = path.lastIndex(of: "/") else { return nil }
        let directory = String(path[..<slash])
        return PathTarget(
            directory: directory.isEmpty ? "/" : directory,
            relative: String(path[path.index(after: slash)...]))
    }
}

/// One `--allow-target`.
public struct TargetRule: Hashable, Sendable {
    /// What the rule admits.
    public enum Place: Hashable, Sendable {
        case address(IPAddress, prefixLength: Int, ports: ClosedRange<UInt16>?)
        case name(String, ports: ClosedRange<UInt16>?)
        /// A directory, or one file, and all below it.
        case directory(String)
        /// Files of a directory whose names have this beginning and this end.
        case pattern(directory: String, before: String, after: String)
    }

    /// The scheme that it is for.
    public let scheme: String
    /// What it admits.
    public let place: Place

    /// A rule for `scheme` that admits `place`.
    public init(scheme: String, _ place: Place) {
        self.scheme = scheme
        self.place = place
    }

    /// Reads a rule: `tcp://10.0.0.0/8:4000-4999`, `tcp://plc.lab`, `unix:///run/devices`,
    /// `serial:///dev/ttyUSB*`.
    ///
    /// - Throws: `.invalidURI` with what is wrong.
    public init(_ text: String) throws(TargetError) {
        guard let separator = text.firstRange(of: "://") else {
            throw .invalidURI("a rule is scheme://host, scheme://address/prefix or scheme:///path")
        }
        scheme = String(text[..<separator.lowerBound])
        let rest = text[separator.upperBound...]
        place =
            rest.hasPrefix("/")
            ? try TargetRule.path(String(rest)) : try TargetRule.network(String(rest))
    }

    private static func path(_ text: String) throws(TargetError) -> Place {
        var path = text
        while path.count > 1 && path.hasSuffix("/") { path.removeLast() }
        let segments = path.split(separator: "/", omittingEmptySubsequences: true)
        guard !segments.contains(".."), !segments.contains(".") else {
            throw .invalidURI("a rule's path has no dots")
        }
        guard path.contains("*") else { return .directory(path) }
        guard let last = segments.last, last.filter({ $0 == "*" }).count == 1,
            !segments.dropLast().contains(where: { $0.contains("*") }),
            let star = last.firstIndex(of: "*")
        else { throw .invalidURI("a star may stand once, in the last segment") }
        return .pattern(
            directory: "/" + segments.dropLast().joined(separator: "/"),
            before: String(last[..<star]), after: String(last[last.index(after: star)...]))
    }

    private static func network(_ text: String) throws(TargetError) -> Place {
        var host = text
        var ports: ClosedRange<UInt16>?
        let afterBracket = text.lastIndex(of: "]") ?? text.startIndex
        if let colon = text[afterBracket...].lastIndex(of: ":") {
            ports = try TargetRule.ports(text[text.index(after: colon)...])
            host = String(text[..<colon])
        }
        var length: Int?
        if let slash = host.lastIndex(of: "/") {
            guard let number = Int(host[host.index(after: slash)...]), number >= 0 else {
                throw .invalidURI("the prefix length is no number")
            }
            length = number
            host = String(host[..<slash])
        }
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        if let address = IPAddress(host) {
            let width = if case .v4 = address { 32 } else { 128 }
            guard length ?? width <= width else {
                throw .invalidURI("the prefix is longer than the address")
            }
            return .address(address, prefixLength: length ?? width, ports: ports)
        }
        guard length == nil, HostName.isValid(host) else {
            throw .invalidURI("its host is neither an address nor a name")
        }
        return .name(host.lowercased(), ports: ports)
    }

    private static func ports(_ text: Substring) throws(TargetError) -> ClosedRange<UInt16> {
        let ends = text.split(separator: "-", omittingEmptySubsequences: false)
        guard (1...2).contains(ends.count), let first = UInt16(ends[0]),
            let last = UInt16(ends[ends.count - 1]), first <= last
        else { throw .invalidURI("its ports are no number and no range from-to") }
        return first...last
    }
}

/// What a DNS name may look like.
enum HostName {
    /// Labels of letters, digits, dashes and underscores, the last one no number: so that nothing
    /// which a resolver would take for an address passes as a name.
    static func isValid(_ text: String) -> Bool {
        guard (1...253).contains(text.utf8.count) else { return false }
        let name = text.hasSuffix(".") ? text.dropLast() : text[...]
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        guard let last = labels.last, !isNumber(last) else { return false }
        return labels.allSatisfy { label in
            (1...63).contains(label.utf8.count)
                && label.utf8.allSatisfy { byte in
                    (48...57).contains(byte) || (65...90).contains(byte)
                        || (97...122).contains(byte) || byte == 45 || byte == 95
                }
        }
    }

    private static func isNumber(_ label: Substring) -> Bool {
        let lowered = label.lowercased()
        if lowered.hasPrefix("0x") { return lowered.dropFirst(2).allSatisfy(\.isHexDigit) }
        return label.utf8.allSatisfy { (48...57).contains($0) }
    }
}
