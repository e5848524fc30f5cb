import ControlAPI
import DeviceSessions
import EngineBase
import Glibc
import HTTPListener
import LinuxSystem
import Logging
import PortEngine
import Transports
import Workers

/// A run of the daemon: put together, wait for signals, stop.
enum Daemon {
    /// Runs until a signal ends it.
    ///
    /// - Returns: the exit status.
    static func run(flags: [String: [String]], configFile: String?) -> Int32 {
        SignalWait.block()
        let settings: Settings
        do {
            settings = try Settings(SettingSources(flags: flags, configFile: configFile))
        } catch {
            StandardError.write("iocpd: \(error.description)\n")
            return ExitStatus.settings
        }
        let logger = makeLogger(settings)
        do {
            let parts = try DaemonParts(settings, logger)
            return serve(parts, logger) {
                do throws(SettingsError) {
                    let again = try Settings(SettingSources(flags: flags, configFile: configFile))
                    parts.service.setTargetPolicy(again.policy)
                    TransportRegistry.reloadTrust()
                    logger.notice("reloaded", metadata: ["rules": "\(again.targetTexts.count)"])
                } catch {
                    logger.error("not reloaded", metadata: ["why": "\(error.description)"])
                }
            }
        } catch {
            logger.critical("cannot start", metadata: ["why": "\(error)"])
            return ExitStatus.unavailable
        }
    }

    private static func makeLogger(_ settings: Settings) -> Logger {
        let format = settings.logFormat ?? (isatty(2) == 1 ? .text : .json)
        return Logger(label: "iocpd") { _ in
            LogWriter(logLevel: settings.logLevel, format: format)
        }
    }

    private static func serve(
        _ parts: DaemonParts, _ logger: Logger, reload: () -> Void
    ) -> Int32 {
        for address in parts.service.addresses {
            logger.info("listening", metadata: ["address": "\(address)"])
        }
        while true {
            switch SignalWait.next(milliseconds: DaemonParts.quietCheckMilliseconds) {
            case SIGHUP: reload()
            case .some(let signal): return stop(parts, signal, logger)
            case nil: parts.returnMemoryIfQuieter()
            }
        }
    }

    /// Drains: nothing new is taken, what is there may still be fetched and settled.
    private static func stop(_ parts: DaemonParts, _ signal: Int32, _ logger: Logger) -> Int32 {
        let clock = parts.service.clock
        let limit = parts.limits.drainTimeoutMilliseconds
        let deadline = clock.now().advanced(milliseconds: limit)
        logger.notice(
            "draining",
            metadata: [
                "signal": .stringConvertible(Int(signal)), "limit_ms": .stringConvertible(limit),
            ])
        parts.service.startDraining()
        while !parts.service.isDrained && clock.now() < deadline {
            let next = SignalWait.next(milliseconds: 10)
            if next == SIGTERM || next == SIGINT {
                logger.warning(
                    "stopped at once by a second signal",
                    metadata: ["entries_lost": .stringConvertible(parts.service.entriesHeld)])
                return ExitStatus.killed
            }
        }
        let lost = parts.service.entriesHeld
        parts.stop()
        logger.notice("stopped", metadata: ["entries_thrown_away": .stringConvertible(lost)])
        return 0
    }
}
