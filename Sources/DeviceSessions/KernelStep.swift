public import EngineBase

/// Names an open descriptor inside one driver: a slot and the generation of its use.
///
/// A late completion for an earlier use of the slot never hits a later one.
public struct DescriptorSlot: Hashable, Sendable {
    /// Index of the slot in the driver's table.
    public var index: UInt32
    /// How often the slot had been used before.
    public var generation: UInt32

    /// The slot `index` in its use number `generation`.
    public init(index: UInt32, generation: UInt32) {
        self.index = index
        self.generation = generation
    }
}

/// Names one step that was given to a driver, until its completion has been taken.
public struct StepToken: Hashable, Sendable {
    /// The session's slot at its worker, with the generation of its use.
    public var session: UInt64
    /// Which step of that session.
    public var step: UInt64

    /// Step number `step` of the session in slot `session`.
    public init(session: UInt64, step: UInt64) {
        self.session = session
        self.step = step
    }
}

/// What a driver can be asked to do: its closed vocabulary.
///
/// A new transport is made of these steps and needs no driver change. Every driver switches over
/// them exhaustively. Steps marked *blocking* go to the blocking pool and are always pending; the
/// others may be done at once.
public enum KernelStep: Sendable {
    /// Looks a name up. *Blocking.* Gives `.addresses`.
    case resolve(host: String, port: UInt16)
    /// Opens a descriptor. *Blocking* where a path is involved. Gives `.opened`.
    case open(OpenRequest)
    /// Connects an open socket. Gives `.connected`.
    case connect(DescriptorSlot, SocketAddress)
    /// Takes the next waiting connection of a listener. Gives `.accepted`.
    case accept(DescriptorSlot, SocketOptions)
    /// Takes 1...`limit` bytes; gives `.received`, with no bytes at the end of the stream.
    case receive(DescriptorSlot, limit: Int)
    /// Sends `bytes` from index `from` on, perhaps only some of them. Gives `.sent`.
    case send(DescriptorSlot, bytes: [UInt8], from: Int)
    /// Takes one datagram or message of at most `limit` bytes. Gives `.message`.
    case receiveMessage(DescriptorSlot, limit: Int)
    /// Sends one datagram or message. Gives `.sent`.
    case sendMessage(DescriptorSlot, bytes: [UInt8], to: SocketAddress?)
    /// Reads from a file. *Blocking.* Gives `.received`.
    case readAt(DescriptorSlot, offset: UInt64, limit: Int)
    /// Writes to a file, at its end without `offset`. *Blocking.* Gives `.sent`.
    case writeAt(DescriptorSlot, offset: UInt64?, bytes: [UInt8])
    /// Waits until a descriptor is readable, and takes nothing. Gives `.ready`.
    case poll(DescriptorSlot)
    /// A control value. *Blocking* where ``ControlRequest/isBlocking``. Gives `.control`.
    case control(DescriptorSlot, ControlRequest)
    /// Shuts the sending side. Gives `.done`.
    case shutdownOutput(DescriptorSlot)
    /// Closes a descriptor; no step may be out on it. Gives `.done`.
    case close(DescriptorSlot, reset: Bool)
}

/// How a descriptor is made.
public enum OpenRequest: Sendable {
    /// A socket that will connect: made, its options set, bound if `bind` says so.
    case socket(SocketKind, family: SocketFamily, bind: SocketAddress?, SocketOptions)
    /// A listening TCP socket: made, bound, listening.
    case listener(SocketAddress, backlog: Int)
    /// A listening Unix socket in an allowed directory. *Blocking.*
    ///
    /// A stale socket file is replaced, a live one refused with `.addressInUse`. The file is
    /// removed when the listener is closed, if it is still the same one.
    case unixListener(SocketKind, PathTarget, mode: UInt32, backlog: Int)
    /// A handle (`O_PATH`) on a Unix socket in an allowed directory, to connect through.
    /// *Blocking.*
    case unixTarget(PathTarget)
    /// A regular file. *Blocking.*
    case file(PathTarget, FileAccess)
    /// A serial line, raw, exclusive. *Blocking.*
    ///
    /// A link that leads out of the directory is followed only where `admits` says so.
    case terminal(PathTarget, LineSettings, admits: @Sendable (String) -> Bool)

    /// Whether making the descriptor may touch a file system, and so goes to the blocking pool.
    public var isBlocking: Bool {
        switch self {
        case .socket, .listener: false
        case .unixListener, .unixTarget, .file, .terminal: true
        }
    }
}

/// A path that an allow rule admits: a directory that the rule names, and what lies below it.
///
/// It is opened below the directory's descriptor; no link may lead out of it.
public struct PathTarget: Hashable, Sendable {
    /// The directory that the allow rule names, absolute, no trailing slash (`/` alone is root).
    public var directory: String
    /// The rest of the path, relative to it.
    public var relative: String
    /// Where a link that leads out of the directory may end all the same; only files look here.
    public var linkTargets: [AllowedPlace] = []

    /// The path `relative` below `directory`.
    public init(directory: String, relative: String) {
        self.directory = directory
        self.relative = relative
    }
}

/// A place in the file system that an allow rule admits.
public struct AllowedPlace: Hashable, Sendable {
    /// The directory, absolute.
    public var directory: String
    /// How a name in it begins and ends, where not all below it is allowed.
    public var pattern: Pattern?

    /// The beginning and the end of a name.
    public struct Pattern: Hashable, Sendable {
        let before: String
        let after: String

        /// Names that begin with `before` and end with `after`.
        public init(before: String, after: String) {
            self.before = before
            self.after = after
        }
    }

    /// All below `directory`, or those of its entries whose names fit.
    public init(directory: String, pattern: Pattern? = nil) {
        self.directory = directory
        self.pattern = pattern
    }

    /// Whether it admits `path`, when its directory is really `root`; both without links.
    public func admits(_ path: String, root: String) -> Bool {
        let prefix = root == "/" ? "/" : root + "/"
        guard path.utf8.starts(with: prefix.utf8) else {
            // A rule may name a file itself.
            return pattern == nil && path.utf8.elementsEqual(root.utf8)
        }
        guard let pattern else { return true }
        let name = path.utf8.dropFirst(prefix.utf8.count)
        return !name.contains(UInt8(ascii: "/"))
            && name.count >= pattern.before.utf8.count + pattern.after.utf8.count
            && name.starts(with: pattern.before.utf8)
            && name.reversed().starts(with: pattern.after.utf8.reversed())
    }
}

/// The kinds of socket that sessions use.
public enum SocketKind: Hashable, Sendable {
    case stream, datagram, sequencedPacket
}

/// The address families that sessions use.
public enum SocketFamily: Hashable, Sendable {
    case ipv4, ipv6, unix
}

/// How a file is opened.
public struct FileAccess: Hashable, Sendable {
    /// Bytes may be read.
    public var reads: Bool
    /// Bytes may be written.
    public var writes: Bool
    /// Writes go to the end.
    public var appends: Bool
    /// A missing file is made, mode 0640.
    public var creates: Bool

    /// Access with these rights; `creates` makes a missing file, mode 0640.
    public init(reads: Bool, writes: Bool, appends: Bool, creates: Bool) {
        self.reads = reads
        self.writes = writes
        self.appends = appends
        self.creates = creates
    }
}

/// Socket options that are set before a socket is used.
public struct SocketOptions: Hashable, Sendable {
    /// TCP_NODELAY.
    public var noDelay: Bool
    /// Idle milliseconds before the first keepalive probe; `nil`: no keepalive.
    ///
    /// With it go 3 probes 5 s apart and TCP_USER_TIMEOUT of 30 s.
    public var keepaliveMilliseconds: Int?
    /// SO_BROADCAST.
    public var broadcast: Bool

    /// Options of a socket; the defaults are what a TCP session uses.
    public init(
        noDelay: Bool = true, keepaliveMilliseconds: Int? = 15_000, broadcast: Bool = false
    ) {
        self.noDelay = noDelay
        self.keepaliveMilliseconds = keepaliveMilliseconds
        self.broadcast = broadcast
    }
}

/// A control as a value, so that drivers need no knowledge of what it is for.
public enum ControlRequest: Hashable, Sendable {
    /// Bytes that the kernel has taken for sending and the peer has not acknowledged (SIOCOUTQ).
    case unsentBytes
    /// Bytes that have arrived and have not been received (FIONREAD).
    case unreadBytes
    /// Whether a receive would give something now: 1 or 0.
    ///
    /// Unlike ``unreadBytes`` it also tells of an empty message, of the end and of an error.
    case readable
    /// The socket's own address.
    case localAddress
    /// Joins a multicast group, or leaves it, on an interface of that name or one that the kernel
    /// picks.
    case membership(isJoin: Bool, IPAddress, interface: String?)
    /// A number that the kernel keeps of a socket.
    case socketOption(SocketOptionName)
    /// Flushes a file's data to the disk (fdatasync). *Blocking.*
    case syncFile
    /// The size of a file. *Blocking.*
    case fileSize
    /// Which file a descriptor is open on.
    case fileIdentity
    /// Takes the kernel's locks of bytes that an open file has not locked yet, all or none, and
    /// never waits for another program. *Blocking.* Gives `.locked`.
    case lockFile([FileLockStep])
    /// Lets the kernel's locks of bytes go, or weakens them. *Blocking.* Gives `.locked`.
    case unlockFile([FileLockStep])
    /// What a serial line can be asked. *Blocking.*
    case terminal(TerminalRequest)
    /// An ioctl by number with the bytes that it reads and room for those that it writes.
    case ioctl(UInt, argument: [UInt8])

    /// Whether it may take long, and so goes to the blocking pool.
    public var isBlocking: Bool {
        switch self {
        case .syncFile, .fileSize, .lockFile, .unlockFile, .terminal: true
        default: false
        }
    }
}

/// A socket option that can be asked for.
public enum SocketOptionName: Hashable, Sendable {
    case receiveBufferBytes, sendBufferBytes, noDelay, keepalive
}

/// What became of a step.
public enum StepResult: Sendable {
    case addresses([SocketAddress])
    case opened(DescriptorSlot)
    case connected
    case accepted(DescriptorSlot, peer: SocketAddress)
    /// The bytes taken; none is the end of the stream.
    case received([UInt8])
    /// One datagram or message, its real size where it was longer, and its sender.
    ///
    /// `dropped`: datagrams that the kernel had no room for, since the socket was made.
    case message([UInt8], fullSize: Int, peer: SocketAddress?, dropped: UInt32 = 0)
    case sent(Int)
    case ready
    case control(ControlReply)
    case done
    /// The kernel's error; `.cancelled` after a cancel that came in time.
    case failed(Errno)
    /// A name that does not resolve, with the resolver's own words.
    case unresolved(String)
}

/// What a control gave.
public enum ControlReply: Hashable, Sendable {
    case number(Int)
    case address(SocketAddress)
    case bytes([UInt8])
    case file(FileKey)
    /// Whether the locks are held; if not, another program has one that stands in the way.
    case locked(Bool)
    case line(LineSettings)
    case sample(LineSample)
}
