/// What the command line asked for.
struct Options {
    /// Where the instrument listens, TCP.
    var listeners: [Endpoint] = []
    /// Where the instrument listens, Unix stream sockets.
    var unixPaths: [String] = []
    /// Where the plain byte echo device listens.
    var echoListeners: [Endpoint] = []
    /// Start of the pseudo measurements; every connection begins with it.
    var seed: UInt64 = 1
    var wantsHelp = false

    /// Reads the arguments without the program's name.
    ///
    /// - Throws: a usage problem for an unknown option or an unusable value.
    init(arguments: ArraySlice<String>) throws(InstrumentProblem) {
        var rest = arguments
        while let option = rest.popFirst() {
            if option == "--help" || option == "-h" {
                wantsHelp = true
                continue
            }
            guard ["--listen", "--unix", "--echo", "--seed"].contains(option) else {
                throw .usage("unknown option \(option); --help lists them")
            }
            guard let value = rest.popFirst(), !value.isEmpty else {
                throw .usage("\(option) needs a value")
            }
            try take(option, value)
        }
        if listeners.isEmpty, unixPaths.isEmpty {
            listeners = [.standard]
        }
    }

    private mutating func take(_ option: String, _ value: String) throws(InstrumentProblem) {
        switch option {
        case "--listen": listeners.append(try Endpoint(value))
        case "--echo": echoListeners.append(try Endpoint(value))
        case "--unix": unixPaths.append(value)
        default:
            guard let number = UInt64(value) else {
                throw .usage("--seed takes a whole number, not \(value)")
            }
            seed = number
        }
    }

    static let help = """
        usage: simulated-instrument [--listen ADDRESS:PORT]... [--unix PATH]... \
        [--echo ADDRESS:PORT]... [--seed N]

        --listen   the instrument on TCP (default 127.0.0.1:5025; port 0 picks one)
        --unix     the instrument on a Unix stream socket
        --echo     a device that sends every byte back, on TCP
        --seed     start of the pseudo measurements (default 1)

        One line "listening URI" is printed for each: --listen, then --unix, then --echo.

        Commands end in a line feed; upper or lower case. Those with "?" answer one line:
          *IDN?          iocpd,Simulated Instrument,SN0001,1.0
          *OPC?          1
          MEAS:VOLT?     a reading such as +1.23456E+00, another one each time
          MEAS:CURR?     a reading such as +4.56789E-03
          SYST:ERR?      0,"No error"
          ECHO text      text
          DELAY ms       READY after that time (0 to 60000); later commands wait meanwhile
          EVENT:ON ms    from now on a line "!EVENT n" every so often (1 to 60000)
          EVENT:OFF      no more of them
          SILENT?        never answered
          SLOW ms        reads nothing for that time (0 to 60000), answers nothing
          BLOB? n        n printable bytes (0 to 16777216) and a line feed
          DROP           closes the connection
          RESET          closes the connection with a TCP reset
        Anything else, or a line over 4096 bytes, is answered by a line that begins with ERR.

        """
}
