import DeviceSessions
import EngineBase
import PortEngine
import Workers

/// `file`: what is read is what was there, what is said to be written is, once; locks keep others
/// out from their entry until somebody lets them go, and none is left behind.
final class FileShape: SimulatedShape {
    /// A lock that an entry has told of and that nobody can have let go.
    private struct Held {
        let session: ShapeSession
        let range: Range<Int>
        let isExclusive: Bool
    }

    private let files: [SimulatedFile]
    private var opened: [SessionID: OpenFile] = [:]
    private var held: [(file: Int, Held)] = []
    private var waiting: [ShapeSession] = []

    override init(_ run: ShapeRun) {
        files = (0..<3).map { SimulatedFile(key: FileKey(device: 1, inode: UInt64($0))) }
        super.init(run)
    }

    private func index(_ number: Int) -> Int { number % files.count }

    // MARK: - The world below

    override func opening(_ number: Int) -> ShapeOpening {
        let access = dice.pick(["readwrite", "readwrite", "readwrite", "append", "read"]) ?? "read"
        let missing = dice.happens(4) ? "missing" : ""
        return ShapeOpening("file:///sim/\(missing)f\(number)?access=\(access)")
    }

    override var openFailures: [String] { super.openFailures + ["not_found"] }

    override func willOpen(_ session: ShapeSession) { waiting.append(session) }

    override func device(for request: OpenRequest) throws(Errno) -> (any ScriptedDevice)? {
        guard case .file(let target, let access) = request else { return nil }
        guard target.relative.hasPrefix("f"), let number = Int(target.relative.dropFirst()) else {
            throw .notFound
        }
        let open = OpenFile(files[index(number)], self, appends: access.appends)
        open.session = waiting.first { $0.number == number }
        waiting.removeAll { $0.number == number }
        if let session = open.session { opened[session.id] = open }
        return open
    }

    override func act() {
        guard let file = dice.pick(files), !run.isQuiet else { return }
        switch dice.below(30) {
        case 0: file.isFull = !file.isFull && dice.happens(10)
        case 1:
            // Another program locks something that is free, or lets it go.
            let start = dice.below(SimulatedFile.lockable - 8)
            let range = start..<start + 8
            let nobody = ObjectIdentifier(self)
            if file.foreign != nil {
                file.foreign = nil
            } else if !file.isBarred(range, for: nobody, as: .exclusive) {
                file.foreign = range
            }
        default: break
        }
    }

    override func calmDown() {
        for file in files {
            file.foreign = nil
            file.isFull = false
        }
    }

    // MARK: - Clients

    override func operation(for session: ShapeSession, number: UInt64) -> OperationKind? {
        let abilities = session.handle.abilities
        let offset: UInt64? = abilities.offsets == .appends ? nil : UInt64(dice.below(70))
        let mayRead = !abilities.denied.contains("read")
        let mayWrite = !abilities.denied.contains("write")
        switch dice.below(10) {
        case ..<3 where mayWrite:
            let bytes = writtenBytes(of: number, count: dice.number(in: 2...30))
            return .write(WriteRequest(bytes, offset: offset))
        case ..<6 where mayRead: return .read(ReadRequest(goal(), offset: offset))
        case ..<8: return lock(isExclusive: mayWrite && (!mayRead || dice.happens(60)))
        case 8:
            guard let mine = dice.pick(held.filter { $0.1.session === session }) else {
                return .unlock(FileRange(start: 1, length: 3))
            }
            return .unlock(fileRange(mine.1.range))
        default: return .control(.kernel(dice.happens(50) ? .syncFile : .fileSize, takesTurn: true))
        }
    }

    private func fileRange(_ range: Range<Int>) -> FileRange {
        FileRange(start: UInt64(range.lowerBound), length: UInt64(range.count))
    }

    private func lock(isExclusive: Bool) -> OperationKind {
        let start = dice.below(SimulatedFile.lockable - 20)
        return .lock(
            LockRequest(
                FileRange(start: UInt64(start), length: UInt64(dice.number(in: 1...16))),
                isExclusive: isExclusive, waits: dice.happens(60)))
    }

    private func goal() -> ReadGoal {
        switch dice.below(6) {
        case 0: .readiness
        case 1, 2: .exactly(dice.number(in: 1...30))
        case 3: .until([10], limit: dice.number(in: 1...40))
        default: .available(limit: dice.number(in: 1...60))
        }
    }

    override func accepted(_ operation: ShapeOperation, by session: ShapeSession) {
        guard case .unlock(let range) = operation.kind else { return }
        // Whichever of several such locks it is.
        held.removeAll {
            $0.1.session === session && UInt64($0.1.range.lowerBound) == range.start
                && UInt64($0.1.range.count) == range.length
        }
    }

    override func willClose(_ session: ShapeSession) {
        held.removeAll { $0.1.session === session }
    }

    // MARK: - Checks

    /// A transfer is asked for: no lock that is surely held may stand in its way.
    func willTouch(_ file: SimulatedFile, _ range: Range<Int>, isWrite: Bool, _ open: OpenFile) {
        guard !run.isDraining else { return }
        for (index, lock) in held where files[index] === file && lock.session !== open.session {
            run.expect(
                !lock.range.overlaps(range) || !lock.isExclusive && !isWrite,
                "\(open.session?.id.text ?? "-"): touches \(range), locked by \(lock.session.id.text)"
            )
        }
    }

    override func mayEnd(
        _ operation: ShapeOperation, with entry: CompletionEntry, in session: ShapeSession
    ) -> Bool {
        let code = entry.details?.error?.code ?? "-"
        switch (operation.kind, entry.status) {
        case (.read, .endOfStream): return code == EntryError.endOfFile.code
        case (.read, .failed):
            return ["lock_violation", EntryError(.inputOutput).code, "frame_too_long"].contains(
                code)
        case (.write, .failed):
            return ["lock_violation", EntryError(.inputOutput).code, "disk_full"].contains(code)
        case (.lock, .failed): return code == "lock_violation"
        case (.unlock, .failed): return code == EntryError.notLocked.code
        case (.write, .indeterminate), (.unlock, .indeterminate):
            return operation.deadline.map { $0 <= run.clock.now() } ?? false
        default: return false
        }
    }

    override func check(
        _ entry: CompletionEntry, of operation: ShapeOperation, in session: ShapeSession,
        isLast: Bool
    ) {
        let name = run.words(operation, session)
        let open = opened[session.id]
        switch operation.kind {
        case .read(let read):
            run.expect(entry.bytes == entry.data.count, "\(name): says \(entry.bytes) bytes")
            guard !entry.data.isEmpty else { return }
            run.expect(
                open?.takeGiven(entry.data, at: Int(read.offset ?? 0)) ?? false,
                "\(name): data that no read of it gave")
        case .write(let write):
            let written = open?.written[operation.number] ?? 0
            run.expect(
                entry.status != .ok || entry.bytes == write.bytes.count,
                "\(name): ok with \(entry.bytes) bytes")
            // What a thread has yet to do shows later.
            let isSure = entry.status != .indeterminate
            if !isSure { open?.unfinished.append(operation) }
            run.expect(
                isSure ? entry.bytes == written : entry.bytes <= written,
                "\(name): \(entry.status) with \(entry.bytes) bytes, \(written) were written")
        case .lock(let request):
            guard entry.status == .ok, !session.isCloseRequested else { return }
            hold(request, by: session, name)
        default: break
        }
    }

    private func hold(_ request: LockRequest, by session: ShapeSession, _ name: String) {
        let file = index(session.number)
        let range = Int(request.range.start)..<Int(request.range.end)
        for (other, lock) in held where other == file && lock.session !== session {
            run.expect(
                !lock.range.overlaps(range) || !lock.isExclusive && !request.isExclusive,
                "\(name): granted against the lock of \(lock.session.id.text)")
        }
        // An unlock of such a range that is under way may be this lock's.
        let isLeaving = session.pending.contains {
            if case .unlock(let leaving) = $0.kind { leaving == request.range } else { false }
        }
        guard !isLeaving else { return }
        held.append((file, Held(session: session, range: range, isExclusive: request.isExclusive)))
        run.count("lock held")
    }

    override func closed(_ session: ShapeSession, _ entry: CompletionEntry) {
        held.removeAll { $0.1.session === session }
        guard let open = opened.removeValue(forKey: session.id), !session.hasOpenFailed else {
            return
        }
        run.expect(open.isClosed, "\(session.id.text): ended with an open descriptor")
    }

    override func complaint(about session: ShapeSession) -> String? {
        // With no thread in the kernel and no lock to wait for, nothing stands still.
        guard
            let head = session.pending.first(where: { operation in
                if case .lock = operation.kind { false } else { true }
            })
        else { return nil }
        return "operation \(head.number), \(head.kind.words), does not go on"
    }

    override func end() {
        for file in files {
            run.expect(file.isUnlocked, "file \(file.key.inode): the kernel still has locks of it")
        }
    }
}
