public import DeviceSessions

/// What sessions may be opened to: the allow rules.
///
/// Whatever no rule names is denied.
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
                        scheme: scheme,
                        .address(.v6(high: 0, low: 1), prefixLength: 128, ports: nil)),
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
    ///
    /// Paths are compared by their bytes, as the kernel does.
    public func target(for path: String, scheme: String) -> PathTarget? {
        for rule in rules where rule.scheme == scheme {
            switch rule.place {
            case .address, .name:
                continue
            case .directory(let directory):
                if path.utf8.elementsEqual(directory.utf8) { return TargetPolicy.split(path) }
                let prefix = directory == "/" ? "/" : directory + "/"
                if path.utf8.starts(with: prefix.utf8) {
                    let rest = path.utf8.dropFirst(prefix.utf8.count)
                    return PathTarget(directory: directory, relative: String(Substring(rest)))
                }
            case .pattern(let directory, let before, let after):
                guard let target = TargetPolicy.split(path),
                    target.directory.utf8.elementsEqual(directory.utf8),
                    target.relative.utf8.count >= before.utf8.count + after.utf8.count,
                    target.relative.utf8.starts(with: before.utf8),
                    target.relative.utf8.reversed().starts(with: after.utf8.reversed())
                else { continue }
                return target
            }
        }
        return nil
    }

    /// The places of a scheme's path rules.
    public func places(scheme: String) -> [AllowedPlace] {
        rules.compactMap { rule in
            guard rule.scheme == scheme else { return nil }
            switch rule.place {
            case .address, .name: return nil
            case .directory(let directory): return AllowedPlace(directory: directory)
            case .pattern(let directory, let before, let after):
                return AllowedPlace(
                    directory: directory, pattern: .init(before: before, after: after))
            }
        }
    }

    private static func split(_ path: String) -> PathTarget? {
        let bytes = path.utf8
        guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else { return nil }
        let directory = String(Substring(bytes[..<slash]))
        return PathTarget(
            directory: directory.isEmpty ? "/" : directory,
            relative: String(Substring(bytes[bytes.index(after: slash)...])))
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
        let isScheme = scheme.utf8.allSatisfy { (97...122).contains($0) || $0 == 45 }
        guard !scheme.isEmpty, isScheme else {
            throw .invalidURI("its scheme is not written in small letters and dashes")
        }
        let rest = text[separator.upperBound...]
        place =
            rest.hasPrefix("/")
            ? try TargetRule.path(String(rest)) : try TargetRule.network(String(rest))
    }

    private static func path(_ text: String) throws(TargetError) -> Place {
        let segments = text.utf8.split(separator: UInt8(ascii: "/")).map { String(Substring($0)) }
        guard !segments.contains(".."), !segments.contains("."), !text.utf8.contains(0) else {
            throw .invalidURI("a rule's path has no dotted segments")
        }
        guard text.utf8.contains(UInt8(ascii: "*")) else {
            return .directory("/" + segments.joined(separator: "/"))
        }
        let directory = "/" + segments.dropLast().joined(separator: "/")
        let parts = (segments.last ?? "").utf8.split(
            separator: UInt8(ascii: "*"), omittingEmptySubsequences: false)
        guard parts.count == 2, !directory.utf8.contains(UInt8(ascii: "*")) else {
            throw .invalidURI("a star may stand once, in the last segment")
        }
        return .pattern(
            directory: directory, before: String(Substring(parts[0])),
            after: String(Substring(parts[1])))
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
            guard let number = TargetRule.number(host[host.index(after: slash)...]) else {
                throw .invalidURI("the prefix length is no number")
            }
            length = number
            host = String(host[..<slash])
        }
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        if isBracketed { host = String(host.dropFirst().dropLast()) }
        if host.contains(":") != isBracketed {
            throw .invalidURI("an IPv6 address, and nothing else, stands in brackets")
        }
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
        guard (1...2).contains(ends.count),
            let first = TargetRule.number(ends[0]).flatMap(UInt16.init(exactly:)),
            let last = TargetRule.number(ends[ends.count - 1]).flatMap(UInt16.init(exactly:)),
            first <= last
        else { throw .invalidURI("its ports are no number and no range from-to") }
        return first...last
    }

    /// A number of one to five digits, without a sign.
    private static func number(_ text: Substring) -> Int? {
        guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) })
        else { return nil }
        return Int(text)
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
