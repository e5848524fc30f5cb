/// Cuts arriving bytes into lines and drops those that are too long.
struct LineInput {
    /// The most bytes of a line, without its end.
    static let longestLine = 4096

    enum Line {
        case complete(String)
        case tooLong
    }

    private var bytes: [UInt8] = []
    /// Where the first line not yet taken begins.
    private var start = 0
    /// No line end lies before here, so that bytes are searched once.
    private var searched = 0
    /// The rest of a line that was already refused is thrown away up to its end.
    private var isDropping = false

    mutating func append(_ more: some Collection<UInt8>) {
        if start > 0 {
            bytes.removeFirst(start)
            searched -= start
            start = 0
        }
        bytes.append(contentsOf: more)
    }

    /// Whether ``next()`` would find the end of a line.
    var hasLine: Bool {
        bytes[searched...].contains(10)
    }

    /// Takes the next line, without LF or CR LF; nil when none is complete.
    ///
    /// A line that is too long is told as soon as that is known, and once.
    mutating func next() -> Line? {
        while let end = bytes[searched...].firstIndex(of: 10) {
            var line = bytes[start..<end]
            start = end + 1
            searched = start
            if isDropping {
                isDropping = false
                continue
            }
            if line.last == 13 { line = line.dropLast() }
            guard line.count <= Self.longestLine else { return .tooLong }
            return .complete(String(decoding: line, as: UTF8.self))
        }
        searched = bytes.count
        let waiting = bytes.count - start
        if isDropping || waiting > Self.longestLine + 1 {
            let isNews = !isDropping
            isDropping = true
            start = bytes.count
            return isNews ? .tooLong : nil
        }
        return nil
    }
}
