import EngineBase
import Workers

/// What devices do.
extension SimulationRun {
    /// Some device acts, or a client comes to a listener.
    func actAsDevice() {
        if !listeners.isEmpty && dice.happens(15) {
            let index = dice.below(listeners.count)
            if listeners[index].listener.isClosed {
                listeners.remove(at: index)
            } else {
                letClientArrive(at: listeners[index].listener)
            }
            return
        }
        guard !connections.isEmpty else { return }
        let index = dice.below(connections.count)
        let record = connections[index]
        if record.connection.isOverForDevice && record.isClosed {
            forget(record, at: index)
            return
        }
        act(record)
    }

    private func forget(_ record: ConnectionRecord, at index: Int) {
        connections.swapAt(index, connections.count - 1)
        connections.removeLast()
        connectionOf[ObjectIdentifier(record.connection)] = nil
        connectionAt[record.address] = nil
    }

    func act(_ record: ConnectionRecord) {
        let manner = record.manner
        if dice.happens(manner.takes) {
            let taken = record.connection.deviceTakes(dice.number(in: 1...manner.takesAtMost))
            if !taken.isEmpty {
                note(.deviceTakes, record.index, taken.count)
                record.owed += manner.answer == .echo ? taken.count : 1
            }
        }
        send(record)
        guard !isQuiet else { return }
        let fate = dice.below(10_000)
        if fate < manner.finishes {
            note(.deviceFinishes, record.index)
            record.connection.deviceFinishes()
        } else if fate < manner.finishes + manner.closes {
            note(.deviceCloses, record.index)
            record.connection.deviceCloses()
        } else if fate < manner.finishes + manner.closes + manner.resets {
            note(.deviceBreaks, record.index)
            record.connection.deviceBreaks(with: .connectionReset)
        } else if fate < manner.finishes + manner.closes + manner.resets + manner.otherErrors {
            note(.deviceBreaks, record.index, 1)
            record.connection.deviceBreaks(with: dice.happens(50) ? .timedOut : .hostUnreachable)
        }
    }

    private func send(_ record: ConnectionRecord) {
        let room = min(record.connection.roomForDevice, record.manner.sendsAtMost)
        guard room > 0 else { return }
        var count = 0
        switch record.manner.answer {
        case .never: return
        case .echo: count = min(record.owed, room)
        case .line:
            guard record.owed > 0 || dice.happens(5) else { return }
            count = record.ledger.pattern.lineLength(from: record.deviceSent, limit: min(room, 80))
            record.owed = max(0, record.owed - 1)
        case .flood: count = min(room, dice.number(in: 1...300))
        }
        if record.manner.answer == .echo { record.owed -= count }
        guard count > 0 else { return }
        record.connection.deviceSends(
            record.ledger.pattern.bytes(from: record.deviceSent, count: count))
        record.deviceSent += count
        note(.deviceSends, record.index, count)
    }
}
