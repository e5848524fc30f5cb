import ArgumentParser

/// The program: `iocpd serve`, `iocpd check`, `iocpd healthcheck`.
@main
struct Iocpd: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "iocpd",
        abstract: "The I/O completion port daemon: devices over HTTP, with nothing lost.",
        discussion: """
            Settings come from flags, then from IOCPD_* variables (IOCPD_LISTEN for --listen), then \
            from the file that --config names, then from defaults. Several values of one variable \
            are separated by commas.
            """,
        version: Version.text,
        subcommands: [Serve.self, Check.self, Healthcheck.self],
        defaultSubcommand: Serve.self)
}

/// Runs the daemon.
struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Run the daemon (the default).")

    @OptionGroup var flags: SettingFlags

    func run() throws {
        throw ExitCode(Daemon.run(flags: flags.given, configFile: flags.config))
    }
}

/// Says whether the settings can be used.
struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say whether the settings can be used, and leave.")

    @OptionGroup var flags: SettingFlags

    @Flag(help: "Print each setting with where it came from.")
    var print = false

    func run() throws {
        do throws(SettingsError) {
            let sources = try SettingSources(flags: flags.given, configFile: flags.config)
            let settings = try Settings(sources)
            if print {
                for line in sources.lines(settings) { Swift.print(line) }
            } else {
                Swift.print("The settings can be used.")
            }
        } catch {
            StandardError.write("iocpd: \(error.description)\n")
            throw ExitCode(ExitStatus.settings)
        }
    }
}

/// Asks the daemon of the same settings whether it is ready, for containers.
struct Healthcheck: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Exit with 0 if the daemon of these settings is ready.")

    @OptionGroup var flags: SettingFlags

    func run() throws {
        do throws(SettingsError) {
            let sources = try SettingSources(flags: flags.given, configFile: flags.config)
            let settings = try Settings(sources)
            guard let address = settings.listen.first, HealthProbe.isReady(address) else {
                StandardError.write("iocpd: the daemon is not ready\n")
                throw SettingsError.refused(setting: "listen", why: "nobody ready answers there")
            }
        } catch {
            throw ExitCode(1)
        }
    }
}

/// What the exit status says.
enum ExitStatus {
    /// The settings cannot be used.
    static let settings: Int32 = 78
    /// The daemon cannot start: an address is taken, or the system refuses something.
    static let unavailable: Int32 = 69
    /// A second SIGTERM or SIGINT ended the daemon at once.
    static let killed: Int32 = 143
}
