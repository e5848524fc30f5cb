import DeviceSessions
import EngineBase
import LinuxSystem

/// Names, opening and closing.
extension KernelDriver {
    func resolve(_ host: String, _ port: UInt16, _ token: StepToken) -> StepOutcome {
        if let literal = NameResolver.literal(host, port: port) {
            told.append(.completed(token, .addresses([SocketAddress(literal)])))
            return .pending
        }
        startJob(token, nil, in: resolver, cancelRule: .anyTime) {
            do throws(NameResolver.Failure) {
                let found = try NameResolver.resolve(host, port: port)
                return .result(.addresses(found.map(SocketAddress.init)))
            } catch {
                switch error {
                case .system(let errno): return .result(.failed(errno))
                case .unresolved(let words): return .result(.unresolved(words))
                }
            }
        }
        return .pending
    }

    func open(_ request: OpenRequest, _ token: StepToken) -> StepOutcome {
        do throws(Errno) {
            switch request {
            case .socket(let kind, let family, let address, let options):
                let opened = try SocketOpening.socket(kind, family, options)
                if let address {
                    try opened.descriptor.owned.bind(to: try kernelAddress(address))
                }
                return .done(.opened(try adopt(opened)))
            case .listener(let address, let backlog):
                let raw = try kernelAddress(address)
                return .done(
                    .opened(
                        try adopt(
                            try SocketOpening.listener(
                                at: raw,
                                family: address.family,
                                backlog: backlog
                            )
                        )
                    )
                )
            case .unixListener, .unixTarget, .file, .terminal:
                startJob(token, nil, in: files, cancelRule: .anyTime) {
                    do throws(Errno) {
                        return .opened(try PathOpening.open(request))
                    } catch {
                        return .result(.failed(error))
                    }
                }
                return .pending
            }
        } catch {
            return .done(.failed(error))
        }
    }

    /// Gives a new descriptor a slot.
    func adopt(_ opened: OpenedDescriptor) throws(Errno) -> DescriptorSlot {
        opened.isWatchedFromStart ? try adoptWatched(opened) : table.insert(opened).slot
    }

    /// Gives a descriptor that can report events a slot, and watches it.
    func adoptWatched(_ opened: OpenedDescriptor) throws(Errno) -> DescriptorSlot {
        let record = table.insert(opened)
        do throws(Errno) {
            try register(record)
        } catch {
            table.remove(record.slot)
            throw error
        }
        // Correct nearly always, and put right by EAGAIN if not.
        record.isWritable = true
        return record.slot
    }

    func close(_ record: DescriptorRecord, reset: Bool, _ token: StepToken) -> StepOutcome {
        guard !record.isBusy else { return .done(.failed(.busy)) }
        if reset, case .stream = record.opened.role {
            // If it is refused, there is no connection left to reset.
            try? record.opened.descriptor.owned.setResetOnClose()
        }
        unregister(record)
        table.remove(record.slot)
        guard record.opened.closesSlowly else { return .done(.done) }
        let closing = record.surrender()
        startJob(token, nil, in: files, cancelRule: .never, ifRefused: .done) {
            closing.close(discardingOutput: reset)
            return .result(.done)
        }
        return .pending
    }
}

extension OpenedDescriptor {
    /// Whether it can report events before a connect: a stream has to be connected first, and files
    /// have none.
    fileprivate var isWatchedFromStart: Bool {
        switch role {
        case .datagram, .listener, .terminal: true
        case .stream, .sequencedPacket, .handle, .file: false
        }
    }
}

extension SocketAddress {
    /// The family of sockets that can have this address.
    fileprivate var family: SocketFamily {
        switch self {
        case .ipv4: .ipv4
        case .ipv6: .ipv6
        case .unix, .unixHandle: .unix
        }
    }
}
