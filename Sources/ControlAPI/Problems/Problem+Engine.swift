import DeviceSessions
import JSONText
import PortEngine
import Transports

extension Problem {
    /// What a port's refusal is in HTTP.
    init(_ error: PortError, port: PortName) {
        let name = port.rawValue
        switch error {
        case .closed:
            self.init(.portClosed, "The port \(name) was closed.")
        case .full(let limit, let current):
            self.init(
                .portFull, "The port \(name) has no place left: \(current) of \(limit) are taken.",
                limit: limit, current: current)
        case .fullOfBytes(let limit, let current):
            self.init(
                .portFull, "The port \(name) holds \(current) of \(limit) bytes of payload.",
                limit: limit, current: current)
        case .neverFits(let limit, let requested):
            self.init(
                .portBatchTooLarge,
                "The request needs \(requested) places, and the port \(name) has \(limit) in all.",
                limit: limit, current: requested)
        case .neverFitsBytes(let limit, let requested):
            self.init(
                .portBatchTooLarge,
                "The request has \(requested) bytes, and the port \(name) takes \(limit) in all.",
                limit: limit, current: requested)
        case .tooManyWaiters(let limit):
            self.init(
                .portTooManyWaiters, "\(limit) fetches wait on the port \(name) already.",
                limit: limit, current: limit)
        case .tooManyAlerts(let limit, let current):
            self.init(
                .consumerTooManyAlerts, "\(current) of \(limit) are kept on the port \(name).",
                limit: limit, current: current)
        case .notEmpty(let entries, let reserved):
            self.init(.portNotEmpty, Problem.notEmpty(name, entries, reserved))
        }
    }

    /// What a failed look-up of a port is in HTTP.
    init(_ error: PortDirectoryError, port: PortName) {
        let name = port.rawValue
        switch error {
        case .unknown:
            self.init(.portUnknown, "There is no port \(name).")
        case .closed:
            self.init(.portClosed, "The port \(name) was closed.")
        case .settingsDiffer:
            self.init(.portSettingsDiffer, "The port \(name) is there with other settings.")
        case .tooManyPorts(let limit):
            self.init(
                .serviceTooManyPorts, "The daemon has \(limit) ports.", limit: limit, current: limit
            )
        case .notEmpty(let entries, let reserved):
            self.init(.portNotEmpty, Problem.notEmpty(name, entries, reserved))
        }
    }

    private static func notEmpty(_ name: String, _ entries: Int, _ reserved: Int) -> String {
        "The port \(name) holds \(entries) entries and \(reserved) reserved places."
    }

    /// What a failed look-up of a session is in HTTP.
    init(_ error: SessionLookupError, session: String) {
        switch error {
        case .unknown: self.init(.sessionUnknown, "There is no session of that id.")
        case .closed: self.init(.sessionClosed, "The session \(session) was closed.")
        }
    }

    /// What a refused submission is in HTTP.
    init(_ error: SubmitError, session: SessionHandle) {
        switch error {
        case .notOpen(.closed):
            self.init(.sessionClosed, "The session \(session.id.text) was closed.")
        case .notOpen(let phase):
            self.init(.sessionNotOpen, "The session \(session.id.text) is \(phase.rawValue).")
        case .unsupported(let operation, let transport):
            let known = session.abilities.operations.joined(separator: ", ")
            self.init(
                .operationUnsupported,
                "A \(transport) session has no \(operation); it has \(known).")
        case .unsupportedMember(let operation, let member, let why):
            self.init(
                .operationUnsupported,
                "The member \(member) of a \(operation) cannot stand: \(why).")
        case .accessDenied(let operation):
            self.init(
                .operationAccessDenied,
                "The session \(session.id.text) was not opened with the access for \(operation).")
            self.error = EntryText.text(of: .wrongAccess)
        case .locked(let milliseconds):
            self.init(
                .sessionLocked, "Another client holds the lock of \(session.id.text).",
                retryAfterMilliseconds: max(1, milliseconds))
        case .lockLost:
            self.init(
                .sessionLockLost,
                "The token in Iocpd-Lock does not hold the lock of \(session.id.text).")
        case .outputShut:
            self.init(.sessionOutputShut, "The output of \(session.id.text) was shut by :shutdown.")
        case .standingReadActive:
            self.init(
                .sessionStandingReadActive, "A standing read of \(session.id.text) is not over.")
        case .waitPending:
            self.init(
                .sessionWaitPending, "A wait_event of \(session.id.text) is pending already.")
        case .tooManyPending(let limit, let current):
            self.init(
                .sessionTooManyPending,
                "\(current) operations of \(session.id.text) are pending, and \(limit) may be.",
                limit: limit, current: current)
        case .tooManyPendingBytes(let limit, let current):
            self.init(
                .sessionTooManyPendingBytes,
                "\(current) bytes of writes are pending on \(session.id.text), and \(limit) may be.",
                limit: limit, current: current)
        case .port(let error):
            self.init(error, port: session.port.name)
        }
    }

    /// What a refused target is in HTTP.
    init(_ error: TargetError) {
        switch error {
        case .invalidURI(let why):
            self.init(
                .uriInvalid, "The uri cannot be used: \(why).",
                faults: [Fault(pointer: "/uri", detail: why)])
        case .denied:
            self.init(
                .targetDenied, "No --allow-target rule admits this target.",
                faults: [Fault(pointer: "/uri", detail: "is not an allowed target")])
        case .deniedOption(let name):
            self.init(
                .targetDenied, "No --allow-target file:// rule admits the path in \(name).",
                faults: [Fault(pointer: "/options/" + name, detail: "is not an allowed path")])
        case .unsupportedOption(let name, let reason):
            self.init(
                .optionsUnsupported, "The option \(name) cannot be used: \(reason).",
                faults: [Fault(pointer: "/options/" + name, detail: reason)])
        }
    }

    /// What a body that cannot be read is in HTTP.
    init(_ error: JSONBodyError) {
        switch error {
        case .syntax(let fault):
            self.init(
                .bodyInvalidJSON,
                "At line \(fault.line), column \(fault.column), the body \(fault.reason).",
                faults: [Fault(pointer: "", detail: fault.reason)])
        case .faults(let faults):
            let first = faults.first.map { fault in
                fault.pointer.isEmpty
                    ? "The body \(fault.detail)." : "The member \(fault.pointer) \(fault.detail)."
            }
            self.init(
                .bodyInvalid, first ?? "The body is not what this request takes.",
                faults: faults.map { Fault(pointer: $0.pointer, detail: $0.detail) })
        }
    }
}
