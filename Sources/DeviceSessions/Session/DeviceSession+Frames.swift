import EngineBase
import PortEngine

extension DeviceSession {
    /// What a frame comes to with the bytes that are there.
    mutating func verdict(onFrame form: Framing.Form, limit: Int) -> ReadVerdict {
        switch form {
        case .delimiter(let delimiter):
            return verdict(on: .until(delimiter, limit: limit))
        case .fixed(let size):
            return verdict(on: .exactly(size))
        case .lengthPrefix(let prefix):
            return verdict(onPrefixed: prefix, limit: limit)
        case .gap(let milliseconds):
            let end = frames.firstGapEnd(
                of: input.count, gapMilliseconds: milliseconds, at: present)
            if let end, end <= limit { return .complete(size: end, .ok, nil) }
            if end != nil || input.count >= limit {
                return .complete(size: limit, .failed, .frameTooLong)
            }
            return endVerdict
        }
    }

    private func verdict(onPrefixed prefix: LengthPrefix, limit: Int) -> ReadVerdict {
        if case .failed(let error) = inputState, error.code == EntryError.frameImpossible.code {
            return endVerdict
        }
        switch prefix.find(in: input.bytes) {
        case .incomplete:
            return endVerdict
        case .impossible:
            return .complete(size: min(limit, input.count), .failed, .frameImpossible)
        case .frame(let total) where total <= limit:
            return input.count >= total ? .complete(size: total, .ok, nil) : endVerdict
        case .frame:
            return input.count >= limit
                ? .complete(size: limit, .failed, .frameTooLong) : endVerdict
        }
    }

    /// Takes the bytes of a read that ends without its goal, and keeps the stream in step behind
    /// them: what is still to come of a frame whose length is known is skipped.
    ///
    /// - Returns: the bytes, and how many are thrown away behind them.
    mutating func takeUnfinished(_ goal: ReadGoal, _ size: Int) -> (data: [UInt8], skipped: Int) {
        guard case .frame(let form, _) = goal, size > 0 else { return (take(size), 0) }
        let total: Int
        switch form {
        case .delimiter, .gap:
            return (take(size), 0)
        case .fixed(let bytes):
            total = bytes
        case .lengthPrefix(let prefix):
            switch prefix.find(in: input.bytes) {
            case .incomplete:
                let data = take(size)
                frames.tear(data, of: prefix)
                return (data, 0)
            case .impossible:
                // Nobody can tell where the next frame begins.
                inputState = .failed(.frameImpossible)
                return (take(size), 0)
            case .frame(let found):
                total = found
            }
        }
        let data = take(size)
        let rest = max(0, total - size)
        let isThere = take(min(rest, input.count)).count
        snapshot.counters.bytesDiscarded += isThere
        guard inputState.isOpen else { return (data, isThere) }
        frames.skip(rest - isThere)
        return (data, rest)
    }

    /// The bytes of an unfinished frame that a read which ends early gives.
    func unfinishedFrameSize(_ form: Framing.Form, limit: Int) -> Int {
        let end: Int? =
            switch form {
            case .delimiter(let delimiter): input.end(of: delimiter, from: 0)
            case .fixed(let size): size
            case .lengthPrefix(let prefix):
                if case .frame(let total) = prefix.find(in: input.bytes) { total } else { nil }
            case .gap(let milliseconds):
                frames.firstGapEnd(of: input.count, gapMilliseconds: milliseconds, at: present)
            }
        return min(end ?? limit, limit, input.count)
    }

    /// The pause that ends frames of the read that is served now.
    private var gapInUse: Int? {
        for number in [standing, readLane.first] {
            guard let number, let pending = operations[number] else { continue }
            switch pending.operation.kind {
            case .read(let read):
                if case .frame(.gap(let milliseconds), _) = read.goal { return milliseconds }
            case .transact(let transact):
                if case .frame(.gap(let milliseconds), _) = transact.goal { return milliseconds }
            case .write, .accept, .control, .lock, .unlock, .waitEvent, .disconnect: continue
            }
        }
        return nil
    }

    /// Takes bytes into the input buffer.
    mutating func takeIn(_ bytes: [UInt8], at now: MonotonicInstant) {
        var gap = gapInUse
        if case .gap(let milliseconds)? = configuration.framing?.form { gap = gap ?? milliseconds }
        let (kept, dropped) = frames.arrived(
            bytes, behind: input.count, gapMilliseconds: gap, at: now)
        snapshot.counters.bytesDiscarded += dropped
        if !kept.isEmpty { input.append(kept) }
    }

    /// Comes back when the pause will have ended the frame that is in the buffer.
    mutating func armGap(_ effects: inout SessionEffects) {
        guard !frames.isTimerArmed, !input.isEmpty, let gap = gapInUse,
            let last = frames.lastArrival
        else { return }
        let end = last.advanced(milliseconds: gap)
        // A frame that has ended and is held up by its port or for want of credit needs no timer.
        guard end > present else { return }
        frames.isTimerArmed = true
        effects.append(.arm(.gap, at: end))
    }
}
