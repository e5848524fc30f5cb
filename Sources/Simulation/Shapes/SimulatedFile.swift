import DeviceSessions
import EngineBase
import PortEngine
import Workers

/// A file as the kernel has it: its bytes, and who has locked which of them.
final class SimulatedFile {
    /// The largest file that there is room for.
    static let mostBytes = 65_536
    /// Locks lie below this offset.
    static let lockable = 64

    let key: FileKey
    var bytes: [UInt8] = []
    /// For each byte who has locked it: one exclusively, or some together.
    fileprivate var modes: [ObjectIdentifier: [FileLockStep.Mode]] = [:]
    /// Bytes that another program has locked.
    var foreign: Range<Int>?
    /// Whether the disk takes no more: ENOSPC.
    var isFull = false

    init(key: FileKey) { self.key = key }

    /// Whether somebody else has a lock that the mode does not go with.
    func isBarred(
        _ range: Range<Int>, for owner: ObjectIdentifier, as mode: FileLockStep.Mode
    ) -> Bool {
        if let foreign, foreign.overlaps(range) { return true }
        return modes.contains { other, held in
            other != owner
                && range.contains { byte in
                    held[byte] == .exclusive || mode == .exclusive && held[byte] != .none
                }
        }
    }

    func set(_ range: Range<Int>, of owner: ObjectIdentifier, to mode: FileLockStep.Mode) {
        var held = modes[owner] ?? Array(repeating: .none, count: SimulatedFile.lockable)
        for byte in range { held[byte] = mode }
        modes[owner] = held.allSatisfy { $0 == .none } ? nil : held
    }

    /// The end of a descriptor is the end of its locks.
    func forget(_ owner: ObjectIdentifier) { modes[owner] = nil }

    /// Whether nobody has anything locked.
    var isUnlocked: Bool { modes.isEmpty }
}

/// A descriptor of a file.
final class OpenFile: ScriptedDevice {
    let file: SimulatedFile
    private unowned let shape: FileShape
    weak var session: ShapeSession?
    private let appends: Bool
    /// What reads gave, in their order, until an entry has it.
    private(set) var given: [(offset: Int, bytes: [UInt8])] = []
    /// How many bytes of each write were written.
    private(set) var written: [UInt64: Int] = [:]
    /// How often the step that is out will still be "not now": a thread hangs in the kernel.
    private var patience = 0
    private var isStuck = false
    private(set) var isClosed = false
    /// Writes that ended while a thread still had them.
    var unfinished: [ShapeOperation] = []

    init(_ file: SimulatedFile, _ shape: FileShape, appends: Bool) {
        self.file = file
        self.shape = shape
        self.appends = appends
    }

    private var dice: ScriptedDice { shape.dice }

    func canBeCalledBack(_ step: KernelStep) -> Bool { !isStuck }

    func isReady(for step: KernelStep) -> Bool { !isStuck || shape.run.isQuiet }

    func submitted(_ step: KernelStep) {
        switch step {
        case .readAt(_, let offset, let limit):
            shape.willTouch(file, Int(offset)..<Int(offset) + limit, isWrite: false, self)
        case .writeAt(_, let offset?, let bytes) where isWhole(bytes):
            shape.willTouch(file, Int(offset)..<Int(offset) + bytes.count, isWrite: true, self)
        default: break
        }
    }

    /// Whether these are all bytes of a write: the rest of one that has begun is written whatever
    /// has been locked since.
    private func isWhole(_ bytes: [UInt8]) -> Bool {
        session?.pending.contains { $0.kind.payload == bytes } ?? false
    }

    func perform(_ step: KernelStep) throws(Errno) -> StepResult? {
        if isStuck {
            patience -= 1
            if patience > 0 && !shape.run.isQuiet { return nil }
            isStuck = false
        } else if !shape.run.isQuiet && dice.happens(6) {
            shape.run.count("stuck")
            isStuck = true
            patience = dice.number(in: 1...40)
            return nil
        }
        switch step {
        case .readAt(_, let offset, let limit): return try read(Int(offset), limit)
        case .writeAt(_, let offset, let bytes): return try write(offset.map { Int($0) }, bytes)
        case .control(_, .fileIdentity): return .control(.file(file.key))
        case .control(_, .fileSize): return .control(.number(file.bytes.count))
        case .control(_, .syncFile): return .done
        case .control(_, .lockFile(let steps)): return .control(.locked(lock(steps)))
        case .control(_, .unlockFile(let steps)):
            for step in steps { file.set(range(step), of: ObjectIdentifier(self), to: step.mode) }
            return .control(.locked(true))
        default: throw .notSupported
        }
    }

    private func read(_ offset: Int, _ limit: Int) throws(Errno) -> StepResult {
        if !shape.run.isQuiet && dice.happens(2) { throw .inputOutput }
        let bytes = Array(file.bytes.dropFirst(offset).prefix(limit))
        given.append((offset, bytes))
        return .received(bytes)
    }

    private func write(_ offset: Int?, _ bytes: [UInt8]) throws(Errno) -> StepResult {
        if file.isFull || file.bytes.count >= SimulatedFile.mostBytes { throw Errno(28) }
        if !shape.run.isQuiet && dice.happens(2) { throw .inputOutput }
        let place = offset ?? file.bytes.count
        shape.run.expect((offset == nil) == appends, "an offset where the file appends, or none")
        let count =
            dice.happens(shape.run.isQuiet ? 0 : 30)
            ? dice.number(in: 1...bytes.count) : bytes.count
        note(bytes, place: offset, count: count)
        if file.bytes.count < place + count {
            file.bytes += Array(repeating: 0, count: place + count - file.bytes.count)
        }
        file.bytes.replaceSubrange(place..<place + count, with: bytes.prefix(count))
        return .sent(count)
    }

    /// Finds whose bytes they are: each write goes out once, from its first byte to its last.
    private func note(_ bytes: [UInt8], place: Int?, count: Int) {
        guard let session else { return shape.run.fail("a write of no session") }
        let writer = (session.pending + unfinished).first { operation in
            guard case .write(let write) = operation.kind else { return false }
            let done = written[operation.number] ?? 0
            return write.bytes.dropFirst(done).elementsEqual(bytes)
                && place == write.offset.map { Int($0) + done }
        }
        guard let writer else {
            return shape.run.fail("\(session.id.text): bytes that no operation wants written there")
        }
        written[writer.number, default: 0] += count
    }

    /// The bytes of a step, of those that anybody locks.
    private func range(_ step: FileLockStep) -> Range<Int> {
        let most = UInt64(SimulatedFile.lockable)
        return Int(min(step.range.start, most))..<Int(min(step.range.end, most))
    }

    private func lock(_ steps: [FileLockStep]) -> Bool {
        let owner = ObjectIdentifier(self)
        guard !steps.contains(where: { file.isBarred(range($0), for: owner, as: $0.mode) }) else {
            shape.run.count("barred by the kernel")
            return false
        }
        for step in steps { file.set(range(step), of: owner, to: step.mode) }
        return true
    }

    /// Whether a read gave these bytes for that place; what it was before then is given up.
    func takeGiven(_ data: [UInt8], at offset: Int) -> Bool {
        guard
            let index = given.firstIndex(where: {
                $0.offset == offset && $0.bytes.prefix(data.count).elementsEqual(data)
            })
        else { return false }
        given.removeFirst(index + 1)
        return true
    }

    func close(reset: Bool) {
        isClosed = true
        file.forget(ObjectIdentifier(self))
    }
}
