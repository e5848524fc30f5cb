import ControlAPI
import DeviceSessions
import HTTPListener
import Logging
import Transports
import Workers

/// The settings of a run, judged.
struct Settings {
    /// How log lines look.
    enum LogFormat: String { case json, text }

    /// Settings that may have several values.
    static let lists: Set<String> = ["listen", "allow-target", "allow-host"]

    private static let limitNames = ServiceLimits.all.map {
        $0.name.replacing("_", with: "-")
    }.filter { $0 != "descriptors" }

    /// The names of all settings.
    static let names: [String] =
        [
            "listen", "socket-mode", "allow-target", "allow-host", "workers", "http-threads",
            "io-driver", "log-format", "log-level", "insecure", "allow-raw-ioctl",
        ] + limitNames

    var listen: [ListenAddress] = []
    var listenTexts = ["localhost:4627"]
    var socketMode: UInt32 = 0o600
    var policy: TargetPolicy
    var targetTexts: [String] = []
    var allowedHosts: [String] = []
    var workers: Int?
    var httpThreads: Int?
    var ioDriver = IODriverChoice.auto
    var logFormat: LogFormat?
    var logLevel = Logger.Level.info
    var isInsecure = false
    var allowsRawIoctl = false
    var limits = ServiceLimits()

    /// Judges settings.
    init(_ sources: SettingSources) throws(SettingsError) {
        isInsecure = try sources.boolean("insecure") ?? false
        allowsRawIoctl = try sources.boolean("allow-raw-ioctl") ?? false
        listenTexts = sources.list("listen") ?? listenTexts
        targetTexts = sources.list("allow-target") ?? []
        policy = try Settings.policy(targetTexts)
        allowedHosts = sources.list("allow-host") ?? []
        workers = try sources.integer("workers", in: 1...256)
        httpThreads = try sources.integer("http-threads", in: 1...256)
        if let text = sources.text("io-driver") {
            guard let choice = IODriverChoice(rawValue: text) else {
                throw .refused(setting: "io-driver", why: "it is auto, uring or epoll")
            }
            ioDriver = choice
        }
        if let text = sources.text("socket-mode") {
            guard let mode = UInt32(text, radix: 8), mode <= 0o777 else {
                throw .refused(setting: "socket-mode", why: "it is octal digits such as 0600")
            }
            socketMode = mode
        }
        if let text = sources.text("log-format") {
            guard let format = LogFormat(rawValue: text) else {
                throw .refused(setting: "log-format", why: "it is json or text")
            }
            logFormat = format
        }
        if let text = sources.text("log-level") {
            guard let level = Logger.Level(rawValue: text) else {
                throw .refused(
                    setting: "log-level",
                    why: "it is trace, debug, info, notice, warning, error or critical")
            }
            logLevel = level
        }
        for (name, path) in ServiceLimits.all where name != "descriptors" {
            let flag = name.replacing("_", with: "-")
            let least = flag == "max-connections-per-client" ? 0 : 1
            if let value = try sources.integer(flag, in: least...1 << 40) {
                limits[keyPath: path] = value
            }
        }
        try judgeAddresses()
    }

    private mutating func judgeAddresses() throws(SettingsError) {
        for text in listenTexts {
            let address: ListenAddress
            do {
                address = try ListenAddress(text)
            } catch {
                throw .refused(setting: "listen", why: error.description)
            }
            listen.append(address)
            guard case .tcp(let host, _) = address, !isInsecure else { continue }
            let isLoopback =
                host.lowercased() == "localhost" || IPAddress(host)?.isLoopback == true
            guard isLoopback else {
                throw .refused(
                    setting: "listen",
                    why: """
                        \(text) can be reached from other machines, and there is neither TLS nor a \
                        token yet; listen on localhost or a Unix socket, or give --insecure if \
                        something in front of the daemon keeps strangers out
                        """)
            }
        }
    }

    private static func policy(_ rules: [String]) throws(SettingsError) -> TargetPolicy {
        guard !rules.isEmpty else {
            return .loopbackOnly(networkSchemes: TransportRegistry.networkSchemes)
        }
        var parsed: [TargetRule] = []
        for rule in rules {
            do {
                parsed.append(try TargetRule(rule))
                try judgeScheme(of: rule)
            } catch {
                if case .invalidURI(let why) = error {
                    throw .refused(setting: "allow-target", why: "\(rule): \(why)")
                }
            }
        }
        return TargetPolicy(parsed)
    }

    /// Refuses a rule that could never admit anything, as a misspelt one.
    private static func judgeScheme(of rule: String) throws(TargetError) {
        guard let separator = rule.firstRange(of: "://") else { return }
        let scheme = rule[..<separator.lowerBound]
        let transports = TransportRegistry.all.map(\.description)
        guard let transport = transports.first(where: { $0.scheme == scheme }) else {
            let known = transports.map(\.scheme).joined(separator: ", ")
            throw .invalidURI("its scheme is none of \(known)")
        }
        guard transport.isNetwork != rule[separator.upperBound...].hasPrefix("/") else {
            throw .invalidURI(
                transport.isNetwork
                    ? "its scheme takes a host" : "its scheme takes an absolute path")
        }
    }

    /// A setting's value as text.
    func shown(_ name: String) -> String {
        switch name {
        case "listen": return listenTexts.joined(separator: ", ")
        case "socket-mode": return "0" + String(socketMode, radix: 8)
        case "allow-target":
            return targetTexts.isEmpty ? "(loopback)" : targetTexts.joined(separator: ", ")
        case "allow-host": return allowedHosts.joined(separator: ", ")
        case "workers": return workers.map(String.init) ?? "(processors)"
        case "http-threads": return httpThreads.map(String.init) ?? "(processors)"
        case "io-driver": return ioDriver.rawValue
        case "log-format": return logFormat?.rawValue ?? "(by terminal)"
        case "log-level": return logLevel.rawValue
        case "insecure": return String(isInsecure)
        case "allow-raw-ioctl": return String(allowsRawIoctl)
        default:
            let path = ServiceLimits.all.first { $0.name.replacing("_", with: "-") == name }?.path
            return path.map { String(limits[keyPath: $0]) } ?? ""
        }
    }
}
