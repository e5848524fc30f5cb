import DeviceSessions
import PortEngine
import TLSEngine

/// Reads the small files that options name, one after the other, by steps of the driver.
struct FileReading: Sendable {
    /// What comes next.
    enum Progress: Sendable {
        case step(KernelStep)
        /// One file is read.
        case text([UInt8], option: String)
        case failed(EntryError)
        /// Nothing: all is read, or it was given up.
        case over
    }

    /// The largest file that is read.
    static let largestFile = 1 << 20

    private let files: [(option: String, target: PathTarget)]
    private var index = 0
    private var slot: DescriptorSlot?
    private var bytes: [UInt8] = []
    private var failure: EntryError?
    private var isClosing = false
    private var isAbandoned = false

    init(_ files: [(option: String, target: PathTarget)]) { self.files = files }

    /// Begins with the next file.
    mutating func next() -> Progress {
        guard index < files.count, !isAbandoned else { return .over }
        let access = FileAccess(reads: true, writes: false, appends: false, creates: false)
        return .step(.open(.file(files[index].target, access)))
    }

    /// Nothing more is wanted; what is open is closed when its step is over.
    mutating func abandon() { isAbandoned = true }

    /// Goes on after the step that was asked for.
    mutating func stepDone(_ result: StepResult) -> Progress {
        let option = files[index].option
        if isClosing {
            isClosing = false
            slot = nil
            if let failure { return .failed(failure) }
            index += 1
            defer { bytes = [] }
            return isAbandoned ? .over : .text(bytes, option: option)
        }
        switch result {
        case .opened(let slot):
            self.slot = slot
            return isAbandoned ? close(slot) : read(slot)
        case .received(let more):
            guard let slot else { return .over }
            bytes += more
            if bytes.count > FileReading.largestFile {
                failure = .tlsOptionUnusable(option, "its file has more than 1 MiB")
            }
            return more.isEmpty || failure != nil || isAbandoned ? close(slot) : read(slot)
        case .failed(let errno):
            let told = EntryError.ofPath(errno)
            failure = EntryError(
                code: told.code, message: "The file of options.\(option): \(told.message)",
                errno: told.errno, errnoName: told.errnoName, win32: told.win32)
            guard let slot else { return failure.map { .failed($0) } ?? .over }
            return close(slot)
        default:
            preconditionFailure("reading a file gave \(result)")
        }
    }

    private func read(_ slot: DescriptorSlot) -> Progress {
        .step(.readAt(slot, offset: UInt64(bytes.count), limit: 65_536))
    }

    private mutating func close(_ slot: DescriptorSlot) -> Progress {
        isClosing = true
        return .step(.close(slot, reset: false))
    }
}
