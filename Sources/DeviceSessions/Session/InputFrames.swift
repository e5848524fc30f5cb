import DequeModule
import EngineBase

/// What a session knows of the frames in its input beyond the bytes themselves.
struct InputFrames {
    /// When the newest byte came.
    private(set) var lastArrival: MonotonicInstant?
    /// Ends of frames that a pause has ended, in bytes of the stream so far.
    private var gapEnds = Deque<Int>()
    /// Bytes of the stream that have left the input buffer.
    private var taken = 0
    /// Bytes still to come of a frame that nobody gets whole.
    private var toSkip = 0
    /// The beginning of such a frame, whose length has not come yet.
    private var tornHeader: (prefix: LengthPrefix, bytes: [UInt8])?
    /// Whether the gap's timer is out.
    var isTimerArmed = false

    /// Takes note of bytes that have come, and drops what belongs to a frame that is skipped.
    ///
    /// - Returns: the bytes that are for reads, and how many were dropped.
    mutating func arrived(
        _ bytes: [UInt8], behind count: Int, gapMilliseconds: Int?, at now: MonotonicInstant
    ) -> (kept: [UInt8], dropped: Int) {
        if let gapMilliseconds, let last = lastArrival, count > 0,
            now >= last.advanced(milliseconds: gapMilliseconds), gapEnds.last != taken + count
        {
            gapEnds.append(taken + count)
        }
        lastArrival = now
        guard toSkip > 0 || tornHeader != nil else { return (bytes, 0) }
        return dropped(from: bytes)
    }

    private mutating func dropped(from bytes: [UInt8]) -> (kept: [UInt8], dropped: Int) {
        var start = 0
        if let (prefix, begun) = tornHeader {
            let more = min(prefix.headerBytes - begun.count, bytes.count)
            let header = begun + bytes[..<more]
            start = more
            if case .frame(let total) = prefix.find(in: header) {
                tornHeader = nil
                toSkip = total - header.count
            } else {
                // Still incomplete; or no length, and then what follows is as good as any start.
                tornHeader = header.count < prefix.headerBytes ? (prefix, header) : nil
            }
        }
        let skipped = min(toSkip, bytes.count - start)
        toSkip -= skipped
        start += skipped
        return (Array(bytes[start...]), start)
    }

    /// Bytes have left the input buffer.
    mutating func took(_ count: Int) {
        taken += count
        while let end = gapEnds.first, end <= taken { gapEnds.removeFirst() }
    }

    /// Bytes have been put back in front of the input buffer.
    mutating func putBack(_ count: Int) { taken -= count }

    /// So many bytes that have not come yet belong to a frame that nobody gets whole.
    mutating func skip(_ count: Int) { toSkip += count }

    /// A frame was given up when only a part of its header had come.
    mutating func tear(_ header: [UInt8], of prefix: LengthPrefix) { tornHeader = (prefix, header) }

    /// The end of the first frame that a pause has ended, counted from the buffer's front.
    func firstGapEnd(
        of count: Int, gapMilliseconds: Int, at now: MonotonicInstant
    ) -> Int? {
        if let end = gapEnds.first { return end - taken }
        guard count > 0, let last = lastArrival,
            now >= last.advanced(milliseconds: gapMilliseconds)
        else { return nil }
        return count
    }
}
