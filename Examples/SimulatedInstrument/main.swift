// A simulated measuring instrument: a line protocol in the manner of SCPI over TCP and Unix
// sockets, with the bad habits that a real device shows sooner or later. `--help` lists them.
import Glibc

do {
    let options = try Options(arguments: CommandLine.arguments.dropFirst())
    if options.wantsHelp {
        writeOut(Options.help)
        exit(0)
    }
    // Before the first line is printed, so that a signal right after it ends with status 0.
    StopSignal.install()
    let server = try InstrumentServer(options: options)
    for line in server.announcements {
        writeOut("listening \(line)\n")
    }
    try server.run()
} catch {
    writeError("simulated-instrument: \(error.message)\n")
    exit(error.isUsage ? 64 : 1)
}
exit(0)
